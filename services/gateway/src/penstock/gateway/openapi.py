"""The interface as an OpenAPI 3.1 document: a table of operations, with schemas taken from the
codec's structs.
"""

from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import msgspec

from penstock.gateway import schema

JSON = "application/json"
YAML = "application/yaml"
PROBLEM = "application/problem+json"
STREAM = "text/event-stream"
_REF = "#/components/schemas/{name}"
_ABOUT = (
    "Durable workflows: apply a file, start executions, watch them live. Every error is a problem "
    "detail (RFC 9457) with a stable `code`. Lists are paged by `limit` and `cursor`. Large values "
    'appear as {"$ref": digest, "size": bytes} and are opened with GET /v1/payloads/{digest}. '
    "Requests may carry a W3C `traceparent`; every answer carries one."
)

Struct = type[msgspec.Struct]


class Parameter(msgspec.Struct, frozen=True):
    """One parameter of an operation; those in the path are required."""

    name: str
    place: str
    about: str
    kind: str = "string"


class Answered(msgspec.Struct, frozen=True):
    """One answer: what it means and what it holds."""

    status: int
    about: str
    body: Struct | None = None
    media: str = JSON


class Operation(msgspec.Struct, frozen=True):
    """One address with one method. `problems` are statuses of problem details beyond the usual
    ones.
    """

    path: str
    method: str
    name: str
    summary: str
    answers: Sequence[Answered]
    parameters: Sequence[Parameter] = ()
    body: Struct | str | None = None
    problems: Sequence[int] = ()
    extra: dict[str, Any] = {}


def _in_path(name: str, about: str) -> Parameter:
    return Parameter(name, "path", about)


def _in_query(name: str, about: str, kind: str = "string") -> Parameter:
    return Parameter(name, "query", about, kind)


_FILE = "file"
_NAME = _in_path("name", "The workflow's name.")
_ID = _in_path("execution_id", "The execution's id, a ULID.")
_LIMIT = _in_query("limit", "Items on the page, 1 to 500; 50 by default.", "integer")
_CURSOR = _in_query("cursor", "`next_cursor` of the page before.")
_VERSION = _in_query("version", "Version number; the latest without it.", "integer")
_WAIT = _in_query("wait", "How long to wait for the end: 30s, 500ms, 2m; at most 300s.")
_KEY = Parameter("Idempotency-Key", "header", "Starts with one key and workflow are one start.")
_AFTER = _in_query("after", "Go on after this sequence number.", "integer")
_LAST = Parameter("Last-Event-ID", "header", "As `after`; sent by browsers when they reconnect.")

