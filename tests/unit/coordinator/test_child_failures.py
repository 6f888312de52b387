"""Failures that come up through sub-workflows: the cause once, and the way to it."""

import msgspec
import pytest

from penstock.coordinator.core.child_failures import failure_of
from penstock.coordinator.core.inputs import ChildEnded
from penstock.workflow.execution.values import NULL, ExecutionStatus, Failure

FAILED = ExecutionStatus.FAILED
BOOM = Failure("user", "SCRIPT_ERROR", "boom", b'{"line":3}')


def told(failure):
    return msgspec.json.decode(failure.details_json)


def rise(failure, *levels):
    """The failure as it comes up through (child, workflow, node, item) levels."""
    for child, workflow, node, item in levels:
        ended = ChildEnded(child, FAILED, NULL, failure, node_id=node)
        failure = failure_of(ended, workflow, item)
    return failure


def test_one_level_names_the_execution_and_the_node_it_failed_by():
    failure = rise(BOOM, ("C1", "billing", "pay", 0))
    assert (failure.error_class, failure.reason) == ("user", "CHILD_FAILED")
    assert failure.message == "Execution C1 of workflow billing failed at pay: boom"
    cause = {"class": "user", "reason": "SCRIPT_ERROR", "message": "boom", "details": {"line": 3}}
    level = {"execution_id": "C1", "workflow": "billing", "status": "FAILED"}
    assert told(failure) == {
        **level,
        "path": [{**level, "node": "pay", "item": None}],
        "failure": cause,
    }


def test_the_cause_is_told_once_however_many_levels_are_above_it():
    failure = rise(
        BOOM,
        ("C3", "card", "charge", 3),
        ("C2", "pay", "cards", 0),
        ("C1", "billing", "call", 0),
    )
    assert failure.message == (
        "Execution C1 of workflow billing failed at call > pay/cards[2] > card/charge: boom"
    )
    path = [(one["execution_id"], one["node"], one["item"]) for one in told(failure)["path"]]
    assert path == [("C1", "call", None), ("C2", "cards", 2), ("C3", "charge", None)]
    assert told(failure)["failure"]["reason"] == "SCRIPT_ERROR"
    assert failure.details_json.count(b"boom") == 1


def test_details_grow_by_a_level_only():
    small, large = (
        rise(BOOM, *[(f"C{n}", "w", "call", 0) for n in range(count)]) for count in (1, 10)
    )
    assert len(large.details_json) < len(small.details_json) + 9 * 100


def test_the_item_is_said_by_the_details_of_the_node_that_has_items():
    assert told(rise(BOOM, ("C1", "w", "n", 1)))["item"] == 0
    assert "item" not in told(rise(BOOM, ("C1", "w", "n", 0)))


@pytest.mark.parametrize(
    ("status", "reason", "says"),
    [
        (ExecutionStatus.CANCELLED, "CHILD_CANCELLED", "was cancelled: Stop."),
        (ExecutionStatus.TIMED_OUT, "CHILD_TIMED_OUT", "timed out: Stop."),
    ],
)
def test_who_did_not_fail_by_a_node_names_none(status, reason, says):
    ended = ChildEnded("C2", status, NULL, Failure("user", "CANCELLED", "Stop."))
    below = failure_of(ended, "pay", 0)
    assert (below.reason, below.message) == (reason, f"Execution C2 of workflow pay {says}")
    above = rise(below, ("C1", "billing", "call", 0))
    assert above.message == "Execution C1 of workflow billing failed at call > pay: Stop."
    assert [one["status"] for one in told(above)["path"]] == ["FAILED", status.name]


def test_an_end_without_a_failure_is_a_failure_still():
    failure = failure_of(ChildEnded("C1", FAILED), "w", 0)
    assert failure.error_class == "system"
    assert failure.message == "Execution C1 of workflow w failed: Its failure is not known."


@pytest.mark.parametrize(
    "details",
    [
        b"",
        b"null",
        b"[1]",
        b'{"path":[]}',
        b'{"execution_id":"x","workflow":"w","status":"FAILED","path":[],"failure":{"message":"m"}}',
        b'{"execution_id":"x","workflow":"w","status":"FAILED","path":[{"execution_id":"x",'
        b'"workflow":"w","status":"FAILED"}],"failure":7}',
        b'{"execution_id":"x","workflow":"w","status":"FAILED","path":["'
        + b'","'.join([b"x"] * 200)
        + b'"],"failure":{"message":"m"}}',
    ],
)
def test_details_that_somebody_made_up_are_a_cause_like_any_other(details):
    own = Failure("user", "CHILD_FAILED", "mine", details)
    failure = rise(own, ("C1", "w", "throws", 0))
    assert failure.message == "Execution C1 of workflow w failed at throws: mine"
    assert len(told(failure)["path"]) == 1
    assert told(failure)["failure"]["message"] == "mine"
