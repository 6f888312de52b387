"""Errors on the wire: operating errors to google.rpc.Status with details and back.

ErrorInfo carries reason and domain; BadRequest carries one field violation per issue
(https://google.aip.dev/193). The exact facts ride along as JSON in ErrorInfo metadata, so that
nothing is lost between services.
"""

from collections.abc import Mapping
from typing import Any

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
_TEXT_CHARS = 500
_TEXT_CHARS_MIN = 16
_FACT_CHARS_MAX = 200

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


def encode_facts(error: PenstockError, bytes_max: int = _FACTS_BYTES_MAX) -> str:
    """All facts, as far as they fit: texts are cut before findings are left out, and one finding is
    always told."""
    facts = to_facts(error)
    encoded = msgspec.json.encode(facts)
    chars = _TEXT_CHARS
    while len(encoded) > bytes_max and chars >= _TEXT_CHARS_MIN:
        facts = _with_short_texts(facts, chars)
        issues = facts.get("issues", [])
        encoded = msgspec.json.encode(facts)
        while len(encoded) > bytes_max and len(issues) > 1:
            issues = issues[: len(issues) // 2]
            encoded = msgspec.json.encode({**facts, "issues": issues, "issues_cut": True})
        chars //= 2
    return encoded.decode()


def _with_short_texts(value: Any, chars: int) -> Any:
    """The same with every text cut in its middle to so many characters."""
    if isinstance(value, str) and len(value) > chars:
        half = chars // 2
        return f"{value[:half]} ... {value[-half:]}"
    if isinstance(value, Mapping):
        return {key: _with_short_texts(one, chars) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_with_short_texts(one, chars) for one in value]
    return value


def to_status(error: PenstockError) -> status_pb2.Status:
    """The rich status that stands for `error`."""
    info = error_details_pb2.ErrorInfo(reason=error.reason, domain=DOMAIN)
    info.metadata["facts"] = encode_facts(error)
    for name, value in error.facts.items():
        info.metadata[name] = str(value)[:_FACT_CHARS_MAX]
    status = status_pb2.Status(code=error.grpc_code.value[0], message=error.message[:1000])
    status.details.append(_packed(info))
    if isinstance(error, InvalidWorkflow):
        bad = error_details_pb2.BadRequest()
        for issue in error.issues[:10]:
            bad.field_violations.add(
                field=str(issue.get("path", ""))[:200],
                description=str(issue.get("message", ""))[:200],
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
