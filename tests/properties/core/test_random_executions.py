"""Whatever happens to an execution, its journal keeps every promise (I1-I6, I9, I12)."""

from collections.abc import Iterable
from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from penstock.common.journal_codec import decode_batch
from penstock.coordinator.core.audit import Fault
from penstock.coordinator.core.history_audit import HistoryAudit
from penstock.coordinator.core.inputs import Report
from penstock.workflow.plan import Plan
from support.journal_checker import Batch, check_journal
from support.random_runs import random_plan, random_turn, run_out
from support.simulation import Cluster, folded, refold

CALM = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)


def live_through(rng: Random, turns: int) -> Cluster:
    cluster = Cluster(random_plan(rng))
    cluster.start()
    sent: list[Report] = []
    for _ in range(turns):
        if cluster.state.end is None:
            random_turn(rng, cluster, sent)
    run_out(cluster)
    return cluster


@CALM
@given(st.randoms(use_true_random=False), st.integers(0, 40))
def test_every_execution_ends_and_its_journal_is_right(rng: Random, turns: int) -> None:
    cluster = live_through(rng, turns)
    batches = [decode_batch(row) for row in cluster.rows]
    assert check_journal(cluster.plan, batches) == []
    assert heard_by_the_audit(cluster.plan, batches) == []
    assert cluster.finish is not None


def heard_by_the_audit(plan: Plan, batches: Iterable[Batch]) -> list[Fault]:
    audit = HistoryAudit(plan)
    for _, _, _, events in batches:
        for event in events:
            audit.take(event)
    return audit.faults


@settings(CALM, max_examples=150)
@given(st.integers(0, 2**32), st.integers(0, 60))
def test_every_execution_ends_whatever_the_seed(seed: int, turns: int) -> None:
    cluster = live_through(Random(seed), turns)
    batches = [decode_batch(row) for row in cluster.rows]
    assert check_journal(cluster.plan, batches) == []


@settings(CALM, max_examples=150)
@given(st.integers(0, 2**32), st.integers(0, 60))
def test_a_reader_sees_what_the_coordinator_decided(seed: int, turns: int) -> None:
    cluster = live_through(Random(seed), turns)
    reader = refold(cluster.plan, cluster.rows, keep_outputs=True)
    live = folded(cluster.state)
    seen = folded(reader)
    for name in ("status", "attempts", "end", "seq", "remaining", "pending", "taken", "waits"):
        assert seen[name] == live[name]
