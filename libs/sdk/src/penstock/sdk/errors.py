"""What calls of the client raise: one class per kind of refusal, each with the server's problem."""

import os

from penstock.sdk.models import Issue, Problem

_TOLD_MAX = 10
"""Most findings that the text of an error shows."""


class ApiError(Exception):
    """A request was refused or did not get an answer."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(problem.detail or problem.title)

    @property
    def issues(self) -> tuple[Issue, ...]:
        """The single findings, with their places."""
        return self.problem.errors


class InvalidRequestError(ApiError):
    """Something in the request is not acceptable; repeating it does not help."""


class InvalidWorkflowError(InvalidRequestError):
    """The workflow file or the parameters have errors; see `issues`."""

    def __str__(self) -> str:
        said = super().__str__()
        told = [
            f"{one.path}: {one.message}" if one.path else one.message
            for one in self.issues[:_TOLD_MAX]
            if one.message != said
        ]
        return "\n  ".join((said, *told))


class InvalidParamsError(InvalidWorkflowError):
    """The parameters do not fit the workflow; see `issues`."""


class DeniedError(ApiError):
    """The caller is not known, or may not do this."""


class NotFoundError(ApiError):
    """There is no such workflow, version or execution."""


class ConflictError(ApiError):
    """The request contradicts what is there."""


class LimitError(ApiError):
    """A limit is reached; try again later."""


class UnavailableError(ApiError):
    """The server, or something behind it, does not answer now; try again later."""


class ServerFault(ApiError):
    """The server made a mistake."""


_BY_STATUS: dict[int, type[ApiError]] = {
    401: DeniedError,
    403: DeniedError,
    404: NotFoundError,
    409: ConflictError,
    422: InvalidWorkflowError,
    429: LimitError,
    502: UnavailableError,
    503: UnavailableError,
    504: UnavailableError,
}


def error_of(problem: Problem) -> ApiError:
    """The error that tells of a problem."""
    usual = InvalidRequestError if problem.status < 500 else ServerFault
    if problem.code == "INVALID_PARAMS":
        return InvalidParamsError(problem)
    return _BY_STATUS.get(problem.status, usual)(problem)


def unreachable(url: str, cause: BaseException) -> UnavailableError:
    """The error of a server that could not be reached."""
    system = getattr(cause, "os_error", None)
    known = isinstance(system, ConnectionError) and system.errno
    told = os.strerror(known) if known else str(cause) or type(cause).__name__
    return UnavailableError(
        Problem(
            title="The server cannot be reached.",
            status=503,
            detail=f"{url} does not answer: {told}",
            code="UNAVAILABLE",
            fix="Start a cluster with `penstock dev`, or set PENSTOCK_URL to where one runs.",
            retryable=True,
        )
    )
