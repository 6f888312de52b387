"""The journal's rarer events as protobuf and back: what happens a few times in an execution's life.

A table from the event's type to its writer, and one from the field's name in `journal.v1.Event` to
its reader: a new kind of event is one entry in each.
"""

from collections.abc import Callable, Mapping
from typing import Any

from penstock.api.journal.v1 import journal_pb2 as journal
from penstock.common import debug_codec
from penstock.common.hand_codec import HAND_READERS, HAND_WRITERS
from penstock.common.start_codec import read_options, write_options
from penstock.common.value_codec import (
    failure_from_proto,
    payload_from_proto,
    ref_from_proto,
    vars_from_proto,
    write_failure,
    write_payload,
    write_ref,
)
from penstock.workflow.execution import debug_events as debug
from penstock.workflow.execution import events as ev
from penstock.workflow.execution.values import ExecutionStatus
from penstock.workflow.execution.variables import VarsChanged

Writer = Callable[[journal.Event, Any], None]
Reader = Callable[[journal.Event], ev.Event]


class UnknownEvent(ValueError):
    """The bytes hold an event of a kind that this version does not know."""


def write_rare(message: journal.Event, event: ev.Event) -> None:
    """Fill a message with one of the rarer events."""
    _WRITERS[type(event)](message, event)


def read_rare(message: journal.Event, kind: str | None) -> ev.Event:
    """The event in a message. Raises UnknownEvent."""
    reader = _READERS.get(kind or "")
    if reader is None:
        raise UnknownEvent(f"event of unknown kind: {kind}")
    return reader(message)


def _write_started(message: journal.Event, event: ev.ExecutionStarted) -> None:
    started = message.execution_started
    started.workflow = event.workflow
    started.version = event.version
    started.definition_hash = event.definition_hash
    started.tenant = event.tenant
    write_payload(started.params, event.params)
    write_payload(started.trigger, event.trigger)
    started.tags.extend(event.tags)
    started.fingerprint = event.fingerprint
    started.traceparent = event.traceparent
    if event.options is not None:
        write_options(started.options, event.options)
    if event.records_hand_over:
        started.records_hand_over = True


def _read_started(message: journal.Event) -> ev.ExecutionStarted:
    m = message.execution_started
    return ev.ExecutionStarted(
        m.workflow,
        m.version,
        m.definition_hash,
        m.tenant,
        payload_from_proto(m.params),
        payload_from_proto(m.trigger),
        tuple(m.tags),
        m.fingerprint,
        m.traceparent,
        read_options(m.options) if m.HasField("options") else None,
        m.records_hand_over,
    )


def _write_ended(message: journal.Event, event: ev.ExecutionEnded) -> None:
    ended = message.execution_ended
    ended.status = event.status  # type: ignore[assignment]
    write_payload(ended.output, event.output)
    if event.failure is not None:
        write_failure(ended.failure, event.failure)
    ended.node_plus_one = event.node + 1


def _read_ended(message: journal.Event) -> ev.ExecutionEnded:
    ended = message.execution_ended
    failure = failure_from_proto(ended.failure) if ended.HasField("failure") else None
    status = ExecutionStatus(ended.status)
    output = payload_from_proto(ended.output)
    return ev.ExecutionEnded(status, output, failure, ended.node_plus_one - 1)


def _write_signal(message: journal.Event, event: ev.SignalReceived) -> None:
    signal = message.signal_received
    signal.name = event.name
    write_payload(signal.payload, event.payload)
    signal.signal_id = event.signal_id


def _read_signal(message: journal.Event) -> ev.SignalReceived:
    signal = message.signal_received
    return ev.SignalReceived(signal.name, payload_from_proto(signal.payload), signal.signal_id)


def _write_cancel(message: journal.Event, event: ev.CancelRequested) -> None:
    message.cancel_requested.SetInParent()
    message.cancel_requested.reason = event.reason


def _read_cancel(message: journal.Event) -> ev.CancelRequested:
    return ev.CancelRequested(message.cancel_requested.reason)


def _write_cancelled(message: journal.Event, event: ev.NodesCancelled) -> None:
    message.nodes_cancelled.nodes.extend(event.nodes)


def _read_cancelled(message: journal.Event) -> ev.NodesCancelled:
    return ev.NodesCancelled(tuple(message.nodes_cancelled.nodes))


def _write_due(message: journal.Event, event: ev.StartDue) -> None:
    message.start_due.SetInParent()


def _read_due(message: journal.Event) -> ev.StartDue:
    return ev.StartDue()


def _write_taken(message: journal.Event, event: ev.FailureTaken) -> None:
    message.failure_taken.node = event.node
    write_failure(message.failure_taken.failure, event.failure)


def _read_taken(message: journal.Event) -> ev.FailureTaken:
    taken = message.failure_taken
    return ev.FailureTaken(taken.node, failure_from_proto(taken.failure))


def _write_vars(message: journal.Event, event: VarsChanged) -> None:
    changed = message.vars_changed
    write_ref(changed.ref, event.ref)
    changed.change.names.extend(event.change.names)
    changed.change.values_json.extend(event.change.values_json)


def _read_vars(message: journal.Event) -> ev.Event:
    changed = message.vars_changed
    return VarsChanged(ref_from_proto(changed.ref), vars_from_proto(changed.change))


_WRITERS: Mapping[type, Writer] = {
    ev.ExecutionStarted: _write_started,
    ev.ExecutionEnded: _write_ended,
    ev.SignalReceived: _write_signal,
    ev.CancelRequested: _write_cancel,
    ev.NodesCancelled: _write_cancelled,
    ev.StartDue: _write_due,
    ev.FailureTaken: _write_taken,
    VarsChanged: _write_vars,
    **HAND_WRITERS,
    debug.DebugAttached: debug_codec.write_attached,
    debug.DebugDetached: debug_codec.write_detached,
    debug.BreakpointsSet: debug_codec.write_set,
    debug.BreakpointsCleared: debug_codec.write_cleared,
    debug.DebugPaceSet: debug_codec.write_pace,
    debug.NodeReleased: debug_codec.write_released,
    debug.BreakpointPassed: debug_codec.write_passed,
    debug.OutputEdited: debug_codec.write_edited,
}
_READERS: Mapping[str, Reader] = {
    "execution_started": _read_started,
    "execution_ended": _read_ended,
    "signal_received": _read_signal,
    "cancel_requested": _read_cancel,
    "nodes_cancelled": _read_cancelled,
    "start_due": _read_due,
    "failure_taken": _read_taken,
    "vars_changed": _read_vars,
    **HAND_READERS,
    "debug_attached": debug_codec.read_attached,
    "debug_detached": debug_codec.read_detached,
    "breakpoints_set": debug_codec.read_set,
    "breakpoints_cleared": debug_codec.read_cleared,
    "debug_pace_set": debug_codec.read_pace,
    "node_released": debug_codec.read_released,
    "breakpoint_passed": debug_codec.read_passed,
    "output_edited": debug_codec.read_edited,
}
