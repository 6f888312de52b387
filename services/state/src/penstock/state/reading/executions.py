"""Executions as readers get them: the fold of the journal for one, the projection for lists."""

import asyncio
from typing import NamedTuple

from google.protobuf.timestamp_pb2 import Timestamp

from penstock.api.workflow.v1.workflow_service_pb2 import Execution, NodeState
from penstock.common.child_codec import write_parent
from penstock.common.errors import NotFound, no_execution
from penstock.common.journal_codec import decode_batch
from penstock.common.value_codec import write_failure, write_logs, write_payload
from penstock.state.notice_ports import NoticeStore
from penstock.state.payloads.store import PayloadStore
from penstock.state.ports import ExecutionRow, ExecutionStore
from penstock.state.reading.plans import PlanCache
from penstock.workflow.execution.events import ExecutionStarted, StartOptions
from penstock.workflow.execution.fold import ExecutionState
from penstock.workflow.execution.values import LAST_INSTANT_US, Payload
from penstock.workflow.execution.view import ExecutionView, NodeView, execution_view

_PAGE_ROWS = 200
_FOLD_EVENTS = 500
"""So many are folded before others get their turn: a long history must not hold up appends."""
_ANSWER_BYTES_MAX = 32 * 1024 * 1024
"""Above this, outputs in a picture become claim checks, to stay below the message limit."""
_WORTH_STORING_BYTES = 2 * 1024
_REFUSED_MAX = 100


class Moment(NamedTuple):
    """A moment of an execution's past: its last event that counts, or the last instant (us) of
    which commits count; with neither it is now."""

    seq: int = 0
    at_us: int = 0


NOW = Moment()


def set_time(stamp: Timestamp, at_us: int) -> None:
    """Set a time; what a worker's clock said that cannot be written down becomes the nearest that
    can."""
    if at_us > 0:
        stamp.FromMicroseconds(min(at_us, LAST_INSTANT_US))


def summary(row: ExecutionRow) -> Execution:
    """An execution as it appears in lists."""
    execution = Execution(
        id=row.execution_id,
        workflow=row.workflow,
        version=row.version,
        tags=row.tags,
        last_seq=row.last_seq,
        nodes_total=row.nodes_total,
        nodes_done=row.nodes_done,
        definition_hash=row.definition_hash,
        tenant=row.tenant,
    )
    execution.status = row.status  # type: ignore[assignment]
    set_time(execution.started_at, row.started_us)
    set_time(execution.finished_at, row.finished_us)
    if row.failure_reason:
        execution.failure.reason = row.failure_reason
    return execution


