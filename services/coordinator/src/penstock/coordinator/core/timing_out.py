"""Waits that run out of time, and conditions that are looked at again.

Order of effects: what a wait comes to is written in the commit that finds it out of time. A
condition that did not hold is written with the time of the next look; that look is an attempt of
its own, which counts neither as a failure nor as a loss.
"""

from penstock.coordinator.core.failing import record_failure
from penstock.coordinator.core.inputs import Waiting
from penstock.coordinator.core.items import end_well, record_item
from penstock.coordinator.core.turn import Turn
from penstock.workflow.execution.decisions import APPROVED, REJECTED, decision_output
from penstock.workflow.execution.events import (
    NodeCompleted,
    NodeFailed,
    NodeRetried,
    NodesSkipped,
    NodeWaiting,
)
from penstock.workflow.execution.values import (
    LAST_INSTANT_US,
    NULL,
    Failure,
    NodeRef,
    OnTimeout,
    SkipReason,
    TaskKind,
)


def look_again_later(turn: Turn, ref: NodeRef, wait: Waiting) -> None:
    """A condition does not hold yet; the last look comes when the time is out, not before."""
    state = turn.state
    known = state.waits.polls.get(state.key(ref))
    if known is not None:
        give_up_us = known.give_up_us
    else:
        give_up_us = turn.now_us + wait.give_up_after_us if wait.give_up_after_us else 0
    until_us = min(turn.now_us + max(wait.duration_us, 1), LAST_INSTANT_US)
    out_of_time = give_up_us and turn.now_us >= give_up_us
    if give_up_us and not out_of_time:
        until_us = min(until_us, give_up_us)
    event = NodeWaiting(
        ref,
        until_us,
        output=wait.output,
        on_timeout=wait.on_timeout,
        again=True,
        give_up_us=give_up_us,
    )
    turn.emit(event)
    if out_of_time:
        time_out(turn, event)


def time_out(turn: Turn, wait: NodeWaiting) -> None:
    """A wait for a signal, a person or a condition ran out of time."""
    ref = wait.ref
    match wait.on_timeout:
        case OnTimeout.FAIL:
            record_failure(turn, NodeFailed(ref, _failure(wait)), None)
        case OnTimeout.SKIP:
            skip(turn, ref, SkipReason.TIMEOUT)
        case OnTimeout.COMPLETE:
            end_well(turn, NodeCompleted(ref, wait.output, finished_us=turn.now_us))
        case OnTimeout.APPROVE | OnTimeout.REJECT:
            decision = APPROVED if wait.on_timeout == OnTimeout.APPROVE else REJECTED
            output = decision_output(decision, NULL, "", turn.now_us)
            event = NodeCompleted(ref, output, (decision,), True, finished_us=turn.now_us)
            end_well(turn, event)


def skip(turn: Turn, ref: NodeRef, reason: SkipReason) -> None:
    """End a node that waits, or an item of one, without an outcome."""
    if ref.item:
        record_item(turn, NodeCompleted(ref, NULL, finished_us=turn.now_us))
    else:
        turn.emit(NodesSkipped((ref.node,), reason))


def try_again(turn: Turn, ref: NodeRef) -> None:
    """Queue the next attempt of a node or an item now."""
    again = NodeRef(ref.node, ref.item, ref.attempt + 1)
    turn.emit(NodeRetried(again))
    turn.open(again)


def _failure(wait: NodeWaiting) -> Failure:
    if wait.signal:
        return Failure("permanent", "SIGNAL_TIMEOUT", f"No signal {wait.signal!r} came in time.")
    if wait.task is not None and wait.task.kind == TaskKind.EFFECT:
        message = f"{wait.task.description} Nobody said in time whether it has."
        return Failure("system", "EFFECT_UNCERTAIN", message)
    if wait.task is not None:
        message = f"Nobody decided in time: {wait.task.title}"
        return Failure("permanent", "TASK_TIMEOUT", message)
    return Failure("permanent", "CONDITION_TIMEOUT", "The condition did not hold in time.")
