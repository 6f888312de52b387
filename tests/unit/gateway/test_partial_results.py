"""What there is of a run that ended badly."""

import json

import msgspec
import pytest

from penstock.api.journal.v1 import journal_pb2 as journal
from penstock.api.payload.v1.payload_pb2 import Payload, PayloadRef
from penstock.api.workflow.v1.workflow_service_pb2 import Execution, NodeState
from penstock.gateway.views import executions as views

DONE, BROKEN = journal.NODE_STATUS_COMPLETED, journal.NODE_STATUS_FAILED
DIGEST = "0" * 64


def shown(status, *nodes):
    return json.loads(
        msgspec.json.encode(views.execution(Execution(id="x", status=status, nodes=nodes), ()))
    )["partial"]


def node(name, status, *needs, output=b"1"):
    return NodeState(id=name, status=status, needs=needs, output=Payload(json=output))


@pytest.mark.parametrize("status", ["FAILED", "CANCELLED", "TIMED_OUT"])
def test_a_bad_end_tells_how_far_each_branch_came(status):
    nodes = (
        node("first", DONE, output=b"[1]"),
        node("second", DONE, "first", output=b"[2]"),
        NodeState(id="third", status=BROKEN, needs=["second"]),
        node("other", DONE, "first", output=b"null"),
        NodeState(
            id="large", status=DONE, output=Payload(ref=PayloadRef(digest=DIGEST, size_bytes=9))
        ),
        NodeState(id="never", status=journal.NODE_STATUS_CANCELLED, needs=["other"]),
    )
    assert shown(journal.ExecutionStatus.Value(f"EXECUTION_STATUS_{status}"), *nodes) == {
        "second": [2],
        "other": None,
        "large": {"$ref": DIGEST, "size": 9},
    }


@pytest.mark.parametrize("status", ["RUNNING", "PAUSED", "COMPLETED"])
def test_without_a_bad_end_there_is_no_partial_result(status):
    number = journal.ExecutionStatus.Value(f"EXECUTION_STATUS_{status}")
    assert shown(number, node("first", DONE)) is None


def test_a_run_of_which_nothing_completed_says_so():
    assert shown(journal.EXECUTION_STATUS_FAILED, NodeState(id="a", status=BROKEN)) == {}
