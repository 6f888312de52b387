"""Events of what people do by hand as protobuf and back: entries for the tables of `rare_codec`."""

from collections.abc import Callable, Mapping
from typing import Any

from penstock.api.journal.v1 import journal_pb2 as journal
from penstock.common.value_codec import (
    payload_from_proto,
    ref_from_proto,
    write_payload,
    write_ref,
)
from penstock.workflow.execution.hand_events import (
    AttemptsHandedOver,
    ExecutionPaused,
    ExecutionResumed,
    NodeIntervened,
    TaskAnswered,
)
from penstock.workflow.execution.values import Operation


def _write_paused(message: journal.Event, event: ExecutionPaused) -> None:
    paused = message.execution_paused
    paused.SetInParent()
    paused.by = event.by
    paused.reason = event.reason
    for ref in event.held:
        write_ref(paused.held.add(), ref)
    paused.request_id = event.request_id


def _read_paused(message: journal.Event) -> ExecutionPaused:
    m = message.execution_paused
    return ExecutionPaused(m.by, m.reason, tuple(map(ref_from_proto, m.held)), m.request_id)


def _write_resumed(message: journal.Event, event: ExecutionResumed) -> None:
    resumed = message.execution_resumed
    resumed.SetInParent()
    resumed.by = event.by
    resumed.reason = event.reason
    resumed.request_id = event.request_id


def _read_resumed(message: journal.Event) -> ExecutionResumed:
    m = message.execution_resumed
    return ExecutionResumed(m.by, m.reason, m.request_id)


def _write_intervened(message: journal.Event, event: NodeIntervened) -> None:
    done = message.node_intervened
    write_ref(done.ref, event.ref)
    done.operation = event.operation  # type: ignore[assignment]
    done.by = event.by
    done.reason = event.reason
    if event.input is not None:
        write_payload(done.input, event.input)
    done.intervention_id = event.intervention_id


def _read_intervened(message: journal.Event) -> NodeIntervened:
    m = message.node_intervened
    return NodeIntervened(
        ref_from_proto(m.ref),
        Operation(m.operation),
        m.by,
        m.reason,
        payload_from_proto(m.input) if m.HasField("input") else None,
        m.intervention_id,
    )


def _write_answered(message: journal.Event, event: TaskAnswered) -> None:
    answered = message.task_answered
    write_ref(answered.ref, event.ref)
    answered.decision = event.decision
    write_payload(answered.data, event.data)
    answered.by = event.by
    answered.comment = event.comment


def _read_answered(message: journal.Event) -> TaskAnswered:
    m = message.task_answered
    return TaskAnswered(
        ref_from_proto(m.ref), m.decision, payload_from_proto(m.data), m.by, m.comment
    )


def _write_handed_over(message: journal.Event, event: AttemptsHandedOver) -> None:
    message.attempts_handed_over.worker = event.worker
    for ref in event.refs:
        write_ref(message.attempts_handed_over.refs.add(), ref)


def _read_handed_over(message: journal.Event) -> AttemptsHandedOver:
    m = message.attempts_handed_over
    return AttemptsHandedOver(tuple(map(ref_from_proto, m.refs)), m.worker)


HAND_WRITERS: Mapping[type, Callable[[journal.Event, Any], None]] = {
    ExecutionPaused: _write_paused,
    ExecutionResumed: _write_resumed,
    NodeIntervened: _write_intervened,
    TaskAnswered: _write_answered,
    AttemptsHandedOver: _write_handed_over,
}
HAND_READERS: Mapping[str, Callable[[journal.Event], Any]] = {
    "execution_paused": _read_paused,
    "execution_resumed": _read_resumed,
    "node_intervened": _read_intervened,
    "task_answered": _read_answered,
    "attempts_handed_over": _read_handed_over,
}