class ExecutionReader:
    """Folds executions on demand."""

    def __init__(
        self,
        store: ExecutionStore,
        plans: PlanCache,
        payloads: PayloadStore,
        notices: NoticeStore,
    ) -> None:
        self._store = store
        self._plans = plans
        self._payloads = payloads
        self._notices = notices

    async def read(self, tenant: str, execution_id: str) -> Execution:
        """One execution with its nodes, as of its last committed event. Raises `NotFound`."""
        row, state = await self.fold(tenant, execution_id)
        execution = await self.picture(row, state)
        if may_be_refused(state):
            await self._add_refused(execution, state)
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
        self, tenant: str, execution_id: str, moment: Moment = NOW
    ) -> tuple[ExecutionRow, ExecutionState]:
        """The projection and the fold up to a moment, everything kept. Raises `NotFound`."""
        row = await self._store.find(tenant, execution_id)
        if row is None:
            raise no_execution(execution_id)
        plan = await self._plans.plan(tenant, row.definition_hash)
        state = ExecutionState(plan, keep_outputs=True)
        paused_at_seq = 0
        while True:
            rows = await self._store.history(tenant, execution_id, state.seq, _PAGE_ROWS)
            for _, body in rows:
                _, first_seq, at_us, events = decode_batch(body)
                if moment.at_us and at_us > moment.at_us:
                    return row, state
                if moment.seq:
                    events = events[: moment.seq - first_seq + 1]
                state.apply_batch(events, first_seq, at_us)
                if state.seq == moment.seq:
                    return row, state
                if state.seq - paused_at_seq > _FOLD_EVENTS:
                    paused_at_seq = state.seq
                    await asyncio.sleep(0)
            if len(rows) < _PAGE_ROWS:
                if state.seq < row.last_seq:  # removed while it was being read
                    raise NotFound(f"there is no execution {execution_id} any more")
                return row, state

    async def picture(self, row: ExecutionRow, state: ExecutionState) -> Execution:
        """A folded execution as readers get it."""
        execution = self._picture(row, state)
        await self._slim(row.tenant, execution)
        return execution

    def _picture(self, row: ExecutionRow, state: ExecutionState) -> Execution:
        view = execution_view(state)
        execution = summary(row)
        execution.ClearField("failure")
        execution.ClearField("finished_at")
        execution.status = int(view.status)  # type: ignore[assignment]
        execution.last_seq = view.last_seq
        execution.nodes_total = view.nodes_total
        execution.nodes_done = view.nodes_done
        execution.failed_node = view.failed_node
        set_time(execution.finished_at, view.finished_us)
        if state.started is not None:
            _write_start(execution, state.started)
        _write_end(execution, view)
        execution.vars_json = view.vars_json
        for node in view.nodes:
            if not node.id.startswith("$"):
                _write_node(execution.nodes.add(), node)
        return execution

    async def _slim(self, tenant: str, execution: Execution) -> None:
        """Store large outputs apart if the picture would not fit into a message."""
        if execution.ByteSize() <= _ANSWER_BYTES_MAX:
            return
        for node in execution.nodes:
            plain = node.output.json
            if len(plain) > _WORTH_STORING_BYTES:
                stored = await self._payloads.put(tenant, plain)
                write_payload(node.output, Payload(b"", stored.digest, stored.size))


def may_be_refused(state: ExecutionState) -> bool:
    """True if this execution may have asked for others that it does not wait for. Most cannot, and
    nothing is looked up for them."""
    plan = state.plan
    flow = plan.on_failure
    if flow is not None and flow.workflow and state.end is not None:
        return True
    return any(node.retry.hook or node.uses == "workflow@1" for node in plan.nodes)


def _write_start(execution: Execution, started: ExecutionStarted) -> None:
    write_payload(execution.params, started.params)
    options = started.options
    if options is not None and options.origin is not None:
        execution.origin.execution_id = options.origin.execution_id
        execution.origin.seq = options.origin.seq
        execution.origin.kind = int(options.origin.kind)  # type: ignore[assignment]
    _write_options(execution, options)


def _write_options(execution: Execution, options: StartOptions | None) -> None:
    if options is None:
        return
    set_time(execution.not_before, options.not_before_us)
    if options.parent is not None:
        write_parent(execution.parent, options.parent)


def _write_end(execution: Execution, view: ExecutionView) -> None:
    if view.output is not None:
        write_payload(execution.output, view.output)
    if view.failure is not None:
        write_failure(execution.failure, view.failure)


def _write_node(node: NodeState, view: NodeView) -> None:
    node.id = view.id
    node.uses = view.uses
    node.status = int(view.status)  # type: ignore[assignment]
    node.attempt = view.attempt
    set_time(node.started_at, view.started_us)
    set_time(node.finished_at, view.finished_us)
    if view.output is not None:
        write_payload(node.output, view.output)
    if view.failure is not None:
        write_failure(node.failure, view.failure)
    node.items_total = view.items_total
    node.items_done = view.items_done
    node.items_failed = view.items_failed
    node.waiting_for = view.waiting_for
    node.worker = view.worker
    node.child_id = view.child_id
    node.needs.extend(view.needs)
    write_logs(node.logs, view.logs)
    node.carried = view.carried
