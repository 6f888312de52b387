"""Errors on the wire: operating errors to google.rpc.Status with details and back.

ErrorInfo carries reason and domain; BadRequest carries one field violation per issue
(https://google.aip.dev/193). The exact facts ride along as JSON in ErrorInfo metadata, so that
nothing is lost between services.
"""

import grpc
import msgspec
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from penstock.common.errors import (
    DeadlineExceeded,
    Internal,
    InvalidWorkflow,
    PenstockError,
    Unavailable,
    from_facts,
    to_facts,
)

DOMAIN = "penstock"
_FACTS_BYTES_MAX = 6000  # response metadata is limited to 8 KiB by default

_BY_CODE: dict[grpc.StatusCode, type[PenstockError]] = {
    grpc.StatusCode.UNAVAILABLE: Unavailable,
    grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineExceeded,
    grpc.StatusCode.CANCELLED: Unavailable,
    grpc.StatusCode.UNIMPLEMENTED: Unavailable,  # an older version, about to be replaced
}


def _packed(message: error_details_pb2.ErrorInfo | error_details_pb2.BadRequest) -> any_pb2.Any:
    box = any_pb2.Any()
    box.Pack(message)
    return box


def _encode_facts(error: PenstockError) -> str:
    facts = to_facts(error)
    issues = facts.get("issues", [])
    encoded = msgspec.json.encode(facts)
    while len(encoded) > _FACTS_BYTES_MAX and issues:
        issues = issues[: len(issues) // 2]
        encoded = msgspec.json.encode({**facts, "issues": issues, "issues_cut": True})
    return encoded.decode()


def to_status(error: PenstockError) -> status_pb2.Status:
    """The rich status that stands for `error`."""
    info = error_details_pb2.ErrorInfo(reason=error.reason, domain=DOMAIN)
    info.metadata["facts"] = _encode_facts(error)
    for name, value in error.facts.items():
        info.metadata[name] = str(value)
    status = status_pb2.Status(code=error.grpc_code.value[0], message=error.message[:1000])
    status.details.append(_packed(info))
    if isinstance(error, InvalidWorkflow):
        bad = error_details_pb2.BadRequest()
        for issue in error.issues[:10]:
            bad.field_violations.add(
                field=str(issue.get("path", "")), description=str(issue.get("message", ""))[:200]
            )
        status.details.append(_packed(bad))
    return status


def from_rpc_error(error: grpc.RpcError, target: str) -> PenstockError:
    """The operating error behind a failed call to `target`."""
    status = rpc_status.from_call(error)
    for detail in status.details if status is not None else ():
        info = error_details_pb2.ErrorInfo()
        if detail.Unpack(info) and info.domain == DOMAIN:
            facts = msgspec.json.decode(info.metadata.get("facts", "{}"))
            return from_facts(info.reason, status.message, facts)
    code = error.code()
    text = f"{target}: {error.details() or code.name}"
    return _BY_CODE.get(code, Internal)(text)
