"""The operating errors of Penstock. Each class owns its stable reason, gRPC code and HTTP status.

Its docstring's first sentence is the default message; docs/errors/<REASON>.md gives cause and fix.
Bugs are
`InvariantBroken`, not these.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import grpc


class PenstockError(Exception):
    """Something went wrong in operation."""

    reason: ClassVar[str] = "INTERNAL"
    grpc_code: ClassVar[grpc.StatusCode] = grpc.StatusCode.INTERNAL
    http_status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False

    def __init__(self, message: str | None = None, *, fix: str | None = None, **facts: Any) -> None:
        """Say what happened to what (`message`), what helps (`fix`), and the facts for machines."""
        self.message = message or (type(self).__doc__ or "").partition("\n")[0]
        self.fix = fix
        self.facts: dict[str, Any] = facts
        super().__init__(self.message)


class InvalidArgument(PenstockError):
    """A value in the request is not acceptable."""

    reason = "INVALID_ARGUMENT"
    grpc_code = grpc.StatusCode.INVALID_ARGUMENT
    http_status = 400


class InvalidWorkflow(PenstockError):
    """The workflow file has errors."""

    reason = "INVALID_WORKFLOW"
    grpc_code = grpc.StatusCode.INVALID_ARGUMENT
    http_status = 422

    def __init__(
        self,
        message: str | None = None,
        *,
        issues: list[dict[str, Any]] | None = None,
        fix: str | None = None,
        **facts: Any,
    ) -> None:
        """`issues` are dicts of code, severity, line, column, path, message and fix."""
        super().__init__(message, fix=fix, **facts)
        self.issues = issues or []


class InvalidParams(InvalidWorkflow):
    """The parameters do not fit the workflow."""

    reason = "INVALID_PARAMS"


class OutcomesDoNotFit(InvalidWorkflow):
    """The outcomes of the past execution cannot be taken over as asked."""

    reason = "OUTCOMES_DO_NOT_FIT"


class InvalidQuery(InvalidWorkflow):
    """The query cannot be understood."""

    reason = "INVALID_QUERY"
    http_status = 400


class InvalidSchedule(InvalidWorkflow):
    """The schedule has errors."""

    reason = "INVALID_SCHEDULE"


class NotFound(PenstockError):
    """There is no such thing."""

    reason = "NOT_FOUND"
    grpc_code = grpc.StatusCode.NOT_FOUND
    http_status = 404


def no_execution(execution_id: str) -> NotFound:
    """What whoever asks for an execution is told that is not there, or is another account's: all
    who refuse it say it in these words, or the one could be told from the other."""
    return NotFound(f"there is no execution {execution_id}", execution_id=execution_id)


class Conflict(PenstockError):
    """The request contradicts what is there."""

    reason = "CONFLICT"
    grpc_code = grpc.StatusCode.ALREADY_EXISTS
    http_status = 409


class IdempotencyConflict(Conflict):
    """The idempotency key was used before for a different request."""

    reason = "IDEMPOTENCY_CONFLICT"


class WrongOwner(PenstockError):
    """Another coordinator owns this execution."""

    reason = "WRONG_OWNER"
    grpc_code = grpc.StatusCode.FAILED_PRECONDITION
    http_status = 409
    retryable = True


class Fenced(PenstockError):
    """The writer's lease is over."""

    reason = "FENCED"
    grpc_code = grpc.StatusCode.ABORTED
    http_status = 409


class LimitExceeded(PenstockError):
    """A limit is reached."""

    reason = "LIMIT_EXCEEDED"
    grpc_code = grpc.StatusCode.RESOURCE_EXHAUSTED
    http_status = 429
    retryable = True


class PayloadTooLarge(PenstockError):
    """The payload is larger than allowed."""

    reason = "PAYLOAD_TOO_LARGE"
    grpc_code = grpc.StatusCode.INVALID_ARGUMENT
    http_status = 413


class Unauthenticated(PenstockError):
    """The caller is not known."""

    reason = "UNAUTHENTICATED"
    grpc_code = grpc.StatusCode.UNAUTHENTICATED
    http_status = 401


class PermissionDenied(PenstockError):
    """The caller may not do this."""

    reason = "PERMISSION_DENIED"
    grpc_code = grpc.StatusCode.PERMISSION_DENIED
    http_status = 403


class Unavailable(PenstockError):
    """A service that is needed cannot be reached; try again."""

    reason = "UNAVAILABLE"
    grpc_code = grpc.StatusCode.UNAVAILABLE
    http_status = 503
    retryable = True


class DeadlineExceeded(PenstockError):
    """The answer did not come in time; what was asked may still happen."""

    reason = "DEADLINE_EXCEEDED"
    grpc_code = grpc.StatusCode.DEADLINE_EXCEEDED
    http_status = 504
    retryable = True


class Internal(PenstockError):
    """Penstock met a fault of its own."""

    reason = "INTERNAL"


def _all_classes(base: type[PenstockError]) -> list[type[PenstockError]]:
    found = [base]
    for child in base.__subclasses__():
        found += _all_classes(child)
    return found


def classes_by_reason() -> Mapping[str, type[PenstockError]]:
    """Every operating error by its reason; a class without a reason of its own is its base's."""
    return {cls.reason: cls for cls in _all_classes(PenstockError) if "reason" in vars(cls)}


def to_facts(error: PenstockError) -> dict[str, Any]:
    """Everything about an error that travels, as plain JSON values."""
    facts: dict[str, Any] = {"reason": error.reason, "message": error.message, **error.facts}
    if error.fix:
        facts["fix"] = error.fix
    if isinstance(error, InvalidWorkflow):
        facts["issues"] = error.issues
    return facts


def from_facts(reason: str, message: str, facts: Mapping[str, Any]) -> PenstockError:
    """The error that `to_facts` was made of; an unknown reason becomes `Internal`."""
    cls = classes_by_reason().get(reason, Internal)
    rest = {k: v for k, v in facts.items() if k not in {"reason", "message", "issues", "fix"}}
    if issubclass(cls, InvalidWorkflow):
        return cls(message, issues=facts.get("issues"), fix=facts.get("fix"), **rest)
    return cls(message, fix=facts.get("fix"), **rest)
