"""Sleeping and waking: timers and signals that a node asked for.

Order of effects: a signal is written before its sender is told so, and together with the outcome of
the wait it ends. Each signal ends one wait: the oldest one for its name, or else the next one.
"""

from penstock.coordinator.core.inputs import SignalArrived, Waiting
from penstock.coordinator.core.items import end_well
from penstock.coordinator.core.timing_out import look_again_later
from penstock.coordinator.core.turn import Turn
from penstock.workflow.execution.events import NodeCompleted, NodeWaiting, SignalReceived
from penstock.workflow.execution.values import LAST_INSTANT_US, NodeRef, Payload


def on_signal(turn: Turn, signal: SignalArrived) -> None:
    """Take a signal in, once per id; refused if nobody waits for it and too many are buffered.
    During a pause nobody waits."""
    waits = turn.state.waits
    if signal.signal_id in waits.signal_ids:
        return
    waiters = None if turn.state.is_paused else waits.waiters.get(signal.name)
    if not waiters and waits.buffer_full:
        turn.accepted = False
        return
    turn.emit(SignalReceived(signal.name, signal.payload, signal.signal_id))
    if waiters:
        wake(turn, next(iter(waiters)), signal.payload)


def deliver_signals(turn: Turn) -> None:
    """Signals that came during a pause end the waits that they are for, the oldest first."""
    waits = turn.state.waits
    for name in [name for name in waits.waiters if name in waits.signals]:
        while waits.signals.get(name) and waits.waiters.get(name):
            wake(turn, next(iter(waits.waiters[name])), waits.signals[name][0])


def fall_asleep(turn: Turn, ref: NodeRef, wait: Waiting) -> None:
    """Park an attempt; at once over if its signal is there, or if it waits for nothing.

    A duration runs from the commit on, so a late report never makes it shorter.
    """
    state = turn.state
    if wait.again:
        look_again_later(turn, ref, wait)
        return
    until_us = max(wait.until_us, turn.now_us + wait.duration_us if wait.duration_us else 0)
    until_us = min(until_us, LAST_INSTANT_US)
    turn.emit(NodeWaiting(ref, until_us, wait.signal, wait.output, wait.task, wait.on_timeout))
    if wait.signal:
        buffered = state.waits.signals.get(wait.signal)
        if buffered and not state.is_paused:
            wake(turn, state.key(ref), buffered[0])
    elif not until_us and wait.task is None:
        wake(turn, state.key(ref), wait.output)


def wake(turn: Turn, key: int, output: Payload) -> None:
    """A wait ended well."""
    ref = turn.state.current_ref(key)
    end_well(turn, NodeCompleted(ref, output, finished_us=turn.now_us))
