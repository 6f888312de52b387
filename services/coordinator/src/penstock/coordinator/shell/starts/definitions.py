"""Plans by name and by content hash, so that a start asks nobody.

"The latest version" is answered from memory for at most one second after state was asked: a new
version applied through another coordinator is seen within that time, one applied here at once.
While a workflow is being started, its entry is refreshed in the background at half that age.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping

import msgspec

from penstock.api.workflow.v1.workflow_service_pb2 import Workflow
from penstock.common.errors import InvalidArgument, InvalidWorkflow, PenstockError
from penstock.coordinator.ports import Queries
from penstock.coordinator.shell.process import Process
from penstock.coordinator.shell.schedules.from_file import schedules_of
from penstock.workflow.compile import InvalidDefinition, compile_source
from penstock.workflow.execution.tables import tables_of
from penstock.workflow.node_type import NodeType
from penstock.workflow.params import ParamsChecker
from penstock.workflow.plan import NodePlan, Plan

STALE_S = 1.0
_REFRESH_S = 0.5
_PLANS_MAX = 1_000
"""Plans kept by hash beside those of live executions, about 20 KiB each."""
_NAMES_MAX = 10_000

Key = tuple[str, str, int]
"""Tenant, workflow name, version (0 for the latest)."""


class Definition(msgspec.Struct, frozen=True):
    """A version that can be started."""

    version: int
    plan: Plan
    checker: ParamsChecker


class _Entry(msgspec.Struct):
    """What state said at `asked_at`; `refreshing` while it is being asked again."""

    definition: Definition
    asked_at: float
    refreshing: bool = False


class Definitions:
    """The cache over state's workflows."""

    def __init__(
        self,
        queries: Queries,
        types: Mapping[str, NodeType],
        process: Process,
    ) -> None:
        self._queries = queries
        self._types = types
        self._clock = process.clock
        self._tasks = process.tasks
        self._entries: OrderedDict[Key, _Entry] = OrderedDict()
        self._plans: OrderedDict[str, Plan] = OrderedDict()
        self._asking: dict[Key, asyncio.Task[Definition | PenstockError]] = {}

    def type_of(self, node: NodePlan) -> NodeType | None:
        """What is known of the node's type; None for one of which only workers know."""
        return self._types.get(node.uses)

    def at_hand(self, tenant: str, name: str, version: int) -> Definition | None:
        """The definition if it is known and fresh enough; a numbered version never changes."""
        key = (tenant, name, version)
        entry = self._entries.get(key)
        if entry is None:
            return None
        age_s = self._clock.monotonic() - entry.asked_at
        if version == 0 and age_s > _REFRESH_S:
            if age_s > STALE_S:
                return None
            if not entry.refreshing:
                entry.refreshing = True
                self._tasks.create_task(self._refresh(key))
        return entry.definition

    async def get(self, tenant: str, name: str, version: int) -> Definition:
        """The definition, asked for if need be. Raises `NotFound`, `Unavailable`."""
        found = self.at_hand(tenant, name, version)
        return found or await self._ask((tenant, name, version))

    async def plan_of(self, tenant: str, definition_hash: str) -> Plan:
        """The plan of a tenant's definition, for executions that are loaded."""
        plan = self._plans.get(definition_hash)
        if plan is None:
            source = await self._queries.get_definition(tenant, definition_hash)
            plan = await self._compiled(definition_hash, source)
        return plan

    async def roll_back(self, tenant: str, name: str, version: int) -> tuple[Workflow, bool]:
        """Make the content of a version the newest version; False if it is that already. Raises
        `NotFound`, `InvalidWorkflow` if that content is no longer valid here."""
        if version < 1:
            raise InvalidArgument(
                "a roll-back needs the version to go back to", fix="Give its number, from 1."
            )
        found = await self._queries.get_workflow(tenant, name, version)
        plan = self._plans.get(found.definition_hash)
        if plan is None:
            plan = await self._compiled(found.definition_hash, found.source)
        return await self.store(tenant, found, plan)

    async def store(self, tenant: str, workflow: Workflow, plan: Plan) -> tuple[Workflow, bool]:
        """Make a checked file the newest version, and its schedules those of the workflow; False if
        it is that already. Raises `Conflict` if somebody else's schedule is in the way."""
        stored, created = await self._queries.put_workflow(
            tenant, workflow, schedules_of(plan), self._clock.now_us()
        )
        self._entries.pop((tenant, plan.name, 0), None)
        return stored, created

    async def _refresh(self, key: Key) -> None:
        try:
            await self._ask(key)
        except PenstockError:
            entry = self._entries.get(key)
            if entry is not None:
                entry.refreshing = False

    async def _ask(self, key: Key) -> Definition:
        """Ask state, once for all who want the same."""
        asking = self._asking.get(key)
        if asking is None:
            asking = self._tasks.create_task(self._fetched(key))
            self._asking[key] = asking
            asking.add_done_callback(lambda _: self._asking.pop(key, None))
        found = await asyncio.shield(asking)
        if isinstance(found, PenstockError):
            raise found
        return found

    async def _fetched(self, key: Key) -> "Definition | PenstockError":
        """An error is a result here: a task that fails would end the service."""
        asked_at = self._clock.monotonic()
        tenant, name, version = key
        try:
            workflow = await self._queries.get_workflow(tenant, name, version)
            plan = self._plans.get(workflow.definition_hash)
            if plan is None:
                plan = await self._compiled(workflow.definition_hash, workflow.source)
        except PenstockError as error:
            return error
        definition = Definition(workflow.version, plan, ParamsChecker(plan))
        self._entries[key] = _Entry(definition, asked_at)
        if len(self._entries) > _NAMES_MAX:
            self._entries.popitem(last=False)
        return definition

    async def _compiled(self, definition_hash: str, source: str) -> Plan:
        try:
            plan = await asyncio.to_thread(_prepared, source, self._types)
        except InvalidDefinition as error:
            raise InvalidWorkflow(
                f"the stored definition {definition_hash} cannot be used by this version: {error}",
                issues=error.to_dicts(),
            ) from error
        self._plans[definition_hash] = plan
        if len(self._plans) > _PLANS_MAX:
            self._plans.popitem(last=False)
        return plan


def _prepared(source: str, types: Mapping[str, NodeType]) -> Plan:
    """The plan with its tables, which take 0.2 s for a plan of 170,000 edges: not in the loop."""
    plan = compile_source(source, types)
    tables_of(plan)
    return plan
