"""Workers' messages become inputs of the core."""

import pytest

from penstock.api.dispatch.v1 import dispatch_service_pb2 as dispatch
from penstock.api.journal.v1 import journal_pb2 as journal
from penstock.api.payload.v1 import payload_pb2 as payload
from penstock.common.errors import InvalidArgument
from penstock.coordinator.adapters.outcomes import outcome_from_proto, report_from_proto
from penstock.coordinator.core.inputs import (
    Completed,
    ConditionFalse,
    Failed,
    FannedOut,
    Lost,
    Outcome,
    OutcomeKind,
    Report,
    Waiting,
)
from penstock.workflow.execution.values import Failure, LogLine, NodeRef, Payload

JSON = payload.Payload(json=b"1")
REF = journal.NodeRef(node=3, item=2, attempt=4)


def draw() -> float:
    return 0.25


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (
            {"completed": dispatch.Completed(output=JSON, routed=True, chosen=["x"])},
            Completed(Payload(b"1"), ("x",), routed=True),
        ),
        (
            {"failed": payload.Failure(error_class=1, reason="R", message="m")},
            Failed(Failure("transient", "R", "m"), 0.25),
        ),
        ({"condition_false": dispatch.ConditionFalse()}, ConditionFalse()),
        (
            {"waiting": dispatch.Waiting(duration_us=5, signal="s", output=JSON)},
            Waiting(5, 0, "s", Payload(b"1")),
        ),
        (
            {"fanned_out": dispatch.FannedOut(count=1, items_json=[b"7"])},
            FannedOut(1, (b"7",)),
        ),
        ({"lost": dispatch.Lost(cause="drain")}, Lost("drain")),
    ],
)
def test_each_kind_of_outcome_is_understood(kind: dict[str, object], expected: OutcomeKind) -> None:
    message = dispatch.NodeOutcome(ref=REF, started_unix_us=1, finished_unix_us=2, **kind)
    message.logs.add(at_unix_us=1, level="info", message="hello")
    logs = (LogLine(1, "info", "hello"),)
    assert outcome_from_proto(message, "E", draw) == Outcome(NodeRef(3, 2, 4), expected, 1, 2, logs)


def test_a_report_carries_its_lease_and_what_it_goes_on_with() -> None:
    message = dispatch.SegmentReport(lease=REF, continue_with=journal.NodeRef(node=5, attempt=1))
    expected = Report("w1", NodeRef(3, 2, 4), (), NodeRef(5, 0, 1))
    assert report_from_proto(message, "w1", draw) == expected


def test_a_report_that_goes_on_with_nothing_says_so() -> None:
    assert report_from_proto(dispatch.SegmentReport(lease=REF), "w1", draw).continue_with is None


def test_an_outcome_without_a_kind_is_refused() -> None:
    with pytest.raises(InvalidArgument):
        outcome_from_proto(dispatch.NodeOutcome(ref=REF), "E", draw)
