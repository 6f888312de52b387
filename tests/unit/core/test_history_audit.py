"""The audit's reading of histories: each rule that is broken is told."""

import pytest

from penstock.coordinator.core.history_audit import HistoryAudit
from penstock.nodes import catalog
from penstock.workflow.compile import compile_source
from penstock.workflow.execution import events as ev
from penstock.workflow.execution.values import ExecutionStatus, Failure, NodeRef, Payload

PLAN = compile_source(
    """
flow: 1
id: two
nodes:
  a: {run: "return 1"}
  b: {needs: [a], run: "return 2"}
""",
    catalog(),
)
A, B = NodeRef(0, 0, 1), NodeRef(1, 0, 1)
DONE = Payload(b"1")
FAILED = Failure("user", "OOPS", "no")


def faults(*events: ev.Event) -> list[tuple[str, str]]:
    audit = HistoryAudit(PLAN)
    for event in events:
        audit.take(event)
    return [(fault.invariant, fault.message) for fault in audit.faults]


GOOD = (
    ev.NodesQueued((0,)),
    ev.AttemptLost(A, "gone"),
    ev.NodeFailed(NodeRef(0, 0, 2), FAILED, retry_us=5),
    ev.NodeRetried(NodeRef(0, 0, 3)),
    ev.NodeCompleted(NodeRef(0, 0, 3), DONE),
    ev.NodesQueued((1,)),
    ev.NodeCompleted(B, DONE),
    ev.ExecutionEnded(ExecutionStatus.COMPLETED, DONE),
)


def test_a_good_history_has_no_faults():
    assert faults(*GOOD) == []


@pytest.mark.parametrize(
    ("events", "told"),
    [
        ((*GOOD, ev.CancelRequested("late")), ("I5", "CancelRequested follows the end")),
        ((*GOOD[:5], GOOD[4]), ("I2", "node a has two outcomes")),
        ((*GOOD[:5], ev.NodeFailed(A, FAILED)), ("I2", "node a has two outcomes")),
        ((ev.NodesQueued((0, 1)),), ("I3", "node b was let go before node a ended")),
        ((GOOD[0], GOOD[0]), ("I3", "node a was let go twice")),
        ((GOOD[0], GOOD[1], ev.NodeRetried(A)), ("I2", "node a went from attempt 2 to 1")),
        (
            (ev.NodeCompleted(NodeRef(0, 3, 1), DONE), ev.NodeCompleted(NodeRef(0, 3, 2), DONE)),
            ("I2", "item 2 of node a has two outcomes"),
        ),
    ],
)
def test_a_broken_rule_is_told(events: tuple[ev.Event, ...], told: tuple[str, str]):
    assert faults(*events) == [told]
