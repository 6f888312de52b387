import pytest

from penstock.cli.picture import ExecutionPicture, NodePicture
from penstock.cli.plain import LineTeller
from penstock.sdk.models import (
    EventMessage,
    Execution,
    Failure,
    LogLine,
    NodeChange,
    NodeState,
    PublicEvent,
    SnapshotMessage,
)

AT = "2026-11-21T10:00:00.123456Z"


def lines(kind: str, *changes: NodeChange, total: int = 0) -> list[str]:
    picture = ExecutionPicture("E", nodes={"n": NodePicture("n", items_total=total)})
    message = EventMessage(2, "E", AT, PublicEvent("NODE_STATE_CHANGED", kind, changes))
    picture.apply(message)
    return list(LineTeller(picture).lines(message))


def test_a_failed_item_says_which_and_why():
    failure = Failure("transient", "HTTP_STATUS", "503 from x")
    change = NodeChange("n", "WAITING", item=4, failure=failure)
    assert lines("node_failed", change, total=9) == [
        "10:00:00.123  n: item 4 (of 9, from 0) will be tried again: HTTP_STATUS: 503 from x"
    ]


def test_wide_fan_outs_tell_every_tenth_part_only():
    picture = ExecutionPicture("E", nodes={"n": NodePicture("n", items_total=1000)})
    told = 0
    for item in range(1000):
        change = NodeChange("n", "COMPLETED", item=item)
        event = PublicEvent("DATA_AVAILABLE", "node_completed", (change,))
        message = EventMessage(item + 2, "E", AT, event)
        picture.apply(message)
        told += len(list(LineTeller(picture).lines(message)))
    assert told == 10


def test_hidden_nodes_are_not_told():
    assert lines("nodes_queued", NodeChange("$output", "QUEUED", attempt=1)) == []


def test_a_snapshot_tells_what_has_happened_already_and_the_next_one_only_what_is_new():
    picture = ExecutionPicture("E")
    teller = LineTeller(picture)

    def told(status: str, *states: NodeState) -> list[str]:
        execution = Execution(id="E", workflow="w", version=1, status=status, nodes=states)
        message = SnapshotMessage(1, "E", execution)
        picture.apply(message)
        return list(teller.lines(message))

    done = NodeState("a", "js@1", "COMPLETED")
    first = told("RUNNING", done, NodeState("b", "js@1", "PENDING"))
    assert first == ["w v1 E", "a: completed"]
    second = told("COMPLETED", done, NodeState("b", "js@1", "COMPLETED"))
    assert second == ["b: completed", "COMPLETED"]


def test_what_a_node_wrote_comes_before_how_it_ended():
    log = (LogLine(AT, "warn", "two\nlines\x1b[2J"),)
    assert lines("node_completed", NodeChange("n", "COMPLETED", logs=log)) == [
        "10:00:00.123  n [warn] two\n    lines\ufffd[2J",
        "10:00:00.123  n: completed",
    ]


def test_a_later_snapshot_tells_no_log_line_again():
    picture = ExecutionPicture("E")
    teller = LineTeller(picture)
    first, second = LogLine(AT, "info", "first"), LogLine(AT, "info", "second")

    def told(*logs: LogLine) -> list[str]:
        state = NodeState("a", "js@1", "PENDING", logs=logs)
        message = SnapshotMessage(1, "E", Execution(id="E", workflow="w", version=1,
                                                    status="RUNNING", nodes=(state,)))  # fmt: skip
        picture.apply(message)
        return list(teller.lines(message))

    assert told(first) == ["w v1 E", "10:00:00.123  a [info] first"]
    assert told(first, second) == ["10:00:00.123  a [info] second"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (NodeChange("n", "WAITING", wake_at=AT), f"n: sleeps until {AT}"),
        (NodeChange("n", "WAITING", signal="go"), "n: waits for the signal 'go'"),
        (
            NodeChange("n", "WAITING", failure=Failure("transient", "HTTP_STATUS", "503")),
            "n: tries again after HTTP_STATUS: 503",
        ),
    ],
)
def test_a_wait_is_told_in_one_phrase(change: NodeChange, told: str):
    assert [line[14:] for line in lines("node_waits", change)] == [told]


def test_a_snapshot_tells_a_wait_in_the_same_words():
    picture = ExecutionPicture("E")
    state = NodeState("n", "wait@1", "WAITING", waiting_for=f"Sleeps until {AT}.")
    execution = Execution(id="E", workflow="w", version=1, status="RUNNING", nodes=(state,))
    message = SnapshotMessage(1, "E", execution)
    picture.apply(message)
    assert list(LineTeller(picture).lines(message)) == ["w v1 E", f"n: sleeps until {AT}"]
