"""Outcomes that a node of its kind cannot have, and numbers that cannot be written down."""

import pytest

from penstock.coordinator.core.inputs import (
    Completed,
    FannedOut,
    Outcome,
    OutcomeKind,
    Report,
    Waiting,
)
from penstock.workflow.execution.tables import tables_of
from penstock.workflow.execution.values import LAST_INSTANT_US, NodeRef, Payload
from penstock.workflow.execution.view import execution_view
from support.plans import PlanBuilder
from support.simulation import Cluster, refold

LEASE = NodeRef(0)


def running(**more: object) -> Cluster:
    cluster = Cluster(PlanBuilder().node("a", **more).node("b", "a").plan(output="b"))
    cluster.start()
    cluster.give(LEASE, "w1")
    return cluster


@pytest.mark.parametrize(
    ("for_each", "kind"),
    [
        (None, FannedOut(2, (b"1", b"2"))),
        ("${{ params.list }}", Completed(Payload(b"1"))),
    ],
)
def test_an_outcome_of_another_kind_of_node_is_void(
    for_each: str | None, kind: OutcomeKind
) -> None:
    cluster = running(for_each=for_each)
    cluster.report(Report("w1", LEASE, (Outcome(LEASE, kind),)))
    assert cluster.accepted is False


def test_a_for_each_cannot_be_part_of_a_row() -> None:
    plan = PlanBuilder().node("a").node("b", "a", for_each="${{ params.list }}").plan()
    assert tables_of(plan).row((0,)) is not None
    assert tables_of(plan).row((0, 1)) is None


@pytest.mark.parametrize("wait", [Waiting(duration_us=2**64 - 1), Waiting(until_us=2**63 - 1)])
def test_a_wait_ends_at_the_end_of_time_at_the_latest(wait: Waiting) -> None:
    cluster = running()
    cluster.report(Report("w1", LEASE, (Outcome(LEASE, wait),)))
    assert cluster.accepted
    view = execution_view(refold(cluster.plan, cluster.rows, keep_outputs=True))
    assert cluster.state.waits.due[0] == LAST_INSTANT_US
    assert "9999-12-31T23:59:59" in view.nodes[0].waiting_for
