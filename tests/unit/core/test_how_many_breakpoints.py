"""Breakpoints are bounded for an execution, however many requests set them."""

from penstock.coordinator.core.commands import AnswerReport
from penstock.coordinator.core.debug_commands import (
    BREAKPOINTS_MAX,
    Attach,
    DebugAsked,
    DebugCommand,
    SetBreakpoints,
)
from penstock.coordinator.core.on_debug import flaw
from penstock.workflow.execution.debug_events import Breakpoint
from support.plans import PlanBuilder
from support.simulation import Cluster


def points(first: int, count: int) -> tuple[Breakpoint, ...]:
    return tuple(Breakpoint(str(number), 0) for number in range(first, first + count))


def debugged(**more) -> Cluster:
    cluster = Cluster(PlanBuilder().node("a", **more).node("b").plan())
    cluster.start()
    ask(cluster, Attach(breakpoints=points(0, BREAKPOINTS_MAX)))
    return cluster


def ask(cluster: Cluster, command: DebugCommand) -> bool:
    """True unless it is refused, which says why."""
    asked = DebugAsked(command, "kim", "")
    why = flaw(cluster.state, asked)
    refused = AnswerReport(accepted=False) in cluster.feed(asked).commands
    assert refused == bool(why)
    return not refused


def test_one_too_many_is_refused_whoever_sets_it():
    cluster = debugged()
    for command in (SetBreakpoints(points(1000, 1)), Attach(breakpoints=points(1000, 1))):
        assert not ask(cluster, command)
    assert cluster.state.debug is not None
    assert len(cluster.state.debug.breakpoints) == BREAKPOINTS_MAX


def test_one_that_is_there_may_be_replaced():
    assert ask(debugged(), SetBreakpoints(points(0, 5)))


def test_those_of_the_file_do_not_count():
    cluster = debugged(breakpoint="before")
    assert cluster.state.debug is not None
    assert len(cluster.state.debug.breakpoints) == BREAKPOINTS_MAX + 1
