"""/v1/operations: one thing done to many executions; and the removal of one."""

import difflib

import msgspec
from litestar import delete, get, post
from litestar.params import FromPath
from litestar.types import ASGIApp

from penstock.api.operation.v1 import operation_service_pb2 as api
from penstock.common.errors import InvalidArgument
from penstock.common.ids import is_ulid
from penstock.gateway.http.answers import Answer, json_answer
from penstock.gateway.http.execution_names import execution_id_of
from penstock.gateway.http.requests import (
    AnyRequest,
    idempotency_key_of,
    json_body,
    page_size,
    query_of,
    tenant_of,
    user_value,
)
from penstock.gateway.ports.doors import doors_of
from penstock.gateway.shapes.batch import OperationBody, OperationPage
from penstock.gateway.views import batch as batch_views

_BODY = msgspec.json.Decoder(OperationBody)
_PAGING = frozenset({"limit", "cursor"})
_NUMBER_MAX = 2**31 - 1


@post("/v1/operations")
async def start_operation(request: AnyRequest) -> ASGIApp:
    """Begin an operation: 201, 200 for a repeated request or a dry run."""
    query_of(request)
    body = await json_body(request, _BODY, OperationBody())
    wanted = api.StartOperationRequest(
        task=_task(body, request), dry_run=body.dry_run, idempotency_key=idempotency_key_of(request)
    )
    answer = await doors_of(request).batch.start(wanted, tenant_of(request))
    created = not (answer.existing or body.dry_run)
    place = f"/v1/operations/{answer.operation.id}".encode()
    headers = () if body.dry_run else ((b"location", place),)
    return json_answer(batch_views.started(answer), 201 if created else 200, headers)


def _task(body: OperationBody, request: AnyRequest) -> api.OperationTask:
    kind = batch_views.KINDS.get(body.kind)
    if kind is None:
        near = difflib.get_close_matches(body.kind, batch_views.KINDS, 1)
        listed = ", ".join(batch_views.KINDS)
        raise InvalidArgument(
            f"There is no operation {body.kind[:40]!r}.",
            fix=f"Did you mean {near[0]}?" if near else f"Give `kind`, one of {listed}.",
            path="kind",
        )
    rate = body.rate_per_s
    for name, number, least in (("version", body.version, 0), ("rate_per_s", rate, 1)):
        if number is not None and not least <= number <= _NUMBER_MAX:
            raise InvalidArgument(
                f"{number} is not acceptable as {name}.", fix="Count from 1.", path=name
            )
    return api.OperationTask(
        kind=kind,
        query=body.query,
        execution_ids=[execution_id_of(request, each, "ids") for each in body.ids],
        reason=body.reason,
        signal_name=body.signal,
        signal_json=user_value(body.payload, "payload"),
        from_nodes=body.from_nodes,
        version=body.version,
        from_start=body.from_start,
        rate_per_s=rate or 0,
    )


@get("/v1/operations")
async def list_operations(request: AnyRequest) -> ASGIApp:
    """A page of operations, newest first."""
    query = query_of(request, _PAGING)
    answer = await doors_of(request).batch.page(
        page_size(query.get("limit")), query.get("cursor", ""), tenant_of(request)
    )
    items = tuple(map(batch_views.operation, answer.operations))
    return json_answer(OperationPage(items, answer.next_page_token or None))


@get("/v1/operations/{operation_id:str}")
async def get_operation(request: AnyRequest, operation_id: FromPath[str]) -> ASGIApp:
    """How far an operation is, with its first failures."""
    query_of(request)
    found = await doors_of(request).batch.get(_operation_id(operation_id), tenant_of(request))
    return json_answer(batch_views.operation(found))


@post("/v1/operations/{operation_id:str}/cancel")
async def cancel_operation(request: AnyRequest, operation_id: FromPath[str]) -> ASGIApp:
    """Stop an operation; what was done stays done."""
    query_of(request)
    stopped = await doors_of(request).batch.cancel(_operation_id(operation_id), tenant_of(request))
    return json_answer(batch_views.operation(stopped))


@delete("/v1/executions/{execution_id:str}", status_code=200)
async def delete_execution(request: AnyRequest, execution_id: FromPath[str]) -> ASGIApp:
    """Remove an execution that has ended, with everything of it."""
    query_of(request)
    await doors_of(request).batch.delete_execution(
        execution_id_of(request, execution_id), tenant_of(request)
    )
    return Answer(204, (), b"")


def _operation_id(text: str) -> str:
    if not is_ulid(text):
        raise InvalidArgument(
            f"{text[:40]!r} is not the id of an operation.",
            fix="An id has 26 characters, such as 01JD0000000000000000000000.",
            path="path.operation_id",
        )
    return text


BATCH_ROUTES = (
    start_operation,
    list_operations,
    get_operation,
    cancel_operation,
    delete_execution,
)