_STARTED = (
    Answered(200, "It has ended (with `wait`), or a repeated start.", schema.Started),
    Answered(201, "It was started.", schema.Started),
    Answered(202, "It runs and the time to wait is up; see `Location`.", schema.Started),
)

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "/v1/workflows:validate",
        "post",
        "validateWorkflow",
        "Check a workflow file",
        [Answered(200, "All findings, at once.", schema.Validation)],
        body=_FILE,
        problems=(413, 415),
    ),
    Operation(
        "/v1/workflows/validate",
        "post",
        "validateWorkflowByPath",
        "Check a workflow file (the same under a plain path)",
        [Answered(200, "All findings, at once.", schema.Validation)],
        body=_FILE,
        problems=(413, 415),
    ),
    Operation(
        "/v1/workflows",
        "post",
        "applyWorkflow",
        "Store a workflow file as a version",
        [
            Answered(201, "A new version.", schema.Applied),
            Answered(200, "This content is stored already, as this version.", schema.Applied),
        ],
        body=_FILE,
        problems=(413, 415, 422),
    ),
    Operation(
        "/v1/workflows",
        "get",
        "listWorkflows",
        "Latest versions, by name",
        [Answered(200, "A page.", schema.WorkflowPage)],
        [_LIMIT, _CURSOR],
    ),
    Operation(
        "/v1/workflows/{name}",
        "get",
        "getWorkflow",
        "One version with its source",
        [Answered(200, "The version.", schema.Workflow)],
        [_NAME, _VERSION],
        problems=(404,),
    ),
    Operation(
        "/v1/workflows/{name}/source",
        "get",
        "getWorkflowSource",
        "The file as it was applied",
        [Answered(200, "The file.", None, YAML)],
        [_NAME, _VERSION],
        problems=(404,),
    ),
    Operation(
        "/v1/workflows/{name}/versions",
        "get",
        "listWorkflowVersions",
        "Versions, newest first",
        [Answered(200, "A page.", schema.WorkflowPage)],
        [_NAME, _LIMIT, _CURSOR],
        problems=(404,),
    ),
    Operation(
        "/v1/workflows/{name}/executions",
        "post",
        "startExecution",
        "Start an execution",
        _STARTED,
        [_NAME, _WAIT, _KEY],
        schema.StartBody,
        (404, 409, 413, 415, 422, 429),
    ),
    Operation(
        "/v1/executions",
        "post",
        "startAnyExecution",
        "Start an execution of the workflow named in the body",
        _STARTED,
        [_WAIT, _KEY],
        schema.StartAnyBody,
        (404, 409, 413, 415, 422, 429),
    ),
    Operation(
        "/v1/executions",
        "get",
        "listExecutions",
        "Executions, newest first",
        [Answered(200, "A page.", schema.ExecutionPage)],
        [
            _in_query("workflow", "Only of this workflow."),
            _in_query("status", "Only with these statuses, separated by commas."),
            _in_query("tag", "Only with this tag."),
            _LIMIT,
            _CURSOR,
        ],
    ),
    Operation(
        "/v1/executions/{execution_id}",
        "get",
        "getExecution",
        "One execution with its nodes",
        [Answered(200, "The execution.", schema.Execution)],
        [_ID],
        problems=(404,),
    ),
    Operation(
        "/v1/executions/{execution_id}/cancel",
        "post",
        "cancelExecution",
        "End an execution",
        [Answered(200, "Where it stands now.", schema.Cancelled)],
        [_ID],
        schema.CancelBody,
        (404, 413, 415),
    ),
    Operation(
        "/v1/executions/{execution_id}/signals/{name}",
        "post",
        "signalExecution",
        "Hand data to an execution",
        [Answered(200, "The signal is on disk.", schema.Signalled)],
        [_ID, _in_path("name", "The signal's name.")],
        schema.SignalBody,
        (404, 409, 413, 415),
    ),
    Operation(
        "/v1/executions/{execution_id}/history",
        "get",
        "getHistory",
        "The journal, in the form of the live events",
        [Answered(200, "A page.", schema.HistoryPage)],
        [_ID, _AFTER, _LIMIT],
        problems=(404,),
    ),
    Operation(
        "/v1/executions/{execution_id}/events",
        "get",
        "watchEvents",
        "Live events as server-sent events",
        [
            Answered(
                200,
                "A snapshot (or, with `after`, what follows it), then one message per event, its "
                "number as `id`, up to the last event.",
                None,
                STREAM,
            ),
            Answered(204, "The execution has ended and everything was seen."),
        ],
        [_ID, _AFTER, _LAST],
        problems=(404, 429),
    ),
    Operation(
        "/v1/executions/{execution_id}/ws",
        "get",
        "watchSocket",
        "Live events over WebSocket, subprotocol penstock.v1.json",
        [Answered(101, "The messages of /events, one per frame, and heartbeats.")],
        [_ID, _AFTER],
        problems=(404, 429),
        extra={"x-websocket": {"subprotocol": "penstock.v1.json"}},
    ),
    Operation(
        "/v1/payloads/{digest}",
        "get",
        "getPayload",
        "A large value",
        [Answered(200, "Its JSON text.")],
        [_in_path("digest", "`$ref` of the value.")],
        problems=(404,),
    ),
    Operation(
        "/health",
        "get",
        "getHealth",
        "Components, uptime, version",
        [
            Answered(200, "It serves.", schema.HealthReport),
            Answered(503, "Something it needs is down.", schema.HealthReport),
        ],
    ),
    Operation(
        "/metrics",
        "get",
        "getMetrics",
        "Metrics for Prometheus",
        [Answered(200, "Prometheus' text format.", None, "text/plain")],
    ),
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
    structs |= {*_MESSAGES, schema.Problem, schema.PayloadLink}
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
