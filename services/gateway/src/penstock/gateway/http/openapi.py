"""The interface as an OpenAPI 3.1 document: the tables of operations, with schemas taken from the
codec's structs.
"""

from importlib.metadata import version
from typing import Any

import msgspec

from penstock.gateway.interface.audit import AUDIT_OPERATIONS
from penstock.gateway.interface.batch import BATCH_OPERATIONS
from penstock.gateway.interface.children import CHILDREN_OPERATIONS
from penstock.gateway.interface.debug import DEBUG_OPERATIONS
from penstock.gateway.interface.effects import EFFECT_OPERATIONS
from penstock.gateway.interface.executions import EXECUTION_OPERATIONS
from penstock.gateway.interface.history import HISTORY_OPERATIONS
from penstock.gateway.interface.interventions import INTERVENTION_OPERATIONS
from penstock.gateway.interface.limits import LIMIT_OPERATIONS
from penstock.gateway.interface.operation import JSON, PROBLEM, STREAM, YAML, Operation, Struct
from penstock.gateway.interface.retention import RETENTION_OPERATIONS
from penstock.gateway.interface.schedules import SCHEDULE_OPERATIONS
from penstock.gateway.interface.scheduling import SCHEDULING_OPERATIONS
from penstock.gateway.interface.search import SEARCH_OPERATIONS
from penstock.gateway.interface.service import SERVICE_OPERATIONS
from penstock.gateway.interface.tasks import TASK_OPERATIONS
from penstock.gateway.interface.workflows import WORKFLOW_OPERATIONS
from penstock.gateway.shapes import executions as schema
from penstock.gateway.shapes.links import NodeLink, PayloadLink

_REF = "#/components/schemas/{name}"
_ABOUT = (
    "Durable workflows: apply a file, start executions, watch them live. Every error is a problem "
    "detail (RFC 9457) with a stable `code`. Lists are paged by `limit` and `cursor`. Large values "
    'appear as {"$ref": digest, "size": bytes} and are opened with GET /v1/payloads/{digest}. '
    'An execution whose outputs are too large together shows some as {"$node": id, "size": bytes}, '
    "which are opened with GET /v1/executions/{id}/nodes/{node}. "
    "Requests may carry a W3C `traceparent`; every answer carries one."
)

OPERATIONS: tuple[Operation, ...] = (
    *WORKFLOW_OPERATIONS,
    *EXECUTION_OPERATIONS,
    *AUDIT_OPERATIONS,
    *HISTORY_OPERATIONS,
    *DEBUG_OPERATIONS,
    *INTERVENTION_OPERATIONS,
    *TASK_OPERATIONS,
    *EFFECT_OPERATIONS,
    *CHILDREN_OPERATIONS,
    *SEARCH_OPERATIONS,
    *SCHEDULING_OPERATIONS,
    *LIMIT_OPERATIONS,
    *SCHEDULE_OPERATIONS,
    *BATCH_OPERATIONS,
    *RETENTION_OPERATIONS,
    *SERVICE_OPERATIONS,
)

_USUAL_PROBLEMS = (400, 500, 503, 504)
_MESSAGES: tuple[Struct, ...] = (
    schema.SnapshotMessage,
    schema.EventMessage,
    schema.HeartbeatMessage,
)


def _struct_of(operation: Operation) -> list[Struct]:
    found = [answer.body for answer in operation.answers if answer.body is not None]
    if operation.body is not None and not isinstance(operation.body, str):
        found.append(operation.body)
    return found


def _responses(operation: Operation) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    for answer in operation.answers:
        shape: dict[str, Any] = {}
        if answer.body is not None:
            shape = {"$ref": _REF.format(name=answer.body.__name__)}
        elif answer.media == STREAM:
            names = (message.__name__ for message in _MESSAGES)
            shape = {"anyOf": [{"$ref": _REF.format(name=name)} for name in names]}
        elif answer.media != JSON:
            shape = {"type": "string"}
        response: dict[str, Any] = {"description": answer.about}
        if answer.status not in (101, 204):
            response["content"] = {answer.media: {"schema": shape}}
        responses[str(answer.status)] = response
    if operation.path.startswith("/v1/"):
        for status in sorted({*_USUAL_PROBLEMS, *operation.problems}):
            responses[str(status)] = {
                "description": "A problem.",
                "content": {PROBLEM: {"schema": {"$ref": _REF.format(name="Problem")}}},
            }
    return responses


def _body(operation: Operation) -> dict[str, Any] | None:
    if operation.body is None:
        return None
    if isinstance(operation.body, str):
        text = {"schema": {"type": "string"}}
        return {"required": True, "content": {YAML: text, JSON: {"schema": {"type": "object"}}}}
    shape = {"$ref": _REF.format(name=operation.body.__name__)}
    return {"content": {JSON: {"schema": shape}}}


def _described(operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "responses": _responses(operation),
        **operation.extra,
    }
    if operation.parameters:
        described["parameters"] = [
            {
                "name": parameter.name,
                "in": parameter.place,
                "required": parameter.place == "path",
                "description": parameter.about,
                "schema": {"type": parameter.kind},
            }
            for parameter in operation.parameters
        ]
    if (body := _body(operation)) is not None:
        described["requestBody"] = body
    return described


def openapi_document() -> dict[str, Any]:
    """The whole document."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method] = _described(operation)
    structs = {item for operation in OPERATIONS for item in _struct_of(operation)}
    structs |= {*_MESSAGES, schema.Problem, PayloadLink, NodeLink}
    ordered = sorted(structs, key=lambda item: item.__name__)
    _, components = msgspec.json.schema_components(ordered, ref_template=_REF)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Penstock",
            "version": version("penstock-gateway"),
            "description": _ABOUT,
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {"schemas": components},
    }
