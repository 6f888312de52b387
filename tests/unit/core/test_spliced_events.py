"""Events that are written by hand are read like those that are written as messages."""

import pytest
from msgspec.structs import replace

from penstock.common.journal_codec import decode_batch, encode_batch
from penstock.common.splice_codec import SPLICED
from penstock.workflow.execution import events as ev
from penstock.workflow.execution.values import (
    ExecutionStatus,
    Failure,
    NodeRef,
    OriginKind,
    Payload,
)

STORED = Payload(b"", "d" * 64, 100_000)
LARGE = Payload(b'"' + b"x" * 70_000 + b'"')
STARTED = ev.ExecutionStarted("orders", 3, "h" * 64, "default", Payload(b'{"a": 1}'))
ENDED = ev.ExecutionEnded(ExecutionStatus.COMPLETED, Payload(b"[1, 2]"))
ROW = ev.NodesCompleted((0, 1), (b"1", b"2"), (3, 4), 1_700_000_000_000_000, 1, "w")

USUAL = (
    STARTED,
    replace(STARTED, version=0, tags=("a", "é"), params=LARGE, trigger=Payload(b"")),
    replace(STARTED, fingerprint="f" * 64, traceparent="00-1-2-01", records_hand_over=True),
    ev.NodesQueued((0,)),
    ev.NodesQueued((1, 127, 128, 70_000)),
    ENDED,
    replace(ENDED, output=LARGE),
    replace(ENDED, status=ExecutionStatus.CANCELLED),
)
UNUSUAL = (
    replace(STARTED, params=STORED),
    replace(STARTED, trigger=STORED),
    replace(STARTED, options=ev.StartOptions(origin=ev.Origin("E", 4, OriginKind.RERUN))),
    replace(ENDED, output=STORED),
    replace(ENDED, status=ExecutionStatus.FAILED, failure=Failure("user", "NO", "no"), node=0),
    ROW,
)


@pytest.mark.parametrize("event", USUAL)
def test_the_usual_is_written_by_hand(event: ev.Event) -> None:
    assert SPLICED[type(event)](event)
    batch = ("01EXECUTION", 1, 1_700_000_000_000_000, (event,))
    assert decode_batch(encode_batch(*batch)) == batch


@pytest.mark.parametrize("event", UNUSUAL)
def test_the_unusual_is_left_to_messages(event: ev.Event) -> None:
    assert not SPLICED[type(event)](event)


def test_a_batch_may_hold_both() -> None:
    lost = ev.AttemptLost(NodeRef(0), "gone")
    events = (STARTED, ev.NodesQueued((0,)), lost, ev.NodesQueued((1,)), ENDED)
    batch = ("01EXECUTION", 1, 1_700_000_000_000_000, events)
    assert decode_batch(encode_batch(*batch)) == batch


def test_a_clock_that_is_wrong_by_far_is_written_too() -> None:
    batch = ("01EXECUTION", 1, -199_999, (STARTED, ev.NodesQueued((0,))))
    assert decode_batch(encode_batch(*batch)) == batch
