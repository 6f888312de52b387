"""Who asks something of an execution that has just ended is not told that it was done."""

import pytest

from penstock.coordinator.core.commands import AnswerReport
from penstock.coordinator.core.debug_commands import DebugAsked, Stop
from penstock.coordinator.core.inputs import (
    CancelAsked,
    Intervention,
    PauseAsked,
    ResumeAsked,
    SignalArrived,
    TaskAnswer,
    TimePassed,
)
from penstock.coordinator.core.step import step
from penstock.workflow.execution.values import NULL, NodeRef, Operation, Payload
from support.plans import PlanBuilder
from support.simulation import Cluster


@pytest.fixture
def ended() -> Cluster:
    cluster = Cluster(PlanBuilder().node("a").plan())
    cluster.start()
    cluster.feed(CancelAsked("enough"))
    return cluster


@pytest.mark.parametrize(
    "asked",
    [
        SignalArrived("go", NULL),
        Intervention(0, 0, Operation.COMPLETE, value=Payload(b"1")),
        TaskAnswer(NodeRef(0, 0, 1), "approved", NULL, "kim", ""),
        DebugAsked(Stop(), "kim", "1"),
    ],
    ids=lambda asked: type(asked).__name__,
)
def test_what_cannot_be_done_any_more_is_refused(ended, asked):
    refused = step(ended.state, asked, 1)
    assert (refused.events, refused.commands) == ((), (AnswerReport(accepted=False),))


@pytest.mark.parametrize(
    "asked",
    [CancelAsked("again"), PauseAsked("kim", ""), ResumeAsked("kim", ""), TimePassed()],
    ids=lambda asked: type(asked).__name__,
)
def test_what_is_answered_by_how_it_stands_changes_nothing(ended, asked):
    said = step(ended.state, asked, 1)
    assert (said.events, said.commands) == ((), ())
