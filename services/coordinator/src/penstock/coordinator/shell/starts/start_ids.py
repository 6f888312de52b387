"""Starts that may come again: the id they have each time, and what tells them from others."""

from hashlib import sha256

import msgspec

from penstock.api.workflow.v1.workflow_service_pb2 import StartExecutionRequest
from penstock.common.errors import IdempotencyConflict
from penstock.common.ids import keyed_ulid, named_ulid

_FAMILIES = frozenset({"backfill", "child", "id", "on_failure", "on_retry", "run", "schedule"})
"""First parts of other computed ids. Keyed starts have their account there: one of an account that
is called so gets a family of its own, which no account can be called."""
_OF_NAMESAKES = "\x00key"


class Under(msgspec.Struct, frozen=True):
    """A start under an id that is known beforehand: however often it comes, it is one start, told
    from others under that id by its fingerprint."""

    execution_id: str
    fingerprint: str


def under_of(tenant: str, request: StartExecutionRequest) -> Under | None:
    """The id of a start that names one or has a key, None if it is one of its own. Both are names
    that the caller chose: the id is computed from them, so that accounts cannot meet."""
    chosen = request.options.execution_id if request.HasField("options") else ""
    if chosen:
        return Under(named_ulid(tenant, chosen), fingerprint(tenant, request))
    if request.idempotency_key:
        parts = (tenant, request.workflow, request.idempotency_key)
        execution_id = keyed_ulid(*((_OF_NAMESAKES,) if tenant in _FAMILIES else ()), *parts)
        return Under(execution_id, fingerprint(tenant, request))
    return None


def fingerprint(tenant: str, request: StartExecutionRequest) -> str:
    """What makes two starts with one key the same start."""
    parts = (tenant, request.workflow, str(request.version), *request.tags)
    digest = sha256("\x1f".join(parts).encode())
    for value in (request.params_json, request.trigger_json):
        digest.update(b"\x1e" + value)
    if request.HasField("options"):
        digest.update(b"\x1e" + request.options.SerializeToString(deterministic=True))
    return digest.hexdigest()


def named_by(request: StartExecutionRequest) -> str:
    """What a start is known by, for people."""
    chosen = request.options.execution_id
    return f"the id {chosen!r}" if chosen else f"the key {request.idempotency_key!r}"


def compare(had: str, wanted: str, request: StartExecutionRequest) -> None:
    """Refuse a start that met another one. Raises `IdempotencyConflict`."""
    if had != wanted:
        raise IdempotencyConflict(
            f"{named_by(request)} was used for a different start",
            fix="Use a new one for a new start.",
            workflow=request.workflow,
        )
