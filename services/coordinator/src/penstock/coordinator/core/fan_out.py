"""A for-each learns its list.

Order of effects: `NodeFannedOut` fixes the list before any item is handed out.
"""

from penstock.coordinator.core.failing import record_failure
from penstock.coordinator.core.inputs import FannedOut
from penstock.coordinator.core.items import let_go
from penstock.coordinator.core.turn import Turn
from penstock.workflow.execution.events import NodeFailed, NodeFannedOut
from penstock.workflow.execution.values import Failure, NodeRef

ITEMS_MAX = 100_000
"""Widest fan-out: the state of an open item costs some hundred bytes in the coordinator."""


def fan_out(turn: Turn, ref: NodeRef, kind: FannedOut) -> None:
    """Let the first items go; an empty list is over at once, one that is too long fails the
    node."""
    flaw = _flaw(ref, kind)
    if flaw is not None:
        record_failure(turn, NodeFailed(ref, flaw), None)
        return
    turn.emit(NodeFannedOut(ref, kind.count, kind.items_json, kind.items))
    let_go(turn, ref.node, turn.state.fan_outs[ref.node], 0)
    if kind.count == 0:
        turn.full.append(ref.node)


def _flaw(ref: NodeRef, kind: FannedOut) -> Failure | None:
    if kind.count > ITEMS_MAX:
        message = (
            f"The list has {kind.count} values; a fan-out takes at most {ITEMS_MAX}. "
            "Put several values into one item with `batch`."
        )
        return Failure("permanent", "FAN_OUT_TOO_WIDE", message)
    if ref.item or (kind.items_json and len(kind.items_json) != kind.count):
        return Failure("system", "REPORT_INVALID", "The worker's list does not match its length.")
    return None
