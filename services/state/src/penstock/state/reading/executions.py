"""Reads of one execution: its outline from the projection, everything else from its journal."""

from collections.abc import Callable
from typing import NamedTuple

from penstock.api.journal.v1.journal_pb2 import EventBatch
from penstock.api.workflow.v1.workflow_service_pb2 import Execution, ExecutionDetail
from penstock.common.errors import NotFound, no_execution
from penstock.common.journal_codec import decode_batch
from penstock.state.notice_ports import NoticeStore
from penstock.state.ports import ExecutionRow, ExecutionStore
from penstock.state.reading.heavy import HeavyReads, Reading
from penstock.state.reading.pictures import is_shown, picture, summary
from penstock.state.reading.plans import PlanCache
from penstock.workflow.execution.fold import ExecutionState
from penstock.workflow.execution.leaving_out import LeavingOut, nothing_but, nothing_but_sizes
from penstock.workflow.nearest import Names
from penstock.workflow.plan import Plan

_PAGE_ROWS = 200
_FOLDED_AT_ONCE = 250
"""Events between two looks at whether others should get their turn."""
_REFUSED_MAX = 100
_NAMES_TOLD = 20

Leaving = Callable[[Plan], LeavingOut]
"""What to leave out of an execution with this plan."""


class Moment(NamedTuple):
    """A moment of an execution's past: its last event that counts, or the last instant (us) of
    which commits count; with neither it is now."""

    seq: int = 0
    at_us: int = 0


NOW = Moment()


class Folded(NamedTuple):
    """The projection of an execution, and its fold up to a moment."""

    row: ExecutionRow
    state: ExecutionState


def within_bounds(plan: Plan) -> LeavingOut:
    """Outputs as long as they are not too much together."""
    return LeavingOut()


def no_outputs(plan: Plan) -> LeavingOut:
    """Sizes in place of outputs."""
    return nothing_but_sizes()


def only_of(node: str) -> Leaving:
    """The output of one node, whole. Raises `NotFound` for one that users do not know."""
    return lambda plan: nothing_but({shown_index(plan, node)})


def shown_index(plan: Plan, node: str) -> int:
    """The index of a node that users know. Raises `NotFound`."""
    index = {each.id: each.index for each in plan.nodes if is_shown(each.id)}
    found = index.get(node)
    if found is None:
        some = f"Its nodes: {', '.join(list(index)[:_NAMES_TOLD])}."
        raise NotFound(
            f"The workflow has no node {node[:80]!r}.",
            fix=Names(index).hint(node) or some,
            path="node",
        )
    return found


