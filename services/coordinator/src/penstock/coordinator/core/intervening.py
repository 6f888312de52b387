"""What a person does to a node: try again, skip, complete, fail, edit its input.

Order of effects: who did what is written first, then what any node goes through, in one commit;
workers that had an attempt are told to stop after it. What has ended stays as it is.
"""

from penstock.coordinator.core.failing import fail_node, record_failure
from penstock.coordinator.core.inputs import Intervention
from penstock.coordinator.core.items import record_item
from penstock.coordinator.core.timing_out import skip, try_again
from penstock.coordinator.core.turn import Turn
from penstock.workflow.execution.events import (
    NodeCompleted,
    NodeFailed,
)
from penstock.workflow.execution.fold import ExecutionState
from penstock.workflow.execution.hand_events import NodeIntervened
from penstock.workflow.execution.naming import named_first
from penstock.workflow.execution.values import (
    Failure,
    NodeRef,
    NodeStatus,
    Operation,
    SkipReason,
)

_PENDING = int(NodeStatus.PENDING)


def on_intervention(turn: Turn, asked: Intervention) -> None:
    """Do it, once per id; refused as a whole if `flaw` finds something."""
    state = turn.state
    if is_known(state, asked.intervention_id):
        return
    if flaw(state, asked):
        turn.accepted = False
        return
    key = asked.item * state.tables.size + asked.node
    ref = state.current_ref(key)
    begun = state.status_of(ref) != _PENDING
    edited = asked.value if asked.operation == Operation.EDIT else None
    if asked.item:
        turn.revoke(key)
        turn.give_up_child(key)
    elif begun:
        turn.revoke_node(asked.node)
    turn.emit(
        NodeIntervened(ref, asked.operation, asked.by, asked.reason, edited, asked.intervention_id)
    )
    match asked.operation:
        case Operation.RETRY | Operation.EDIT:
            if begun and not _is_held_unrun(state, key, asked.operation):
                try_again(turn, ref)
        case Operation.SKIP:
            skip(turn, ref, SkipReason.MANUAL)
        case Operation.COMPLETE:
            _complete(turn, ref, asked)
        case Operation.FAIL:
            _fail(turn, ref, asked)


def _is_held_unrun(state: ExecutionState, key: int, operation: Operation) -> bool:
    """True if a debugger holds the attempt before it runs, so that an edit is all that is due."""
    held = state.debug.held.get(key) if state.debug is not None else None
    return held is not None and not held.is_after and operation == Operation.EDIT


def is_known(state: ExecutionState, intervention_id: str) -> bool:
    """True if an intervention of this id was done before."""
    touched = state.touched
    return touched is not None and intervention_id in touched.interventions


def flaw(state: ExecutionState, asked: Intervention) -> str:
    """Why this cannot be done now, as a sentence; empty if it can."""
    node = state.tables.nodes[asked.node]
    items = state.fan_outs.get(asked.node)
    if asked.item:
        return _flaw_of_item(state, asked)
    status = state.status[asked.node]
    if status >= NodeStatus.COMPLETED:
        return f"Node {node.id} has ended: it is {NodeStatus(status).name}."
    if status == _PENDING and asked.operation == Operation.RETRY:
        return f"Node {node.id} has not begun: it starts once its parents have ended."
    if items is not None and asked.operation in (Operation.RETRY, Operation.EDIT):
        return f"Node {node.id} has fanned out: its items can be tried again, not the node."
    return ""


def _flaw_of_item(state: ExecutionState, asked: Intervention) -> str:
    node = state.tables.nodes[asked.node]
    items = state.fan_outs.get(asked.node)
    if items is None:
        return f"Node {node.id} has no items that run."
    if asked.item > items.count:
        return f"Node {node.id} has {items.count} items, from 0; there is no item {asked.item - 1}."
    status, name = items.status_of(asked.item), named_first(node.id, asked.item)
    if status >= NodeStatus.COMPLETED:
        return f"{name} has ended: it is {NodeStatus(status).name}."
    if status == _PENDING:
        return f"{name} has not begun: items begin in order."
    return ""


def _complete(turn: Turn, ref: NodeRef, asked: Intervention) -> None:
    named = NodeRef(ref.node, ref.item, max(ref.attempt, 1))
    event = NodeCompleted(named, asked.value, asked.chosen, asked.routed, finished_us=turn.now_us)
    if ref.item:
        record_item(turn, event)
    else:
        turn.emit(event)  # by hand: no debugger holds it back


def _fail(turn: Turn, ref: NodeRef, asked: Intervention) -> None:
    message = asked.message or asked.reason or "Failed by hand."
    failure = Failure("user", "FAILED_BY_HAND", message)
    if ref.item:
        record_failure(turn, NodeFailed(ref, failure, finished_us=turn.now_us), None)
    else:
        fail_node(turn, ref.node, failure)
