"""Outcomes are held while somebody will read them, and no longer."""

import pytest

from penstock.coordinator.core.inputs import Completed, Outcome, Report
from penstock.workflow.execution.events import ExecutionStarted, NodesQueued
from penstock.workflow.execution.fold import BrokenHistory, ExecutionState
from penstock.workflow.execution.values import NodeRef, Payload
from support.plans import PlanBuilder, chain
from support.simulation import Cluster, refold

STARTED = ExecutionStarted("flow", 1, "hash", "default", Payload(b"{}"))


def complete(cluster: Cluster, node: int, output: bytes = b"1") -> None:
    ref = NodeRef(node)
    if ref in cluster.ready:
        cluster.give(ref, "w1")
    cluster.report(Report("w1", ref, (Outcome(ref, Completed(Payload(output))),)))


def test_an_output_goes_when_its_last_reader_ends() -> None:
    plan = PlanBuilder().node("a").node("b", "a").node("c", "a").node("d", "b", "c").plan()
    cluster = Cluster(plan)
    cluster.start()
    complete(cluster, 0)
    complete(cluster, 1)
    assert set(cluster.state.outputs) == {0, 1}
    complete(cluster, 2)
    assert set(cluster.state.outputs) == {1, 2}


def test_the_output_node_is_held_to_the_end() -> None:
    plan = PlanBuilder().node("a").node("b", "a").node("c", "b").plan(output="a")
    cluster = Cluster(plan)
    cluster.start()
    for node in range(3):
        assert node == 0 or 0 in cluster.state.outputs
        complete(cluster, node, b'"%d"' % node)
    assert cluster.finish is not None
    assert cluster.finish.output.json == b'"0"'
    assert not cluster.state.outputs


def test_an_output_nobody_reads_is_not_held() -> None:
    cluster = Cluster(PlanBuilder().node("a").node("b").plan())
    cluster.start()
    complete(cluster, 0)
    assert not cluster.state.outputs


def test_a_long_chain_holds_one_output_at_a_time() -> None:
    cluster = Cluster(chain(200), check=False)
    cluster.start()
    for node in range(199):
        complete(cluster, node)
        assert len(cluster.state.outputs) == 1


def test_a_reader_keeps_every_output() -> None:
    cluster = Cluster(chain(3))
    cluster.start()
    for node in range(3):
        complete(cluster, node)
    state = refold(cluster.plan, cluster.rows, keep_outputs=True)
    assert set(state.outputs) == {0, 1, 2}


def test_an_event_out_of_order_is_refused() -> None:
    state = ExecutionState(chain(1))
    state.apply(STARTED, 1, 1)
    with pytest.raises(BrokenHistory):
        state.apply(NodesQueued((0,)), 3, 1)


def test_nothing_follows_the_end() -> None:
    cluster = Cluster(chain(1))
    cluster.start()
    complete(cluster, 0)
    with pytest.raises(BrokenHistory):
        cluster.state.apply(NodesQueued((0,)), cluster.state.seq + 1, 1)