class ExecutionReader:
    """Reads executions on demand; what is much work waits for its turn."""

    def __init__(
        self, store: ExecutionStore, plans: PlanCache, notices: NoticeStore, heavy: HeavyReads
    ) -> None:
        self._store = store
        self._plans = plans
        self._notices = notices
        self.heavy = heavy

    async def read(self, tenant: str, execution_id: str, detail: int = 0) -> Execution:
        """One execution, as of its last committed event. Raises `NotFound`."""
        if detail == ExecutionDetail.EXECUTION_DETAIL_OUTLINE:
            return summary(await self._row(tenant, execution_id))
        if detail == ExecutionDetail.EXECUTION_DETAIL_RESULT:
            return await self._result(tenant, execution_id)
        if detail == ExecutionDetail.EXECUTION_DETAIL_NAMES:
            return await self._names(tenant, execution_id)
        sizes_only = detail == ExecutionDetail.EXECUTION_DETAIL_NODES
        async with self.heavy.reading() as reading:
            leaving = no_outputs if sizes_only else within_bounds
            folded = await self.fold(reading, tenant, execution_id, leaving=leaving)
            execution = await picture(folded.row, folded.state, reading)
        if may_be_refused(folded.state):
            await self._add_refused(execution, folded.state)
        return execution

    async def read_node(self, tenant: str, execution_id: str, node: str) -> Execution:
        """One execution with one of its nodes, whose output is whole. Raises `NotFound`."""
        async with self.heavy.reading() as reading:
            folded = await self.fold(reading, tenant, execution_id, leaving=only_of(node))
            only = shown_index(folded.state.plan, node)
            return await picture(folded.row, folded.state, reading, only)

    async def _row(self, tenant: str, execution_id: str) -> ExecutionRow:
        row = await self._store.find(tenant, execution_id)
        if row is None:
            raise no_execution(execution_id)
        return row

    async def _result(self, tenant: str, execution_id: str) -> Execution:
        """The outline and, from the last row of the journal, how it ended."""
        row = await self._row(tenant, execution_id)
        execution = summary(row)
        found = await self._store.history(tenant, execution_id, row.last_seq - 1, 1)
        for _, body in found.rows:
            last = EventBatch.FromString(body).events[-1]
            if last.HasField("execution_ended"):
                end = last.execution_ended
                execution.status = end.status
                if end.HasField("output"):
                    execution.output.CopyFrom(end.output)
                if end.HasField("failure"):
                    execution.failure.CopyFrom(end.failure)
        return execution

    async def _names(self, tenant: str, execution_id: str) -> Execution:
        row = await self._row(tenant, execution_id)
        plan = await self._plans.plan(tenant, row.definition_hash)
        execution = summary(row)
        for node in plan.nodes:
            if is_shown(node.id):
                execution.nodes.add(id=node.id)
        return execution

    async def _add_refused(self, execution: Execution, state: ExecutionState) -> None:
        """Tell what it asked for, did not wait for and cannot get."""
        found = await self._notices.refused(execution.tenant, execution.id, _REFUSED_MAX)
        nodes = state.plan.nodes
        for body in found:
            start = execution.refused_starts.add()
            start.MergeFromString(body)
            by_end = not start.ref.attempt  # then it is no node that asked, but one may have failed
            if by_end:
                start.node = execution.failed_node
            elif start.ref.node < len(nodes):
                start.node = nodes[start.ref.node].id

    async def fold(
        self,
        reading: Reading,
        tenant: str,
        execution_id: str,
        moment: Moment = NOW,
        leaving: Leaving = within_bounds,
    ) -> Folded:
        """The fold up to a moment, with everything that is not left out. Raises `NotFound`."""
        row = await self._row(tenant, execution_id)
        plan = await self._plans.plan(tenant, row.definition_hash)
        folding = _Folding(ExecutionState(plan, keep_outputs=True), leaving(plan), moment, reading)
        while True:
            page = await self._store.history(tenant, execution_id, folding.state.seq, _PAGE_ROWS)
            for _, body in page.rows:
                if await folding.take(body):
                    return Folded(row, folding.state)
            if not page.more:
                if folding.state.seq < row.last_seq:  # removed while it was being read
                    raise NotFound(f"there is no execution {execution_id} any more")
                return Folded(row, folding.state)


class _Folding:
    """A fold under way."""

    def __init__(
        self, state: ExecutionState, leaving: LeavingOut, moment: Moment, reading: Reading
    ) -> None:
        self.state = state
        self._leaving = leaving
        self._moment = moment
        self._reading = reading

    async def take(self, body: bytes) -> bool:
        """Take the next row in; True if the moment is reached."""
        moment, state, lighten = self._moment, self.state, self._leaving.lighten
        _, first_seq, at_us, events = decode_batch(body)
        if moment.at_us and at_us > moment.at_us:
            return True
        if moment.seq:
            events = events[: moment.seq - first_seq + 1]
        await self._reading.did(0, len(body))
        for first in range(0, len(events), _FOLDED_AT_ONCE):
            some = events[first : first + _FOLDED_AT_ONCE]
            state.apply_batch(map(lighten, some), first_seq + first, at_us)
            await self._reading.did(len(some))
        return state.seq == moment.seq


def may_be_refused(state: ExecutionState) -> bool:
    """True if this execution may have asked for others that it does not wait for. Most cannot, and
    nothing is looked up for them."""
    plan = state.plan
    flow = plan.on_failure
    if flow is not None and flow.workflow and state.end is not None:
        return True
    return any(node.retry.hook or node.uses == "workflow@1" for node in plan.nodes)
