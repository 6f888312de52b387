"""What a step has decided weighs about as much as what will be written of it."""

import pytest

from penstock.common.journal_codec import encode_batch
from penstock.coordinator.core.notices import ChildEnd, ChildStart
from penstock.coordinator.core.weights import weight_of, weight_of_notices
from penstock.workflow.execution.debug_events import OutputEdited
from penstock.workflow.execution.events import (
    ExecutionEnded,
    ExecutionStarted,
    FailureTaken,
    NodeCompleted,
    NodeFailed,
    NodeFannedOut,
    NodeHeld,
    NodesCompleted,
    NodeWaiting,
    OutcomesCarried,
    Parent,
    SignalReceived,
)
from penstock.workflow.execution.hand_events import NodeIntervened, TaskAnswered
from penstock.workflow.execution.values import (
    ExecutionStatus,
    Failure,
    HumanTask,
    LogLine,
    NodeRef,
    Operation,
    Payload,
    TaskKind,
)
from penstock.workflow.execution.variables import VarsChange, VarsChanged

REF = NodeRef(1)
TEXT = "x" * 5_000
LARGE = Payload(b'"' + TEXT.encode() + b'"')
FAILURE = Failure("user", "NO", TEXT, LARGE.json)
DONE = NodeCompleted(REF, LARGE, logs=(LogLine(1, "info", TEXT),))
EVENTS = [
    DONE,
    NodesCompleted((1, 2), (LARGE.json, LARGE.json), (1, 1)),
    NodeFailed(REF, FAILURE, logs=(LogLine(1, "info", TEXT),)),
    NodeWaiting(REF, output=LARGE),
    NodeWaiting(REF, task=HumanTask(TaskKind.APPROVAL, "?", TEXT, LARGE.json)),
    NodeFannedOut(REF, 2, (LARGE.json, LARGE.json)),
    NodeHeld(REF, "b", DONE),
    SignalReceived("go", LARGE),
    OutcomesCarried((DONE, DONE)),
    ExecutionStarted("w", 1, "h", "t", LARGE, LARGE),
    ExecutionEnded(ExecutionStatus.FAILED, LARGE, FAILURE),
    OutputEdited(REF, LARGE),
    NodeIntervened(REF, Operation.EDIT, input=LARGE),
    TaskAnswered(REF, "approved", LARGE),
    VarsChanged(REF, VarsChange(("a",), (LARGE.json,))),
    NodeCompleted(REF, LARGE, logs=(LogLine(1, "info", "€" * 5_000),)),
    NodeFailed(REF, Failure("user", "NO", "é" * 5_000)),
    NodeWaiting(REF, task=HumanTask(TaskKind.APPROVAL, "?", assignees=(TEXT,), data=LARGE)),
    NodeHeld(REF, "b", note=TEXT),
    FailureTaken(1, FAILURE),
    TaskAnswered(REF, "approved", comment=TEXT),
    NodeIntervened(REF, Operation.SKIP, reason=TEXT),
]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_an_event_weighs_what_it_takes_once_it_is_written(event):
    written = len(encode_batch("e", 1, 1, [event]))
    assert written - 300 < weight_of([event]) <= written


def test_what_is_owed_weighs_what_it_hands_over():
    start = ChildStart("c", REF, 1, "w", 0, LARGE)
    end = ChildEnd(Parent("p", REF), ExecutionStatus.FAILED, LARGE, FAILURE)
    assert weight_of_notices([start, end]) > 4 * len(TEXT)
