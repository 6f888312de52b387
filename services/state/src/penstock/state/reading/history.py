"""The past of executions and workflows: pictures of a moment, and comparisons."""

import asyncio
from typing import NamedTuple

from penstock.api.workflow.v1.workflow_service_pb2 import Execution, Workflow
from penstock.common.errors import InvalidArgument, NotFound
from penstock.state.payloads.store import PayloadStore
from penstock.state.ports import ExecutionRow, WorkflowStore
from penstock.state.reading.executions import (
    ExecutionReader,
    Folded,
    Moment,
    only_of,
    shown_index,
    within_bounds,
)
from penstock.state.reading.pictures import NODE_WEIGHT, picture
from penstock.state.reading.plans import PlanCache
from penstock.workflow.compare.executions import (
    ExecutionComparison,
    Side,
    compare_executions,
    stored_values,
)
from penstock.workflow.compare.versions import VersionComparison, compare_versions
from penstock.workflow.execution.leaving_out import LeavingOut
from penstock.workflow.execution.values import NULL
from penstock.workflow.execution.view import NodeView, node_view, view_of

_FETCHED_BYTES_MAX = 16 * 1024 * 1024
"""Stored values that one comparison opens; what is beyond is told to differ and no more."""


class Past(NamedTuple):
    """A picture of the past, when its last commit was decided (us), and the newest sequence."""

    execution: Execution
    at_us: int
    newest_seq: int


class Compared(NamedTuple):
    """Two executions and how they differ."""

    left: ExecutionRow
    right: ExecutionRow
    found: ExecutionComparison


class _Compared(NamedTuple):
    """One side; `unknown` are the digests of values that are stored nowhere."""

    row: ExecutionRow
    side: Side
    unknown: set[str]


class HistoryReader:
    """Reads what was."""

    def __init__(
        self,
        reader: ExecutionReader,
        workflows: WorkflowStore,
        plans: PlanCache,
        payloads: PayloadStore,
    ) -> None:
        self._executions = reader
        self._workflows = workflows
        self._plans = plans
        self._payloads = payloads

    async def at(self, tenant: str, execution_id: str, moment: Moment, node: str = "") -> Past:
        """The picture of a past moment, with one node only if one is named. Raises `NotFound`, and
        `InvalidArgument` if the execution has no such moment."""
        async with self._executions.heavy.reading() as reading:
            folded = await self._executions.fold(
                reading,
                tenant,
                execution_id,
                moment,
                only_of(node) if node else within_bounds,
            )
            _check_reached(execution_id, moment, folded)
            row, state = folded
            only = shown_index(state.plan, node) if node else -1
            shown = await picture(row, state, reading, only)
        return Past(shown, state.updated_us, max(row.last_seq, state.seq))

    async def compare(self, tenant: str, left_id: str, right_id: str) -> Compared:
        """Two executions of an account as they are now."""
        left = await self._side(tenant, left_id)
        right = await self._side(tenant, right_id)
        fetched: dict[str, bytes] = {}
        size = 0
        for value in stored_values(left.side, right.side):
            if value.digest in left.unknown or value.digest in right.unknown:
                continue
            size += value.size
            if size > _FETCHED_BYTES_MAX:
                break
            fetched[value.digest] = await self._payloads.get(tenant, value.digest)
        found = await asyncio.to_thread(compare_executions, left.side, right.side, fetched)
        return Compared(left.row, right.row, found)

    async def _side(self, tenant: str, execution_id: str) -> _Compared:
        """One of the two. Outputs that are too much are known by their digests alone."""
        unknown: set[str] = set()
        async with self._executions.heavy.reading() as reading:
            row, state = await self._executions.fold(
                reading, tenant, execution_id, leaving=lambda plan: LeavingOut(named=unknown)
            )
            params = state.started.params if state.started is not None else NULL
            nodes: list[NodeView] = []
            for index in range(state.tables.size):
                nodes.append(node_view(state, index))
                await reading.did(NODE_WEIGHT)
        side = Side(state.plan, view_of(state, tuple(nodes)), params)
        return _Compared(row, side, unknown)

    async def versions(
        self, tenant: str, name: str, left: int, right: int
    ) -> tuple[int, int, VersionComparison]:
        """Two versions of a workflow and their numbers; 0 is the latest."""
        one = await self._version(tenant, name, left)
        other = await self._version(tenant, name, right)
        found = compare_versions(
            await self._plans.plan(tenant, one.definition_hash),
            await self._plans.plan(tenant, other.definition_hash),
        )
        return one.version, other.version, found

    async def _version(self, tenant: str, name: str, version: int) -> Workflow:
        found = await self._workflows.find(tenant, name, version)
        if found is not None:
            return found
        latest = await self._workflows.find(tenant, name, 0)
        if latest is None:
            raise NotFound(f"there is no workflow {name!r}", fix="Apply its file first.")
        raise NotFound(
            f"workflow {name!r} has no version {version}",
            fix=f"Its versions are 1 to {latest.version}.",
            workflow=name,
        )


def _check_reached(execution_id: str, moment: Moment, folded: Folded) -> None:
    row, state = folded
    if moment.seq > state.seq:
        raise InvalidArgument(
            f"execution {execution_id} has no event {moment.seq}",
            fix=f"Its events are 1 to {max(row.last_seq, state.seq)}.",
            path="seq",
        )
    if state.started is None:
        raise InvalidArgument(
            f"execution {execution_id} had not begun at that instant",
            fix="Give an instant from its start on.",
            path="at",
        )
