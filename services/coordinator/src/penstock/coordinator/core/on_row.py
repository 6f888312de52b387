"""The short way of the most frequent report: good outcomes in a row, in an execution where nothing
else is going on.

It decides what `on_report` and `settle` would; a test holds the two against each other. Whatever is
out of the ordinary is left to them: before anything is changed (`take_row` gives None), or from the
recorded row on.

Order of effects: as in `on_report`.
"""

from penstock.coordinator.core.commands import AnswerReport, Dispatch
from penstock.coordinator.core.ending import settle
from penstock.coordinator.core.inputs import Report
from penstock.coordinator.core.turn import Step, Turn
from penstock.workflow.execution.events import NodesCompleted
from penstock.workflow.execution.fold import ExecutionState
from penstock.workflow.execution.tables import RowChange
from penstock.workflow.execution.values import NodeRef, NodeStatus

_OPEN = (int(NodeStatus.QUEUED), int(NodeStatus.RUNNING))
_ACCEPTED = AnswerReport(accepted=True)


def take_row(state: ExecutionState, report: Report, now_us: int) -> Step | None:
    """The step of a report that is nothing but a row from its lease on; None, with nothing changed,
    if it needs the long way."""
    row = report.row
    if row is None or report.outcomes or report.continue_with is not None or state.end is not None:
        return None
    node = row.nodes[0]
    lease = report.lease
    if (
        lease.node != node
        or lease.item
        or lease.attempt != row.attempt
        or node >= state.tables.size
        or state.status[node] not in _OPEN
        or state.attempts[node] != row.attempt
        or state.holders.get(node) != report.worker
        or not state.is_plain
    ):
        return None
    change = state.tables.row(row.nodes)
    if change is None:
        return None
    ready = _ready_after(state, change)
    if not ready:
        del state.holders[node]
        state.apply_row(row, change, now_us)
        return _settled(state, row, now_us)
    row = NodesCompleted(
        row.nodes,
        row.outputs_json,
        row.durations_us,
        row.started_us,
        row.attempt,
        row.worker,
        ready,
        row.wire,
    )
    del state.holders[node]
    state.apply_row(row, change, now_us)
    state.undecided.clear()
    return Step((row,), (_ACCEPTED, Dispatch(tuple([NodeRef(child) for child in ready]))))


def _ready_after(state: ExecutionState, change: RowChange) -> tuple[int, ...]:
    """The nodes that become ready by a row, in plan order; none if anything else follows too:
    branches that are not taken, outputs to be gathered, the end."""
    if state.undecided:
        return ()
    ready: list[int] = []
    nodes = state.tables.nodes
    for child, times, taken in change.outer:
        if state.pending[child] == times:
            if not (taken or state.taken[child]) or nodes[child].collects:
                return ()
            ready.append(child)
    ready.sort()
    return tuple(ready)


def _settled(state: ExecutionState, row: NodesCompleted, now_us: int) -> Step:
    """The long way from the recorded row on."""
    turn = Turn(state, now_us)
    turn.events.append(row)
    turn.accepted = True
    settle(turn)
    return turn.close()
