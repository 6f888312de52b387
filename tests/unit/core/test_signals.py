"""Signals: one wait each, first come first served, within bounds."""

from penstock.coordinator.core.commands import AnswerReport
from penstock.coordinator.core.inputs import Outcome, Report, SignalArrived, Waiting
from penstock.coordinator.core.step import step
from penstock.workflow.execution.values import NodeStatus, Payload
from penstock.workflow.execution.waits import SIGNALS_BUFFERED_MAX, SIGNALS_BYTES_MAX
from support.plans import PlanBuilder
from support.simulation import Cluster, refold


def waiting_cluster() -> Cluster:
    """Node b has waited longer than a."""
    cluster = Cluster(PlanBuilder().node("a").node("b").plan())
    cluster.start()
    for ref in reversed(list(cluster.ready)):
        cluster.give(ref, "w1")
        cluster.report(Report("w1", ref, (Outcome(ref, Waiting(signal="go")),)))
    return cluster


def test_a_signal_wakes_the_oldest_wait_only() -> None:
    cluster = waiting_cluster()
    cluster.feed(SignalArrived("go", Payload(b"1")))
    assert cluster.state.status[0] == NodeStatus.WAITING
    assert cluster.state.status[1] == NodeStatus.COMPLETED
    cluster.feed(SignalArrived("go", Payload(b"2")))
    assert cluster.finish is not None


def test_a_reader_sees_how_long_a_node_has_waited() -> None:
    cluster = waiting_cluster()
    began = cluster.now_us
    cluster.now_us += 5_000_000
    cluster.feed(SignalArrived("go", Payload(b"1")))
    facts = refold(cluster.plan, cluster.rows, keep_outputs=True).facts[1]
    assert facts.started_us <= began
    assert facts.finished_us >= began + 5_000_000


def test_a_signal_for_another_name_wakes_nobody() -> None:
    cluster = waiting_cluster()
    cluster.feed(SignalArrived("stop", Payload(b"1")))
    assert cluster.state.remaining == 2


def test_signals_that_nobody_waits_for_are_bounded() -> None:
    cluster = waiting_cluster()
    cluster.check = False
    for _ in range(SIGNALS_BUFFERED_MAX + 5):
        cluster.feed(SignalArrived("stop", Payload(b"1")))
    assert cluster.state.waits.buffer_full
    assert len(cluster.state.waits.signals["stop"]) == SIGNALS_BUFFERED_MAX
    refused = step(cluster.state, SignalArrived("stop", Payload(b"1")), 1)
    assert (refused.events, refused.commands) == ((), (AnswerReport(accepted=False),))


def test_what_kept_signals_bring_is_bounded_together() -> None:
    cluster = waiting_cluster()
    cluster.check = False
    large = Payload(b'"' + b"x" * 60_000 + b'"')
    for _ in range(SIGNALS_BYTES_MAX // 60_000 + 5):
        cluster.feed(SignalArrived("stop", large))
    kept = cluster.state.waits.signals["stop"]
    assert SIGNALS_BYTES_MAX <= sum(len(each.json) for each in kept) < SIGNALS_BYTES_MAX + 60_010
    assert cluster.state.waits.buffer_full


def test_a_full_buffer_does_not_keep_a_signal_from_its_wait() -> None:
    cluster = waiting_cluster()
    cluster.check = False
    for _ in range(SIGNALS_BUFFERED_MAX):
        cluster.feed(SignalArrived("stop", Payload(b"1")))
    cluster.feed(SignalArrived("go", Payload(b"2")))
    assert cluster.state.status[1] == NodeStatus.COMPLETED
