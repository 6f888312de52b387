"""Errors as problem details (RFC 9457): every answer that is not a success has this one shape."""

from collections.abc import Mapping
from typing import Any

import msgspec
from litestar.exceptions import HTTPException

from penstock.common.errors import (
    Internal,
    InvalidArgument,
    InvalidWorkflow,
    NotFound,
    PayloadTooLarge,
    PenstockError,
)
from penstock.gateway.http.errors import MethodNotAllowed, UnsupportedMediaType
from penstock.gateway.shapes.executions import Problem, ProblemError

PROBLEM_JSON = "application/problem+json"
RETRY_AFTER_S = 1
"""What a client is told to wait before it repeats a request that may succeed later."""

_PLACE = frozenset({"path", "line", "column"})
_encode = msgspec.json.encode


def title_of(error_type: type[PenstockError]) -> str:
    """First sentence of the error's own description."""
    return (error_type.__doc__ or "").partition("\n")[0].strip()


def _errors(error: PenstockError) -> tuple[ProblemError, ...]:
    if isinstance(error, InvalidWorkflow):
        return tuple(
            ProblemError(
                message=str(issue.get("message", "")),
                code=str(issue.get("code", "")),
                path=str(issue.get("path", "")),
                line=int(issue.get("line") or 0),
                column=int(issue.get("column") or 0),
                severity=str(issue.get("severity", "")),
                fix=str(issue.get("fix") or ""),
            )
            for issue in error.issues
        )
    if not _PLACE & error.facts.keys():
        return ()
    return (
        ProblemError(
            message=error.message,
            code=error.reason,
            path=str(error.facts.get("path", "")),
            line=int(error.facts.get("line") or 0),
            column=int(error.facts.get("column") or 0),
            fix=error.fix or "",
        ),
    )


def problem_of(error: PenstockError, instance: str, trace_id: str) -> Problem:
    """The problem that tells of `error`, met while `instance` (a path) was asked for."""
    return Problem(
        type=f"/errors/{error.reason}",
        title=title_of(type(error)),
        status=error.http_status,
        detail=error.message,
        code=error.reason,
        instance=instance,
        trace_id=trace_id,
        fix=error.fix or "",
        retryable=error.retryable,
        errors=_errors(error),
        facts={k: str(v) for k, v in error.facts.items() if k not in _PLACE},
    )


def encode_problem(error: PenstockError, instance: str, trace_id: str) -> bytes:
    """JSON text of `problem_of`."""
    return _encode(problem_of(error, instance, trace_id))


def problem_headers(error: PenstockError) -> dict[str, str]:
    """Headers that go with the problem."""
    headers = {"cache-control": "no-store"}
    if error.retryable and error.http_status in (429, 503):
        told = str(error.facts.get("retry_after_s", ""))
        headers["retry-after"] = told if told.isdecimal() else str(RETRY_AFTER_S)
    if isinstance(error, MethodNotAllowed) and "allow" in error.facts:
        headers["allow"] = str(error.facts["allow"])
    return headers


def error_of_http(fault: HTTPException, method: str, path: str) -> PenstockError:
    """The operating error behind what the web framework refused by itself."""
    headers: Mapping[str, Any] = fault.headers or {}
    match fault.status_code:
        case 404:
            return NotFound(f"There is nothing at {path}.", fix="See /docs for what there is.")
        case 405:
            allow = {k.lower(): v for k, v in headers.items()}.get("allow", "")
            fix = f"Use one of: {allow}." if allow else "See /docs for what there is."
            return MethodNotAllowed(f"{path} does not know {method}.", fix=fix, allow=allow)
        case 413:
            return PayloadTooLarge("The request's body is larger than allowed.")
        case 415:
            return UnsupportedMediaType(fault.detail)
        case status if status < 500:
            return InvalidArgument(fault.detail)
        case _:
            return Internal()
