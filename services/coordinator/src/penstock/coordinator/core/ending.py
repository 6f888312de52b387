"""How an execution ends, and the second half of every step.

Order of effects: what is left is cancelled and the end written in one commit; then workers are told
to stop and whoever waits is answered.
"""

import msgspec

from penstock.coordinator.core.commands import Finish
from penstock.coordinator.core.joining import join_items
from penstock.coordinator.core.notices import ChildEnd
from penstock.coordinator.core.readiness import queue_ready
from penstock.coordinator.core.turn import Turn
from penstock.workflow.execution.events import CancelRequested, ExecutionEnded, NodesCancelled
from penstock.workflow.execution.values import (
    NULL,
    ExecutionStatus,
    Failure,
    NodeStatus,
)

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
        node, failure = turn.fatal
        _end(turn, ExecutionEnded(ExecutionStatus.FAILED, NULL, failure, node))
    elif state.remaining == 0:
        output = state.outputs.get(state.plan.output_node, NULL)
        _end(turn, ExecutionEnded(ExecutionStatus.COMPLETED, output))


def end_cancelled(turn: Turn, reason: str, code: str) -> None:
    """Somebody asked for the end."""
    turn.emit(CancelRequested(reason))
    failure = Failure("user", "CANCELLED", reason or "Cancelled on request.")
    if code:
        failure = msgspec.structs.replace(failure, reason=code)
    _end(turn, ExecutionEnded(ExecutionStatus.CANCELLED, NULL, failure))


def end_timed_out(turn: Turn) -> None:
    """The execution's deadline passed."""
    lasts_s = turn.state.plan.deadline_s
    message = f"The execution did not end within its deadline of {lasts_s:g} s."
    failure = Failure("transient", "EXECUTION_DEADLINE", message)
    _end(turn, ExecutionEnded(ExecutionStatus.TIMED_OUT, NULL, failure))


def _end(turn: Turn, event: ExecutionEnded) -> None:
    state = turn.state
    for key in list(state.holders):
        turn.revoke(key)
    if state.waits.children:
        turn.give_up_children()
    if state.remaining:
        left = [node for node, status in enumerate(state.status) if status < _FIRST_TERMINAL]
        turn.emit(NodesCancelled(tuple(left)))
    turn.emit(event)
    turn.finish = Finish(event.status, event.output, event.failure)
    parent = state.parent
    if parent is not None and not parent.detached:
        turn.notices.append(ChildEnd(parent, event.status, event.output, event.failure))
    if turn.claimed is not None:
        turn.accepted = False
