"""Contracts to public JSON: operations on many executions. Pure."""

from typing import Any

from penstock.api.operation.v1 import operation_service_pb2 as api
from penstock.gateway.shapes import batch as schema
from penstock.gateway.views import executions as views

KINDS = {
    name.removeprefix("OPERATION_KIND_").lower(): number
    for name, number in api.OperationKind.items()
    if number
}
_KIND_NAMES = {number: name for name, number in KINDS.items()}
_STATES = {
    number: name.removeprefix("OPERATION_STATE_") for name, number in api.OperationState.items()
}
RATE_USUAL = 200
"""How many executions a second an operation goes through if nothing is said."""


def _fields(message: api.Operation) -> dict[str, Any]:
    task = message.task
    return {
        "id": message.id or None,
        "kind": _KIND_NAMES[task.kind],
        "query": task.query,
        "state": _STATES[message.state],
        "matched": message.matched,
        "matched_exact": message.matched_exact,
        "done": message.done,
        "skipped": message.skipped,
        "failed": message.failed,
        "reason": task.reason,
        "rate_per_s": task.rate_per_s or RATE_USUAL,
        "created_at": views.instant_or_none(message.created_unix_us),
        "ended_at": views.instant_or_none(message.ended_unix_us),
        "failures": tuple(
            schema.OperationFailure(each.execution_id, each.reason, each.message, each.skipped)
            for each in message.failures
        ),
    }


def operation(message: api.Operation) -> schema.BatchOperation:
    """One operation."""
    return schema.BatchOperation(**_fields(message))


def started(answer: api.StartOperationResponse) -> schema.StartedOperation:
    """One that was begun, or what it would do."""
    return schema.StartedOperation(
        **_fields(answer.operation), existing=answer.existing, sample_ids=tuple(answer.sample_ids)
    )
