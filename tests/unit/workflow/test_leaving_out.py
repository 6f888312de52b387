"""What a reader's fold leaves out of events."""

import hashlib

from penstock.workflow.execution import events as ev
from penstock.workflow.execution.leaving_out import LeavingOut, nothing_but, nothing_but_sizes
from penstock.workflow.execution.values import NULL, Failure, LogLine, NodeRef, Payload

STORED = Payload(b"", "ab" * 32, 100_000)


def completed(node: int, size: int, item: int = 0) -> ev.NodeCompleted:
    return ev.NodeCompleted(NodeRef(node, item), Payload(b"1" * size), worker="w")


def sizes(leaving: LeavingOut, *events: ev.NodeCompleted) -> list[tuple[int, int]]:
    """Bytes that are kept and bytes that are left out, by event."""
    outputs = [leaving.lighten(one).output for one in events]
    return [(len(one.json), one.size) for one in outputs]


def test_outputs_are_kept_while_there_is_room_and_small_ones_always():
    leaving = LeavingOut(room_bytes=1000, small_bytes=10)
    events = [completed(n, size) for n, size in enumerate((600, 10, 600, 400, 1, 11))]
    assert sizes(leaving, *events) == [(600, 0), (10, 0), (0, 600), (400, 0), (1, 0), (0, 11)]


def test_outputs_of_items_are_never_kept():
    assert sizes(LeavingOut(), completed(1, 5, item=3)) == [(0, 5)]


def test_one_node_is_told_whole():
    events = [completed(0, 5), completed(1, 100_000), completed(1, 7, item=1)]
    assert sizes(nothing_but({1}), *events) == [(0, 5), (100_000, 0), (0, 7)]


def test_what_is_carried_over_counts_too():
    carried = ev.OutcomesCarried((completed(0, 5), ev.NodesSkipped((1,), 1)))
    found = nothing_but_sizes().lighten(carried)
    assert isinstance(found, ev.OutcomesCarried)
    assert found.outcomes == (
        ev.NodeCompleted(NodeRef(0), Payload(b"", "", 5), worker="w"),
        ev.NodesSkipped((1,), 1),
    )


def test_log_lines_are_kept_while_there_is_room_and_of_one_node_all():
    lines = (LogLine(1, "warn", "x" * 60), LogLine(2, "error", "y" * 40))
    failed = ev.NodeFailed(NodeRef(1), Failure("user", "THROWN", "no"), logs=lines)
    one = ev.NodeCompleted(NodeRef(2), Payload(b"1"), logs=lines[:1])
    leaving = LeavingOut(log_bytes=150)
    assert leaving.lighten(failed) == failed
    assert leaving.lighten(one).logs == (
        LogLine(1, "info", "1 line is left out here, 60 characters; the node by itself has all."),
    )
    assert leaving.lighten(ev.OutcomesCarried((failed,))).outcomes[0].logs == (
        LogLine(
            2, "info", "2 lines are left out here, 100 characters; the node by itself has all."
        ),
    )
    assert nothing_but({1}).lighten(failed) == failed
    assert nothing_but({2}).lighten(failed) != failed


def test_claim_checks_and_other_events_stay_as_they_are():
    leaving = nothing_but_sizes()
    for event in (ev.NodeCompleted(NodeRef(0), STORED), ev.NodesQueued((1, 2))):
        assert leaving.lighten(event) is event
    assert not STORED.is_left_out
    assert not NULL.is_left_out


def test_what_is_left_out_can_be_known_by_its_digest():
    named: set[str] = set()
    found = LeavingOut(0, 0, named=named).lighten(completed(0, 5))
    assert named == {hashlib.sha256(b"11111").hexdigest()}
    assert found.output == Payload(b"", *named, 5)
