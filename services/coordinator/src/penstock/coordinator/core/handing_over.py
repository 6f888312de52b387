"""Attempts whose effect may happen only once are written before a worker gets them.

Order of effects: `AttemptsHandedOver` is on disk, then the task goes out. So after a crash an
attempt that is not in such an event never began and may be handed out again, and one that is in it
may have done its work. It costs nodes with `effects: once` a commit when they are dispatched, and
others nothing; a node that a worker goes on to by itself is written with the report that asks.
"""

import msgspec

from penstock.coordinator.core.inputs import HandOver
from penstock.coordinator.core.turn import Turn
from penstock.workflow.execution.events import ExecutionStarted
from penstock.workflow.execution.fold import ExecutionState
from penstock.workflow.execution.hand_events import AttemptsHandedOver
from penstock.workflow.execution.values import NodeRef


def on_hand_over(turn: Turn, asked: HandOver) -> None:
    """Write who gets what, as far as that still holds and is not written yet."""
    state = turn.state
    refs = tuple(
        ref
        for ref in asked.refs
        if state.is_current(ref)
        and state.holders.get(state.key(ref)) == asked.worker
        and state.key(ref) not in state.handed_over
    )
    if refs:
        turn.emit(AttemptsHandedOver(refs, asked.worker))


def announce(event: ExecutionStarted) -> ExecutionStarted:
    """The start of an execution whose plan has nodes with `effects: once`: it says that its history
    will hold such events."""
    return msgspec.structs.replace(event, records_hand_over=True)


def may_have_begun(state: ExecutionState, ref: NodeRef) -> bool:
    """After a restart: False if no worker can have had this attempt."""
    started = state.started
    records = started is not None and started.records_hand_over
    if not records or state.tables.nodes[ref.node].effects != "once":
        return True
    return state.key(ref) in state.handed_over
