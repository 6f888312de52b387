"""What people were asked is taken back when nothing waits for it any more."""

import pytest

from penstock.coordinator.core.inputs import (
    CancelAsked,
    Failed,
    Outcome,
    Report,
    Waiting,
)
from penstock.workflow.execution.values import Failure, HumanTask, TaskKind
from penstock.workflow.policies import OnFailure
from support.plans import PlanBuilder
from support.simulation import Cluster

ASK = Waiting(task=HumanTask(TaskKind.APPROVAL, "Ship?"))
BROKE = Failed(Failure("user", "BROKE", "It broke."), 0.5)


def asked(**more) -> Cluster:
    """Node a asks a person, b is with a worker."""
    cluster = Cluster(PlanBuilder().node("a").node("b").node("h").plan(**more), check=not more)
    cluster.start()
    for ref in list(cluster.ready):
        cluster.give(ref, "w1")
        if ref.node == 0:
            cluster.report(Report("w1", ref, (Outcome(ref, ASK),)))
    assert cluster.state.waits.tasks is not None
    cluster.state.waits.tasks.take_news()
    return cluster


def taken_back(cluster: Cluster) -> list[int]:
    """Nodes whose tasks are closed by what has happened since."""
    tasks = cluster.state.waits.tasks
    assert tasks is not None
    return [news.wait.ref.node for news in tasks.take_news() if not news.opened_us]


def test_by_a_cancel():
    cluster = asked()
    cluster.feed(CancelAsked("enough"))
    assert taken_back(cluster) == [0]


@pytest.mark.parametrize("more", [{}, {"on_failure": OnFailure("h", "")}])
def test_by_a_failure_that_ends_everything_but_the_failure_node(more):
    cluster = asked(**more)
    ref = next(ref for ref in cluster.held if ref.node == 1)
    cluster.report(Report("w1", ref, (Outcome(ref, BROKE),)))
    assert taken_back(cluster) == [0]
