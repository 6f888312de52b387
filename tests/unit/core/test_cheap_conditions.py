"""What breakpoints cost: a value is decoded once for all of them and only if one wants it, a
condition is read once, and the end of a node does not look at everything that is held."""

from collections.abc import Iterator

import pytest

from penstock.coordinator.core.debug_commands import Attach, DebugAsked
from penstock.coordinator.core.inputs import Completed, Outcome, Report
from penstock.workflow import breakpoints
from penstock.workflow.execution import sight
from penstock.workflow.execution.debug_events import Breakpoint, DebugAttached
from penstock.workflow.execution.debugging import Debugging
from penstock.workflow.execution.events import NodeHeld
from penstock.workflow.execution.values import NodeRef, Payload
from support.plans import PlanBuilder
from support.simulation import Cluster

FALSE_ONES = (
    "${{ nodes.a.output.n > 5 }}",
    "${{ input.a.n > 6 }}",
    "${{ nodes.a.status == 'FAILED' }}",
    "${{ nodes.a.output.n == 9 && params.limit > 1 }}",
)


@pytest.fixture
def counted(monkeypatch) -> Iterator[dict[str, int]]:
    """How often what was decoded, by name."""
    counts: dict[str, int] = {}

    def count(value, name, decoded=sight._decoded):
        counts[name] = counts.get(name, 0) + 1
        return decoded(value, name)

    monkeypatch.setattr(sight, "_decoded", count)
    return counts


def run_under(conditions) -> Cluster:
    plan = PlanBuilder().node("a").node("b").node("c", "a", "b").plan(output="c")
    cluster = Cluster(plan)
    cluster.start()
    points = tuple(Breakpoint(f"p{at}", 2, condition=text) for at, text in enumerate(conditions))
    cluster.feed(DebugAsked(Attach(breakpoints=points), "kim", ""))
    for node in (1, 0):
        ref = NodeRef(node, 0, 1)
        cluster.give(ref, "w")
        done = Outcome(ref, Completed(Payload(b'{"n": %d}' % node)))
        cluster.report(Report("w", ref, (done,)))
    return cluster


def test_what_a_node_reads_is_decoded_once_for_all_conditions_and_only_if_one_wants_it(counted):
    run_under(FALSE_ONES * 10)
    assert counted == {"nodes.a.output": 1}


def test_a_condition_is_read_once(monkeypatch):
    read: list[str] = []

    def note(text, parse=breakpoints.parse_template):
        read.append(text)
        return parse(text)

    monkeypatch.setattr(breakpoints, "parse_template", note)
    cluster = run_under(FALSE_ONES * 10)
    assert sorted(read) == sorted(FALSE_ONES)
    assert not cluster.state.debug.held


class NotGoneThrough(dict):
    """Fails whoever looks at all of it."""

    def __iter__(self):
        raise AssertionError("everything that is held was looked at")


def test_the_end_of_a_node_costs_what_is_held_of_it():
    debug = Debugging(DebugAttached("kim", stepping=True))
    for node in range(3):
        debug.hold(node, NodeHeld(NodeRef(node, 0, 1)), 1)
        debug.hold(3 + node, NodeHeld(NodeRef(node, 1, 1)), 1)
    debug.held = NotGoneThrough(debug.held.items())
    debug.forget(4)
    debug.note_end(1, ())
    assert sorted(dict.keys(debug.held)) == [0, 2, 3, 5]
