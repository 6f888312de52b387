"""Values of the journal as protobuf and back: payloads, failures, references to attempts, log
lines.

`write_*` fills a message that is part of another one, which is several times cheaper than building
it apart and copying it in; `*_to_proto` makes one that stands alone.
"""

from collections.abc import Iterable

from google.protobuf.internal.containers import RepeatedCompositeFieldContainer

from penstock.api.journal.v1 import journal_pb2 as journal
from penstock.api.payload.v1 import payload_pb2 as payload
from penstock.workflow.execution.values import (
    NULL,
    Failure,
    LogLine,
    NodeRef,
    Payload,
)
from penstock.workflow.execution.variables import VarsChange

_CLASS_NUMBERS = {"transient": 1, "permanent": 2, "system": 3, "user": 4}
_CLASS_NAMES = {0: "system", 1: "transient", 2: "permanent", 3: "system", 4: "user"}


def write_payload(message: payload.Payload, value: Payload) -> None:
    """Fill a payload message."""
    if value.digest:
        message.ref.digest = value.digest
        message.ref.size_bytes = value.size
    else:
        message.json = value.json


def payload_from_proto(message: payload.Payload) -> Payload:
    """The payload in a message; null if none is set."""
    kind = message.WhichOneof("kind")
    if kind == "json":
        return Payload(message.json)
    if kind == "ref":
        return Payload(b"", message.ref.digest, message.ref.size_bytes)
    return NULL


def write_failure(message: payload.Failure, value: Failure) -> None:
    """Fill a failure message. A class that is not one of the four counts as system."""
    message.error_class = _CLASS_NUMBERS.get(value.error_class, 3)  # type: ignore[assignment]
    message.reason = value.reason
    message.message = value.message
    message.details_json = value.details_json


def failure_from_proto(message: payload.Failure) -> Failure:
    """The failure in a message; an unknown class is `system`."""
    return Failure(
        _CLASS_NAMES.get(message.error_class, "system"),
        message.reason,
        message.message,
        message.details_json,
    )


def write_ref(message: journal.NodeRef, value: NodeRef) -> None:
    """Fill a reference to an attempt."""
    message.node = value.node
    message.attempt = value.attempt
    if value.item:
        message.item = value.item


def ref_from_proto(message: journal.NodeRef) -> NodeRef:
    """The reference in a message."""
    return NodeRef(message.node, message.item, message.attempt)


def write_logs(
    messages: "RepeatedCompositeFieldContainer[payload.LogLine]", lines: Iterable[LogLine]
) -> None:
    """Append log lines to a repeated field."""
    for line in lines:
        messages.add(at_unix_us=line.at_us, level=line.level, message=line.message)


def logs_from_proto(messages: Iterable[payload.LogLine]) -> tuple[LogLine, ...]:
    """The log lines of a repeated field."""
    return tuple(LogLine(m.at_unix_us, m.level, m.message) for m in messages)


def vars_from_proto(message: payload.VarsChange) -> VarsChange:
    """What an attempt changed. Raises ValueError if the columns differ in length."""
    names, values = tuple(message.names), tuple(message.values_json)
    if len(names) != len(values):
        raise ValueError(f"a change of {len(names)} variables with {len(values)} values")
    return VarsChange(names, values)
