"""Where a debugged execution is held: before an attempt is handed out, or after a node ended well.

Order of effects: that an attempt is held is written with whatever made it ready, and nothing of it
is handed out; an outcome that is held back is written as such, and no child sees it. So what is
held stays held whoever dies. Asked only if the execution is debugged.
"""

from typing import Protocol

from penstock.coordinator.core.inputs import Report
from penstock.workflow.breakpoints import is_met, reads_item
from penstock.workflow.execution.debug_events import Breakpoint, BreakpointPassed, Place
from penstock.workflow.execution.events import Event, NodeCompleted, NodeHeld
from penstock.workflow.execution.fold import ExecutionState
from penstock.workflow.execution.sight import Sight
from penstock.workflow.execution.values import NodeRef, NodeStatus, Payload


class Emits(Protocol):
    """The turn, as far as it is needed here."""

    state: ExecutionState

    def emit(self, event: Event) -> None:
        """Decide an event."""
        ...


def holds_before(turn: Emits, ref: NodeRef) -> bool:
    """True if the attempt is held from now on, or was already. While stepping every node is held,
    at its first attempt; items and further attempts only by breakpoints."""
    state = turn.state
    debug = state.debug
    if debug is None or state.tables.nodes[ref.node].hidden:
        return False
    if state.key(ref) in debug.held:
        return True
    found = _met(turn, ref, Place.BEFORE, None)
    if found is not None:
        turn.emit(NodeHeld(ref, found[0].id, note=found[1]))
        return True
    if debug.stepping and not ref.item and ref.attempt == 1:
        turn.emit(NodeHeld(ref))
        return True
    return False


def first_outcome(report: Report) -> Report:
    """The report as far as it counts while somebody debugs: a worker that was given the attempt
    before that may have gone on to nodes that are to be held. What it did without a lease of their
    own had no effects, and is done again."""
    return Report(report.worker, report.lease, report.all_outcomes()[:1])


def complete(turn: Emits, event: NodeCompleted) -> None:
    """A node ended well: a fact, unless a debugger holds its outcome back."""
    if turn.state.debug is None or not holds_after(turn, event):
        turn.emit(event)


def holds_after(turn: Emits, event: NodeCompleted) -> bool:
    """True if the outcome of a node is held back from now on."""
    state, ref = turn.state, event.ref
    if state.debug is None or ref.item or state.tables.nodes[ref.node].hidden:
        return False
    found = _met(turn, ref, Place.AFTER, event.output)
    if found is None:
        return False
    turn.emit(NodeHeld(ref, found[0].id, event, found[1]))
    return True


def _met(
    turn: Emits, ref: NodeRef, place: Place, output: Payload | None
) -> tuple[Breakpoint, str] | None:
    """The first breakpoint that holds here, with a note; those met too seldom are counted."""
    state = turn.state
    debug = state.debug
    if debug is None:
        return None
    sight = Sight(state, ref, output)
    for point in list(debug.breakpoints.values()):
        if point.place != place or not _is_at(state, point, ref):
            continue
        met, note = is_met(point, sight)
        if not met:
            continue
        if debug.hits.get(point.id, 0) + 1 >= point.hits:
            return point, note
        turn.emit(BreakpointPassed(point.id, ref))
    return None


def _is_at(state: ExecutionState, point: Breakpoint, ref: NodeRef) -> bool:
    if point.node not in (-1, ref.node):
        return False
    if reads_item(state.plan, point) != (ref.item > 0):
        return False
    return point.parent < 0 or (ref.attempt == 1 and is_edge_taken(state, point.parent, ref.node))


def is_edge_taken(state: ExecutionState, parent: int, child: int) -> bool:
    """True if an edge was taken. Of a parent that ended before somebody attached it is not known
    what it chose: then its status decides."""
    debug = state.debug
    if debug is not None and parent in debug.ended:
        return (parent, child) in debug.taken
    status = state.status[parent]
    if status < NodeStatus.COMPLETED:
        return False
    return (child, True) in state.tables.after(parent, status)
