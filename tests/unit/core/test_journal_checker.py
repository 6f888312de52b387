"""The checker itself: a good journal passes, each kind of damage is found."""

from collections.abc import Sequence

import pytest

from penstock.workflow.execution import events as ev
from penstock.workflow.execution.values import (
    ExecutionStatus,
    Failure,
    NodeRef,
    Payload,
    SkipReason,
)
from penstock.workflow.plan import Plan
from penstock.workflow.retry import RetryPolicy
from support.journal_checker import check_journal
from support.plans import PlanBuilder

A, B = NodeRef(0), NodeRef(1)
ONE = Payload(b"1")
STARTED = ev.ExecutionStarted("flow", 1, "hash", "default", Payload(b"{}"))
ENDED = ev.ExecutionEnded(ExecutionStatus.COMPLETED, ONE)
BROKEN = Failure("transient", "BROKEN", "It broke.")
GOOD = (
    STARTED,
    ev.NodesQueued((0,)),
    ev.NodeCompleted(A, ONE),
    ev.NodesQueued((1,)),
    ev.NodeCompleted(B, ONE),
    ENDED,
)


def plan(**more: object) -> Plan:
    return PlanBuilder().node("a", **more).node("b", "a").plan(output="b")


def judged(events: Sequence[ev.Event], **more: object) -> list[str]:
    return check_journal(plan(**more), [("E", 1, 10, events)])


def test_a_good_journal_passes() -> None:
    assert judged(GOOD) == []


@pytest.mark.parametrize(
    ("events", "complaint"),
    [
        (GOOD[:-1], "has not ended"),
        (GOOD[1:], "begins with ExecutionStarted"),
        ((*GOOD, ev.NodesQueued((1,))), "after the end"),
        ((*GOOD[:3], ev.NodeCompleted(A, ONE), *GOOD[3:]), "after its end"),
        ((STARTED, ev.NodesQueued((1,)), *GOOD[1:]), "before parent"),
        ((*GOOD[:4], ev.NodesQueued((1,)), *GOOD[4:]), "queued twice"),
        ((*GOOD[:2], ev.NodeCompleted(NodeRef(0, 0, 2), ONE), *GOOD[3:]), "is current"),
        ((*GOOD[:4], ENDED), "while ['b'] had not"),
        ((*GOOD[:3], ev.NodesSkipped((1,), SkipReason.BRANCH), ENDED), "though an edge"),
        ((*GOOD[:2], ev.AttemptLost(A, "x"), *GOOD[2:]), "is current"),
        ((*GOOD[:2], ev.NodeRetried(NodeRef(0, 0, 2)), *GOOD[2:]), "out of nothing"),
        ((*GOOD[:5], ev.ExecutionEnded(ExecutionStatus.COMPLETED)), "not the output node's"),
        ((*GOOD[:5], ev.ExecutionEnded(ExecutionStatus.CANCELLED)), "nobody asked"),
        ((*GOOD[:2], ev.NodeFailed(A, BROKEN, 20), *GOOD[2:]), "failures"),
    ],
)
def test_damage_is_found(events: Sequence[ev.Event], complaint: str) -> None:
    assert any(complaint in violation for violation in judged(events))


def test_an_early_retry_is_found() -> None:
    retried = ev.NodeRetried(NodeRef(0, 0, 2))
    done = ev.NodeCompleted(NodeRef(0, 0, 2), ONE)
    events = (*GOOD[:2], ev.NodeFailed(A, BROKEN, 20), retried, done, *GOOD[3:])
    assert any("early" in violation for violation in judged(events, retry=RetryPolicy(2)))


def test_a_gap_between_rows_is_found() -> None:
    rows = [("E", 1, 1, GOOD[:2]), ("E", 4, 1, GOOD[2:])]
    assert any("begins at 4" in violation for violation in check_journal(plan(), rows))


def test_a_join_that_lacks_an_item_is_found() -> None:
    events = (
        *GOOD[:2],
        ev.NodeFannedOut(A, 2, (b"1", b"2")),
        ev.NodeCompleted(NodeRef(0, 1), ONE),
        ev.NodeCompleted(A, Payload(b"[1]")),
        *GOOD[3:],
    )
    violations = judged(events, for_each="${{ params.list }}")
    assert any("before its 2 items" in violation for violation in violations)


def test_a_join_in_the_wrong_order_is_found() -> None:
    events = (
        *GOOD[:2],
        ev.NodeFannedOut(A, 2, (b"1", b"2")),
        ev.NodeCompleted(NodeRef(0, 1), Payload(b"1")),
        ev.NodeCompleted(NodeRef(0, 2), Payload(b"2")),
        ev.NodeCompleted(A, Payload(b"[2,1]")),
        *GOOD[3:],
    )
    violations = judged(events, for_each="${{ params.list }}")
    assert any("does not hold item 1" in violation for violation in violations)
