"""Attempts whose process died, or that were handed back.

Order of effects: the loss is written, and with it the next attempt's number; only then is that
attempt handed out, so a late report of the lost one is refused.
"""

from penstock.coordinator.core.doubting import doubt
from penstock.coordinator.core.failing import record_failure
from penstock.coordinator.core.inputs import AttemptsLost
from penstock.coordinator.core.turn import Turn
from penstock.workflow.execution.events import AttemptLost, NodeFailed
from penstock.workflow.execution.fold import ExecutionState
from penstock.workflow.execution.values import Failure, NodeRef, NodeStatus

LOSSES_MAX = 20
"""Losses after which a node or item fails: work that kills whoever takes it must not do so for
ever."""


def on_attempts_lost(turn: Turn, lost: AttemptsLost) -> None:
    """A worker is gone; attempts that are no longer current are not touched."""
    state = turn.state
    for ref in lost.refs:
        if state.is_current(ref):
            state.holders.pop(state.key(ref), None)
            lose(turn, ref, lost.cause, begun=True)


def lose(turn: Turn, ref: NodeRef, cause: str, *, begun: bool) -> None:
    """Queue the next attempt, unless an effect that may happen only once may have happened.

    `begun` is False if the worker says that it had not started; what was told to run had.
    """
    state = turn.state
    plan = state.tables.nodes[ref.node]
    evaluates_list = ref.item == 0 and plan.for_each is not None
    begun = begun or state.status_of(ref) == NodeStatus.RUNNING
    losses = _losses(state, ref)
    if plan.effects == "once" and begun and not evaluates_list:
        message = f"The attempt was lost ({cause}); its effect may or may not have happened."
        doubt(turn, NodeFailed(ref, Failure("system", "EFFECT_UNCERTAIN", message)))
    elif losses >= LOSSES_MAX:
        message = f"{losses} attempts were lost with their process, the last one: {cause}."
        record_failure(turn, NodeFailed(ref, Failure("system", "ATTEMPTS_LOST", message)), None)
    else:
        turn.emit(AttemptLost(ref, cause))
        turn.open_again(NodeRef(ref.node, ref.item, ref.attempt + 1))


def _losses(state: ExecutionState, ref: NodeRef) -> int:
    """How many attempts were lost, this one included: all that did not end in another way."""
    key = state.key(ref)
    excused = state.touched.excused.get(key, 0) if state.touched is not None else 0
    return ref.attempt - state.failure_counts.get(key, 0) - excused
