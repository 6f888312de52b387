"""The part of the fold that takes in what people do by hand."""

from penstock.workflow.execution.fan_out import FanOut
from penstock.workflow.execution.hand_events import (
    ExecutionPaused,
    ExecutionResumed,
    NodeIntervened,
)
from penstock.workflow.execution.state import StateData
from penstock.workflow.execution.touched import Touched
from penstock.workflow.execution.values import NodeStatus, Operation

HandEvent = ExecutionPaused | ExecutionResumed | NodeIntervened


def take_in(state: StateData, event: HandEvent) -> None:
    """Apply one of these events."""
    touched = state.touched
    if touched is None:
        touched = state.touched = Touched()
    match event:
        case ExecutionPaused():
            touched.pause(event, state.updated_us, state.tables.size)
        case ExecutionResumed():
            touched.resume(event)
        case NodeIntervened():
            _note(state, touched, event)


def hold_items(state: StateData, node: int, items: FanOut, before: int) -> None:
    """Items that were let go since `before` of them were: held if the execution is paused."""
    touched = state.touched
    if touched is None or touched.paused is None:
        return
    size = state.tables.size
    touched.held.update(item * size + node for item in range(before + 1, items.opened + 1))


def _note(state: StateData, touched: Touched, event: NodeIntervened) -> None:
    """Whatever the node or item waited for, it waits no longer. An attempt that is given up for
    another one counts neither as failed nor as lost, and failures are counted from new."""
    ref = event.ref
    key = state.key(ref)
    spent = 0
    if event.operation in (Operation.RETRY, Operation.EDIT):
        status = state.status_of(ref)
        is_backing_off = status == NodeStatus.WAITING and key not in state.waits.sleeping
        has_attempt = status != NodeStatus.PENDING and not is_backing_off
        spent = state.failure_counts.pop(key, 0) + has_attempt
    state.waits.drop(key)
    touched.note(event, key, spent)
