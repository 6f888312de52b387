"""How urgent an execution's attempts are: its priority and its deadlines."""

from collections.abc import Sequence

from penstock.coordinator.shell.live import Live
from penstock.workflow.execution.values import NodeRef
from penstock.workflow.policies import PRIORITY_USUAL


def level_of(live: Live) -> int:
    """The execution's priority: what its start asked for, else what its file says."""
    started = live.state.started
    options = started.options if started is not None else None
    if options is not None and options.priority is not None:
        return options.priority
    return live.plan.priority


def is_usual(live: Live) -> bool:
    """True if it is of the usual priority and neither it nor any node of it has a deadline, so that
    the order of coming is all there is to it. Holds for an execution's whole life."""
    return (
        level_of(live) == PRIORITY_USUAL
        and not live.state.waits.deadline_us
        and not live.state.tables.has_deadlines
    )


def due_of(live: Live, refs: Sequence[NodeRef]) -> float:
    """When the first of these attempts must be over, in microseconds; 0 if they have all the
    time."""
    waits = live.state.waits
    found = [waits.deadline_us] if waits.deadline_us else []
    if waits.deadlines:
        found += [waits.deadlines[ref.node] for ref in refs if ref.node in waits.deadlines]
    return float(min(found, default=0))
