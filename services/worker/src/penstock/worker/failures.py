"""Failures between their forms: what runners raise and the contract's message."""

import msgspec

from penstock.api.payload.v1 import payload_pb2 as payload_pb
from penstock.nodes.api import ErrorClass, NodeFailure

_TO_PROTO: dict[str, "payload_pb.ErrorClass.ValueType"] = {
    "transient": payload_pb.ERROR_CLASS_TRANSIENT,
    "permanent": payload_pb.ERROR_CLASS_PERMANENT,
    "system": payload_pb.ERROR_CLASS_SYSTEM,
    "user": payload_pb.ERROR_CLASS_USER,
}
_FROM_PROTO: dict[int, ErrorClass] = {
    payload_pb.ERROR_CLASS_TRANSIENT: "transient",
    payload_pb.ERROR_CLASS_PERMANENT: "permanent",
    payload_pb.ERROR_CLASS_SYSTEM: "system",
    payload_pb.ERROR_CLASS_USER: "user",
    payload_pb.ERROR_CLASS_UNSPECIFIED: "system",
}
_MESSAGE_CHARS_MAX = 4096
_DETAILS_BYTES_MAX = 32 * 1024


def to_proto(failure: NodeFailure) -> payload_pb.Failure:
    """The message for a failure; long texts are cut."""
    details = b""
    if failure.details is not None:
        details = msgspec.json.encode(failure.details, enc_hook=str)
        if len(details) > _DETAILS_BYTES_MAX:
            details = b'{"cut":true}'
    return payload_pb.Failure(
        error_class=_TO_PROTO[failure.error_class],
        reason=failure.reason,
        message=failure.message[:_MESSAGE_CHARS_MAX],
        details_json=details,
    )


def to_node_failure(message: payload_pb.Failure) -> NodeFailure:
    """The exception for a failure that somebody else told."""
    details = None
    if message.details_json not in (b"", b"null"):
        details = {"details": msgspec.Raw(message.details_json)}
        if message.details_json[:1] == b"{":
            details = msgspec.json.decode(message.details_json)
    return NodeFailure(_FROM_PROTO[message.error_class], message.reason, message.message, details)
