"""A pause: nothing new is handed out until it ends.

Order of effects: the pause is written with the attempts that nobody has yet; from the moment it is
decided nobody gets them. What runs goes on and is recorded, but nothing follows from it: children
stay pending, a worker may not go on with what it asked for, signals are kept, timers stay due. Only
the execution's own deadline, a cancel and an unhandled failure end it all the same. The end of the
pause lets go of all that at once, in the order of a usual step.
"""

from penstock.coordinator.core.inputs import PauseAsked, ResumeAsked
from penstock.coordinator.core.on_signal import deliver_signals
from penstock.coordinator.core.on_time import on_time
from penstock.coordinator.core.turn import Turn
from penstock.workflow.execution.fold import ExecutionState
from penstock.workflow.execution.hand_events import ExecutionPaused, ExecutionResumed
from penstock.workflow.execution.values import NodeRef, NodeStatus

_PENDING = int(NodeStatus.PENDING)
_QUEUED = int(NodeStatus.QUEUED)


def on_pause(turn: Turn, asked: PauseAsked) -> None:
    """Begin a pause; a second one changes nothing, but if it has an id it is written all the same,
    lest it pause later. O(nodes + items let go)."""
    state = turn.state
    if was_heard(state, asked) or (state.is_paused and not asked.request_id):
        return
    held = () if state.is_paused else tuple(free_attempts(state))
    turn.emit(ExecutionPaused(asked.by, asked.reason, held, asked.request_id))


def on_resume(turn: Turn, asked: ResumeAsked) -> None:
    """End a pause, if there is one, and let go what it held. Without one, a request with an id is
    written all the same, lest it end a later pause. O(nodes + items let go)."""
    state = turn.state
    was_paused = state.is_paused
    if was_heard(state, asked) or not (was_paused or asked.request_id):
        return
    turn.emit(ExecutionResumed(asked.by, asked.reason, asked.request_id))
    if not was_paused:
        return
    for ref in free_attempts(state):
        turn.open(ref)
    if not state.is_delayed:
        state.undecided = [
            node
            for node, status in enumerate(state.status)
            if status == _PENDING and not state.pending[node] and node != state.tables.failure_node
        ]
    deliver_signals(turn)
    on_time(turn)


def was_heard(state: ExecutionState, asked: PauseAsked | ResumeAsked) -> bool:
    """True if a request with this id was carried out before."""
    touched = state.touched
    if touched is None:
        return False
    return asked.request_id in (
        touched.pauses if isinstance(asked, PauseAsked) else touched.resumes
    )


def free_attempts(state: ExecutionState) -> list[NodeRef]:
    """Attempts that are queued and with nobody, in order; not what only waits to be stored."""
    free: list[NodeRef] = []
    for node, status in enumerate(state.status):
        if status == _QUEUED:
            if node not in state.holders and not state.tables.nodes[node].collects:
                free.append(NodeRef(node, 0, state.attempts[node]))
        elif node in state.fan_outs:
            free.extend(_free_items(state, node))
    return free


def _free_items(state: ExecutionState, node: int) -> list[NodeRef]:
    items = state.fan_outs[node]
    refs = (
        NodeRef(node, at + 1, items.attempt(at + 1))
        for at in range(items.opened)
        if items.status[at] == _QUEUED
    )
    return [ref for ref in refs if state.key(ref) not in state.holders]
