"""Good outcomes in a row mean the same as one by one, in the core, in the fold and on disk."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from penstock.api.dispatch.v1 import dispatch_service_pb2 as dispatch
from penstock.api.journal.v1 import journal_pb2 as journal
from penstock.common.errors import InvalidArgument
from penstock.common.journal_codec import (
    apart,
    batch_from_proto,
    encode_batch,
    row_from_report,
)
from penstock.coordinator.adapters.outcomes import report_from_proto
from penstock.coordinator.core.inputs import Completed, Outcome, Report
from penstock.workflow.execution.events import (
    ExecutionEnded,
    NodesCompleted,
    NodesQueued,
    count_sequences,
)
from penstock.workflow.execution.fold import ExecutionState
from penstock.workflow.execution.tables import tables_of
from penstock.workflow.execution.values import ExecutionStatus, NodeRef, NodeStatus, Payload
from penstock.workflow.plan import Plan
from support.plans import PlanBuilder, chain
from support.simulation import Cluster, folded

WORKER = "w1"


def diamond() -> Plan:
    builder = PlanBuilder().node("a").node("b", "a").node("c", "a").node("d", "b", "c")
    return builder.node("e", "d").plan(output="e")


def row_of(*nodes: int, attempt: int = 1) -> NodesCompleted:
    outputs = tuple(b"%d" % node for node in nodes)
    return NodesCompleted(nodes, outputs, (5,) * len(nodes), 100, attempt, WORKER)


def running(plan: Plan) -> Cluster:
    cluster = Cluster(plan)
    cluster.start()
    cluster.give(NodeRef(0), WORKER)
    return cluster


def one_by_one(row: NodesCompleted) -> Report:
    outcomes = (
        Outcome(one.ref, Completed(one.output), one.started_us, one.finished_us)
        for one in row.outcomes()
    )
    return Report(WORKER, NodeRef(0), tuple(outcomes))


@pytest.mark.parametrize(
    ("plan", "nodes"),
    [(chain(3), (0, 1)), (chain(3), (0, 1, 2)), (diamond(), (0, 2)), (diamond(), (0, 2, 1, 3, 4))],
)
def test_a_row_leaves_what_its_outcomes_leave(plan: Plan, nodes: tuple[int, ...]) -> None:
    row = row_of(*nodes)
    together, apiece = running(plan), running(plan)
    together.report(Report(WORKER, NodeRef(0), row=row))
    apiece.report(one_by_one(row))
    assert together.accepted
    assert folded(together.state) == folded(apiece.state)
    assert together.ready == apiece.ready
    assert together.finish == apiece.finish


def test_a_row_with_a_node_that_was_not_ready_fails_its_lease() -> None:
    cluster = running(diamond())
    cluster.report(Report(WORKER, NodeRef(0), row=row_of(0, 1, 3)))
    assert not cluster.accepted
    assert cluster.state.status[1] != NodeStatus.COMPLETED


def test_a_row_that_names_a_node_twice_or_one_that_is_not_there_is_void() -> None:
    for nodes in ((0, 1, 1), (0, 99)):
        cluster = running(chain(3))
        cluster.report(Report(WORKER, NodeRef(0), row=row_of(*nodes)))
        assert not cluster.accepted


def test_a_row_of_a_stale_attempt_changes_nothing() -> None:
    cluster = running(chain(3))
    before = cluster.state.seq
    cluster.report(Report(WORKER, NodeRef(0, 0, 2), row=row_of(0, attempt=2)))
    assert not cluster.accepted
    assert cluster.state.seq == before


def test_a_row_whose_parents_ended_outside_of_it_is_taken_by_a_closer_look() -> None:
    cluster = running(diamond())
    cluster.report(Report(WORKER, NodeRef(0), row=row_of(0)))
    cluster.give(NodeRef(1), WORKER)
    cluster.give(NodeRef(2), WORKER)
    cluster.report(Report(WORKER, NodeRef(1), row=row_of(1)))
    assert tables_of(cluster.plan).row((2, 3)) is None
    cluster.report(Report(WORKER, NodeRef(2), row=row_of(2, 3)))
    assert cluster.accepted
    assert cluster.ready == [NodeRef(4)]


def test_a_row_takes_a_sequence_for_each_of_its_nodes() -> None:
    events = (row_of(0, 1, 2), row_of(3))
    assert count_sequences(events) == 4
    state = ExecutionState(chain(5))
    state.apply_batch(events, 1, 7)
    assert state.seq == 4


def test_readers_get_a_row_taken_apart() -> None:
    row = row_of(0, 1, attempt=2)
    written = journal.EventBatch.FromString(encode_batch("E", 4, 9, (row,)))
    assert len(written.events) == 1
    assert batch_from_proto(written) == ("E", 4, 9, tuple(row.apart()))
    known = apart(written)
    assert [event.WhichOneof("kind") for event in known.events] == ["node_completed"] * 2
    assert batch_from_proto(known) == batch_from_proto(written)
    assert apart(known) is known
    first, second = row.outcomes()
    assert (first.ref, second.ref) == (NodeRef(0, 0, 2), NodeRef(1))
    assert (first.finished_us, second.started_us, second.finished_us) == (105, 105, 110)
    assert second.output == Payload(b"1")


def test_a_report_may_leave_its_lease_to_its_row() -> None:
    row = journal.NodesCompleted(nodes=[3, 4], outputs_json=[b"1", b"2"], durations_us=[1, 2])
    row.attempt = 2
    report = report_from_proto(dispatch.SegmentReport(completed=row), WORKER, Random(1).random)
    assert report.lease == NodeRef(3, 0, 2)
    assert report.count == 2
    assert [outcome.ref for outcome in report.all_outcomes()] == [NodeRef(3, 0, 2), NodeRef(4)]


@given(
    nodes=st.lists(st.integers(0, 70_000), min_size=1, max_size=40),
    queued=st.lists(st.integers(0, 70_000), max_size=40),
    first_seq=st.integers(1, 1 << 40),
    at_us=st.integers(0, 1 << 60),
)
def test_a_row_that_came_encoded_is_written_as_one_that_is_encoded_here(
    nodes: list[int], queued: list[int], first_seq: int, at_us: int
) -> None:
    said = journal.NodesCompleted(nodes=nodes, started_unix_us=at_us, attempt=3)
    said.outputs_json.extend(b"%d" % node for node in nodes)
    said.durations_us.extend(nodes)
    row = replace(row_from_report(said, WORKER), queued=tuple(queued))
    assert row.wire
    here = replace(row, wire=b"")
    for more in ((), (NodesQueued((1,)), ExecutionEnded(ExecutionStatus.COMPLETED))):
        spliced = encode_batch("01EXECUTION", first_seq, at_us, (row, *more))
        encoded = encode_batch("01EXECUTION", first_seq, at_us, (here, *more))
        assert journal.EventBatch.FromString(spliced) == journal.EventBatch.FromString(encoded)


@pytest.mark.parametrize("columns", [([], [], []), ([1], [], [1]), ([1], [b"1", b"2"], [1])])
def test_columns_that_do_not_fit_together_are_refused(
    columns: tuple[list[int], list[bytes], list[int]],
) -> None:
    nodes, outputs, durations = columns
    row = journal.NodesCompleted(nodes=nodes, outputs_json=outputs, durations_us=durations)
    with pytest.raises(InvalidArgument):
        report_from_proto(dispatch.SegmentReport(completed=row), WORKER, Random(1).random)
