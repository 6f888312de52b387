from penstock.cli.picture import ExecutionPicture
from penstock.sdk.models import (
    EventMessage,
    Execution,
    Failure,
    NodeChange,
    NodeState,
    PublicEvent,
    SnapshotMessage,
)

AT = "2026-11-21T10:00:00.000000Z"


def snapshot(*nodes: NodeState, seq: int = 1) -> SnapshotMessage:
    execution = Execution(
        id="E", workflow="w", version=2, status="RUNNING", nodes=nodes, started_at=AT
    )
    return SnapshotMessage(seq, "E", execution)


def event(kind: str, *nodes: NodeChange, seq: int = 2) -> EventMessage:
    return EventMessage(seq, "E", AT, PublicEvent("NODE_STATE_CHANGED", kind, nodes))


def picture_of(*messages: SnapshotMessage | EventMessage) -> ExecutionPicture:
    picture = ExecutionPicture("E")
    for message in messages:
        picture.apply(message)
    return picture


def test_a_snapshot_replaces_everything_known():
    picture = picture_of(
        snapshot(NodeState("old", "js@1", "RUNNING")),
        snapshot(NodeState("new", "js@1", "PENDING"), seq=9),
    )
    assert list(picture.nodes) == ["new"]
    assert picture.seq == 9


def test_items_move_only_the_counters_of_their_node():
    fan = NodeState("fan", "http@1", "QUEUED", attempt=1)
    refusal = Failure("permanent", "HTTP_STATUS", "422")
    picture = picture_of(
        snapshot(fan),
        event("node_fanned_out", NodeChange("fan", "RUNNING", items_total=3)),
        event("node_completed", NodeChange("fan", "COMPLETED", item=0)),
        event("node_failed", NodeChange("fan", "WAITING", item=1, failure=refusal)),
        event("node_failed", NodeChange("fan", "FAILED", item=2, failure=refusal)),
    )
    node = picture.nodes["fan"]
    assert (node.status, node.items_total, node.items_done, node.items_failed) == (
        "RUNNING",
        3,
        2,
        1,
    )
    assert node.items_waiting == {1}


def test_a_retry_ends_the_wait_and_is_counted():
    outage = Failure("transient", "HTTP_STATUS", "503")
    picture = picture_of(
        snapshot(NodeState("call", "http@1", "QUEUED", attempt=1)),
        event("node_failed", NodeChange("call", "WAITING", attempt=1, failure=outage)),
    )
    assert "503" in picture.nodes["call"].waiting_for
    picture.apply(event("node_retried", NodeChange("call", "QUEUED", attempt=2), seq=3))
    node = picture.nodes["call"]
    assert (node.status, node.attempt, node.repeats, node.waiting_for) == ("QUEUED", 2, 1, "")


def test_a_node_that_sleeps_is_at_work_from_then_on():
    picture = picture_of(
        snapshot(NodeState("ask", "wait@1", "QUEUED", attempt=1)),
        event("node_waiting", NodeChange("ask", "WAITING", attempt=1, signal="go")),
    )
    assert picture.nodes["ask"].started_at == AT


def test_the_end_brings_status_output_and_time():
    done = PublicEvent("EXECUTION_COMPLETED", "execution_ended", status="COMPLETED", output=42)
    picture = picture_of(snapshot(), EventMessage(5, "E", AT, done))
    assert (picture.ended, picture.output, picture.finished_at) == (True, 42, AT)


def test_one_event_may_change_many_nodes():
    states = [NodeState(name, "js@1", "PENDING") for name in "abc"]
    changes = [NodeChange(name, "SKIPPED", reason="BRANCH") for name in "abc"]
    picture = picture_of(snapshot(*states), event("nodes_skipped", *changes))
    assert {node.status for node in picture.nodes.values()} == {"SKIPPED"}
    assert all(node.ended for node in picture.nodes.values())
