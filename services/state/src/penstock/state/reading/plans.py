"""Compiled plans by content hash: definitions never change, so what was compiled once is kept."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable

from penstock.common.errors import Internal
from penstock.state.ports import WorkflowStore
from penstock.workflow.compile import InvalidDefinition
from penstock.workflow.plan import Plan

_PLANS_MAX = 200


class PlanCache:
    """The most recently used plans."""

    def __init__(self, workflows: WorkflowStore, compile_plan: Callable[[str], Plan]) -> None:
        self._workflows = workflows
        self._compile = compile_plan
        self._plans: OrderedDict[tuple[str, str], Plan] = OrderedDict()

    async def plan(self, tenant: str, definition_hash: str) -> Plan:
        """The plan of a stored definition. Raises `Internal` if it is missing or cannot be compiled
        here."""
        key = (tenant, definition_hash)
        plan = self._plans.get(key)
        if plan is None:
            source = await self._workflows.definition(tenant, definition_hash)
            if source is None:
                raise Internal(f"the definition {definition_hash} is not stored")
            try:
                plan = await asyncio.to_thread(self._compile, source)
            except InvalidDefinition as error:
                raise Internal(
                    f"the definition {definition_hash} does not compile here: {error}",
                    fix="Install the same node types in state as in coordinators and workers.",
                ) from error
            self._plans[key] = plan
            if len(self._plans) > _PLANS_MAX:
                self._plans.popitem(last=False)
        self._plans.move_to_end(key)
        return plan
