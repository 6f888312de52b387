"""How an execution ends, and the second half of every step.

Order of effects: what is left is cancelled and the end written in one commit; then workers are told
to stop and whoever waits is answered.
"""

import msgspec

from penstock.coordinator.core.commands import Finish
from penstock.coordinator.core.failure_report import failure_report
from penstock.coordinator.core.joining import join_items
from penstock.coordinator.core.notices import ChildEnd, ReportStart
from penstock.coordinator.core.readiness import queue_ready
from penstock.coordinator.core.turn import Turn
from penstock.workflow.execution.events import (
    CancelRequested,
    ExecutionEnded,
    FailureTaken,
    NodesCancelled,
    NodesQueued,
    NodesSkipped,
)
from penstock.workflow.execution.fold import ExecutionState
from penstock.workflow.execution.tables import US_PER_S
from penstock.workflow.execution.values import (
    NULL,
    ExecutionStatus,
    Failure,
    NodeRef,
    NodeStatus,
    SkipReason,
)

_PENDING = int(NodeStatus.PENDING)
_FIRST_TERMINAL = int(NodeStatus.COMPLETED)


def settle(turn: Turn) -> None:
    """Draw the consequences of what was recorded: joins, readiness, the end."""
    state = turn.state
    if state.end is not None:
        return
    if turn.full and turn.fatal is None:
        for node in dict.fromkeys(turn.full):
            join_items(turn, node)
    if state.undecided and turn.fatal is None:
        if state.is_paused:
            state.undecided.clear()
        else:
            queue_ready(turn)
    if turn.fatal is not None:
        _fail(turn, *turn.fatal)
    elif state.remaining <= state.tables.spare:
        _end_if_nothing_is_left(turn)


def _end_if_nothing_is_left(turn: Turn) -> None:
    """The end, unless the one node that is left runs. A failure node that was not needed is
    skipped."""
    state = turn.state
    handler, failing = state.tables.failure_node, state.failing
    if state.remaining and handler >= 0 and failing is None:
        if state.status[handler] != _PENDING:
            return
        turn.emit(NodesSkipped((handler,), SkipReason.BRANCH))
    if state.remaining:
        return
    if failing is not None:
        _end(turn, ExecutionEnded(ExecutionStatus.FAILED, NULL, failing.failure, failing.node))
        return
    output = state.outputs.get(state.plan.output_node, NULL)
    _end(turn, ExecutionEnded(ExecutionStatus.COMPLETED, output))


def _fail(turn: Turn, node: int, failure: Failure) -> None:
    """Nothing handles this failure: the failure node runs if there is one, else it is the end. If
    the failure node itself fails the execution ends by the failure before."""
    state = turn.state
    handler, failing = state.tables.failure_node, state.failing
    if failing is not None:
        node, failure = failing.node, failing.failure
    elif handler >= 0 and state.status[handler] == _PENDING:
        _run_failure_node(turn, FailureTaken(node, failure), handler)
        return
    _end(turn, ExecutionEnded(ExecutionStatus.FAILED, NULL, failure, node))


def _run_failure_node(turn: Turn, taken: FailureTaken, handler: int) -> None:
    """Everything else is over; then the failure node is all there is."""
    _stop_everything(turn)
    left = _left(turn.state, but=handler)
    if left:
        turn.emit(NodesCancelled(left))
    turn.emit(taken)
    turn.emit(NodesQueued((handler,)))
    turn.opened = [NodeRef(handler)]
    turn.stores = []
    turn.fatal = None
    if turn.claimed is not None:
        turn.accepted = False


def end_cancelled(turn: Turn, reason: str, code: str) -> None:
    """Somebody asked for the end."""
    turn.emit(CancelRequested(reason))
    failure = Failure("user", "CANCELLED", reason or "Cancelled on request.")
    if code:
        failure = msgspec.structs.replace(failure, reason=code)
    _end(turn, ExecutionEnded(ExecutionStatus.CANCELLED, NULL, failure))


def end_timed_out(turn: Turn) -> None:
    """The execution's deadline passed."""
    state = turn.state
    lasts_s = (state.waits.deadline_us - state.begin_us) / US_PER_S
    message = f"The execution did not end within its deadline of {round(lasts_s, 1):g} s."
    failure = Failure("transient", "EXECUTION_DEADLINE", message)
    _end(turn, ExecutionEnded(ExecutionStatus.TIMED_OUT, NULL, failure))


def _end(turn: Turn, event: ExecutionEnded) -> None:
    state = turn.state
    _stop_everything(turn)
    if state.remaining:
        turn.emit(NodesCancelled(_left(state)))
    if state.plan.on_failure is not None:
        _owe_failure_flow(turn, event)
    turn.emit(event)
    turn.finish = Finish(event.status, event.output, event.failure)
    parent = state.parent
    if parent is not None and not parent.detached:
        node = state.plan.nodes[event.node].id if event.node >= 0 else ""
        told = ChildEnd(parent, event.status, event.output, event.failure, node)
        turn.notices.append(told)
    if turn.claimed is not None:
        turn.accepted = False


def _stop_everything(turn: Turn) -> None:
    """Take back what workers and sub-workflows do for this execution."""
    for key in list(turn.state.holders):
        turn.revoke(key)
    if turn.state.waits.children:
        turn.give_up_children()


def _left(state: ExecutionState, but: int = -1) -> tuple[int, ...]:
    """What has not ended."""
    statuses = enumerate(state.status)
    return tuple(node for node, status in statuses if status < _FIRST_TERMINAL and node != but)


def _owe_failure_flow(turn: Turn, event: ExecutionEnded) -> None:
    """Start the workflow that the file names for executions that end FAILED or TIMED_OUT."""
    state = turn.state
    wanted = state.plan.on_failure
    if wanted is None or not wanted.workflow or event.failure is None:
        return
    if event.status not in (ExecutionStatus.FAILED, ExecutionStatus.TIMED_OUT):
        return
    report = failure_report(state, event.status, event.node, event.failure)
    ref = NodeRef(max(event.node, 0), 0, 0)
    depth = state.depth + 1
    turn.notices.append(ReportStart(ref, depth, wanted.workflow, wanted.params, report))
