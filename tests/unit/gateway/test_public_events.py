"""Journal events to public events."""

import json

import msgspec
import pytest

from penstock.api.journal.v1 import journal_pb2 as journal
from penstock.api.payload.v1.payload_pb2 import (
    ERROR_CLASS_TRANSIENT,
    Failure,
    LogLine,
    Payload,
    PayloadRef,
)
from penstock.gateway.views.events import is_last, node_name, public_event, public_events
from support.gateway.debug_cases import DEBUG_CASES
from support.gateway.vars_cases import VARS_CASES

NAMES = ["fetch", "judge"]
AT_US = 1_700_000_000_123_456
AT = "2023-11-14T22:13:20.123456Z"
REF = journal.NodeRef(node=1, attempt=2)
ITEM = journal.NodeRef(node=1, item=3, attempt=1)
FAILURE = Failure(
    error_class=ERROR_CLASS_TRANSIENT, reason="HTTP_503", message="busy", details_json=b'{"s":503}'
)
SHOWN_FAILURE = {
    "error_class": "transient",
    "reason": "HTTP_503",
    "message": "busy",
    "details": {"s": 503},
}


def shown(**kind):
    return json.loads(msgspec.json.encode(public_event(journal.Event(**kind), NAMES)))


CASES = {
    "started": (
        {
            "execution_started": journal.ExecutionStarted(
                workflow="w", version=3, definition_hash="h", params=Payload(json=b'{"a":1}')
            )
        },
        {
            "type": "EXECUTION_STARTED",
            "kind": "execution_started",
            "status": "RUNNING",
            "workflow": "w",
            "version": 3,
            "definition_hash": "h",
            "params": {"a": 1},
            "trigger": None,
        },
    ),
    "queued": (
        {"nodes_queued": journal.NodesQueued(nodes=[0, 1])},
        {
            "type": "NODE_STATE_CHANGED",
            "kind": "nodes_queued",
            "nodes": [
                {"id": "fetch", "status": "QUEUED", "attempt": 1},
                {"id": "judge", "status": "QUEUED", "attempt": 1},
            ],
        },
    ),
    "running": (
        {"node_running": journal.NodeRunning(ref=REF, worker="w1", started_unix_us=AT_US)},
        {
            "type": "NODE_STATE_CHANGED",
            "kind": "node_running",
            "nodes": [
                {
                    "id": "judge",
                    "status": "RUNNING",
                    "attempt": 2,
                    "started_at": AT,
                    "worker": "w1",
                }
            ],
        },
    ),
    "completed": (
        {
            "node_completed": journal.NodeCompleted(
                ref=REF,
                output=Payload(json=b"[1]"),
                routed=True,
                chosen=["left"],
                logs=[LogLine(at_unix_us=AT_US, level="info", message="hi")],
            )
        },
        {
            "type": "NODE_STATE_CHANGED",
            "kind": "node_completed",
            "nodes": [
                {
                    "id": "judge",
                    "status": "COMPLETED",
                    "attempt": 2,
                    "output": [1],
                    "chosen": ["left"],
                    "logs": [{"at": AT, "level": "info", "message": "hi"}],
                }
            ],
        },
    ),
    "item completed": (
        {
            "node_completed": journal.NodeCompleted(
                ref=ITEM, output=Payload(ref=PayloadRef(digest="d", size_bytes=9))
            )
        },
        {
            "type": "DATA_AVAILABLE",
            "kind": "node_completed",
            "nodes": [
                {
                    "id": "judge",
                    "status": "COMPLETED",
                    "item": 2,
                    "attempt": 1,
                    "output": {"$ref": "d", "size": 9},
                }
            ],
        },
    ),
    "failed, to be retried": (
        {"node_failed": journal.NodeFailed(ref=REF, failure=FAILURE, retry_unix_us=AT_US)},
        {
            "type": "ERROR_OCCURRED",
            "kind": "node_failed",
            "failure": SHOWN_FAILURE,
            "nodes": [
                {
                    "id": "judge",
                    "status": "WAITING",
                    "attempt": 2,
                    "failure": SHOWN_FAILURE,
                    "wake_at": AT,
                }
            ],
        },
    ),
    "failed for good": (
        {"node_failed": journal.NodeFailed(ref=REF, failure=FAILURE)},
        {
            "type": "ERROR_OCCURRED",
            "kind": "node_failed",
            "failure": SHOWN_FAILURE,
            "nodes": [{"id": "judge", "status": "FAILED", "attempt": 2, "failure": SHOWN_FAILURE}],
        },
    ),
    "retried": (
        {"node_retried": journal.NodeRetried(ref=REF)},
        {
            "type": "NODE_STATE_CHANGED",
            "kind": "node_retried",
            "nodes": [{"id": "judge", "status": "QUEUED", "attempt": 2}],
        },
    ),
    "skipped": (
        {"nodes_skipped": journal.NodesSkipped(nodes=[1], reason=journal.SKIP_REASON_CONDITION)},
        {
            "type": "NODE_STATE_CHANGED",
            "kind": "nodes_skipped",
            "nodes": [{"id": "judge", "status": "SKIPPED", "reason": "CONDITION"}],
        },
    ),
    "waiting": (
        {"node_waiting": journal.NodeWaiting(ref=REF, until_unix_us=AT_US, signal="go")},
        {
            "type": "NODE_STATE_CHANGED",
            "kind": "node_waiting",
            "nodes": [
                {"id": "judge", "status": "WAITING", "attempt": 2, "wake_at": AT, "signal": "go"}
            ],
        },
    ),
    "fanned out": (
        {"node_fanned_out": journal.NodeFannedOut(ref=REF, count=2, items_json=[b"1", b'"x"'])},
        {
            "type": "NODE_STATE_CHANGED",
            "kind": "node_fanned_out",
            "nodes": [
                {
                    "id": "judge",
                    "status": "RUNNING",
                    "attempt": 2,
                    "items_total": 2,
                    "items": [1, "x"],
                }
            ],
        },
    ),
    "lost": (
        {"attempt_lost": journal.AttemptLost(ref=REF, cause="worker w1 died")},
        {
            "type": "ERROR_OCCURRED",
            "kind": "attempt_lost",
            "reason": "worker w1 died",
            "nodes": [{"id": "judge", "status": "QUEUED", "attempt": 3}],
        },
    ),
    "signalled": (
        {
            "signal_received": journal.SignalReceived(
                name="go", payload=Payload(json=b"7"), signal_id="s"
            )
        },
        {
            "type": "DATA_AVAILABLE",
            "kind": "signal_received",
            "signal": "go",
            "signal_id": "s",
            "payload": 7,
        },
    ),
    "cancel asked": (
        {"cancel_requested": journal.CancelRequested(reason="a mistake")},
        {"type": "NODE_STATE_CHANGED", "kind": "cancel_requested", "reason": "a mistake"},
    ),
    "start due": (
        {"start_due": journal.StartDue()},
        {"type": "NODE_STATE_CHANGED", "kind": "start_due"},
    ),
    "failure taken": (
        {"failure_taken": journal.FailureTaken(node=1, failure={"reason": "BROKE"})},
        {
            "type": "ERROR_OCCURRED",
            "kind": "failure_taken",
            "failed_node": "judge",
            "failure": {"reason": "BROKE"},
        },
    ),
    "cancelled": (
        {"nodes_cancelled": journal.NodesCancelled(nodes=[0])},
        {
            "type": "NODE_STATE_CHANGED",
            "kind": "nodes_cancelled",
            "nodes": [{"id": "fetch", "status": "CANCELLED"}],
        },
    ),
    "paused": (
        {"execution_paused": journal.ExecutionPaused(by="ann", reason="lunch", held=[REF])},
        {
            "type": "NODE_STATE_CHANGED",
            "kind": "execution_paused",
            "status": "PAUSED",
            "by": "ann",
            "reason": "lunch",
        },
    ),
    "resumed": (
        {"execution_resumed": journal.ExecutionResumed(by="ann")},
        {
            "type": "NODE_STATE_CHANGED",
            "kind": "execution_resumed",
            "status": "RUNNING",
            "by": "ann",
        },
    ),
    "intervened": (
        {
            "node_intervened": journal.NodeIntervened(
                ref=ITEM,
                operation=journal.INTERVENTION_EDIT,
                by="ann",
                reason="a typo",
                input=Payload(json=b"7"),
            )
        },
        {
            "type": "NODE_STATE_CHANGED",
            "kind": "node_intervened",
            "node": "judge",
            "item": 2,
            "operation": "edit",
            "input": 7,
            "by": "ann",
            "reason": "a typo",
        },
    ),
    "answered": (
        {
            "task_answered": journal.TaskAnswered(
                ref=ITEM, decision="approved", data=Payload(json=b"7"), by="ann", comment="fine"
            )
        },
        {
            "type": "DATA_AVAILABLE",
            "kind": "task_answered",
            "node": "judge",
            "item": 2,
            "decision": "approved",
            "payload": 7,
            "by": "ann",
            "reason": "fine",
        },
    ),
    "handed over": (
        {"attempts_handed_over": journal.AttemptsHandedOver(refs=[REF], worker="w1")},
        {
            "type": "NODE_STATE_CHANGED",
            "kind": "attempts_handed_over",
            "nodes": [{"id": "judge", "status": "QUEUED", "attempt": 2, "worker": "w1"}],
        },
    ),
    "ended well": (
        {
            "execution_ended": journal.ExecutionEnded(
                status=journal.EXECUTION_STATUS_COMPLETED, output=Payload(json=b"1")
            )
        },
        {
            "type": "EXECUTION_COMPLETED",
            "kind": "execution_ended",
            "status": "COMPLETED",
            "output": 1,
        },
    ),
    "ended badly": (
        {
            "execution_ended": journal.ExecutionEnded(
                status=journal.EXECUTION_STATUS_FAILED, failure=FAILURE, node_plus_one=2
            )
        },
        {
            "type": "EXECUTION_COMPLETED",
            "kind": "execution_ended",
            "status": "FAILED",
            "failure": SHOWN_FAILURE,
            "failed_node": "judge",
        },
    ),
    "outcomes taken over": (
        {
            "outcomes_carried": journal.OutcomesCarried(
                outcomes=[
                    journal.Event(
                        node_completed=journal.NodeCompleted(ref=REF, output=Payload(json=b"1"))
                    ),
                    journal.Event(
                        nodes_skipped=journal.NodesSkipped(
                            nodes=[0], reason=journal.SKIP_REASON_BRANCH
                        )
                    ),
                ]
            )
        },
        {
            "type": "NODE_STATE_CHANGED",
            "kind": "outcomes_carried",
            "nodes": [
                {"id": "judge", "status": "COMPLETED", "attempt": 2, "output": 1},
                {"id": "fetch", "status": "SKIPPED", "reason": "BRANCH"},
            ],
        },
    ),
    **DEBUG_CASES,
    **VARS_CASES,
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_journal_event_becomes_one_public_event(case):
    kind, expected = case
    assert shown(**kind) == expected


def test_every_kind_of_journal_event_has_a_public_form():
    kinds = {field.name for field in journal.Event.DESCRIPTOR.oneofs_by_name["kind"].fields}
    kinds.remove("nodes_completed")  # rows hold it; readers get it taken apart
    assert kinds == {kind for case, _ in CASES.values() for kind in case}


def test_an_event_of_an_unknown_kind_keeps_its_place():
    batch = journal.EventBatch(execution_id="x", first_seq=4, events=[journal.Event()] * 2)
    assert [message.seq for message in public_events(batch, NAMES)] == [4, 5]


def test_the_hidden_last_node_has_a_name():
    assert node_name(2, NAMES) == "$output"


def test_events_keep_the_journals_numbers_and_what_was_seen_is_left_out():
    queued = journal.Event(nodes_queued=journal.NodesQueued(nodes=[0]))
    ended = journal.Event(execution_ended=journal.ExecutionEnded())
    batch = journal.EventBatch(
        execution_id="x", first_seq=5, at_unix_us=AT_US, events=[queued, queued, ended]
    )
    messages = list(public_events(batch, NAMES, after_seq=5))
    assert [(message.seq, message.at) for message in messages] == [(6, AT), (7, AT)]
    assert [is_last(message) for message in messages] == [False, True]
