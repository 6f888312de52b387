"""Pause and resume executions, and lay hands on their nodes."""

import msgspec
from litestar import post
from litestar.params import FromPath
from litestar.types import ASGIApp

from penstock.api.journal.v1 import journal_pb2 as journal
from penstock.api.workflow.v1 import intervention_service_pb2 as api
from penstock.common.errors import InvalidArgument
from penstock.gateway.http.answers import json_answer
from penstock.gateway.http.execution_names import execution_id_of
from penstock.gateway.http.requests import (
    AnyRequest,
    item_number,
    json_body,
    query_of,
    tenant_of,
    user_value,
)
from penstock.gateway.ports.doors import doors_of
from penstock.gateway.shapes.interventions import (
    HandBody,
    Intervened,
    InterventionBody,
    Paused,
)
from penstock.gateway.views import executions as views

_HAND = msgspec.json.Decoder(HandBody)
_INTERVENTION = msgspec.json.Decoder(InterventionBody)
_NO_HAND = HandBody()
_OPERATIONS = {
    "retry": journal.INTERVENTION_RETRY,
    "skip": journal.INTERVENTION_SKIP,
    "complete": journal.INTERVENTION_COMPLETE,
    "fail": journal.INTERVENTION_FAIL,
    "edit": journal.INTERVENTION_EDIT,
}


@post("/v1/executions/{execution_id:str}/pause")
async def pause_execution(request: AnyRequest, execution_id: FromPath[str]) -> ASGIApp:
    """Hand out nothing new of an execution."""
    query_of(request)
    body = await json_body(request, _HAND, _NO_HAND)
    command = api.PauseExecutionRequest(
        execution_id=execution_id_of(request, execution_id),
        by=body.by,
        reason=body.reason,
        request_id=body.id,
    )
    answer = await doors_of(request).interventions.pause(command, tenant_of(request))
    return json_answer(Paused(command.execution_id, views.EXECUTION_STATUS[answer.status]))


@post("/v1/executions/{execution_id:str}/resume")
async def resume_execution(request: AnyRequest, execution_id: FromPath[str]) -> ASGIApp:
    """End a pause."""
    query_of(request)
    body = await json_body(request, _HAND, _NO_HAND)
    command = api.ResumeExecutionRequest(
        execution_id=execution_id_of(request, execution_id),
        by=body.by,
        reason=body.reason,
        request_id=body.id,
    )
    answer = await doors_of(request).interventions.resume(command, tenant_of(request))
    return json_answer(Paused(command.execution_id, views.EXECUTION_STATUS[answer.status]))


@post("/v1/executions/{execution_id:str}/nodes/{node:str}/interventions")
async def intervene(
    request: AnyRequest, execution_id: FromPath[str], node: FromPath[str]
) -> ASGIApp:
    """Do something to a node by hand."""
    query_of(request)
    empty = InterventionBody(operation="retry")
    body = await json_body(request, _INTERVENTION, empty)
    if body is empty:
        raise InvalidArgument(
            "`operation` is missing.",
            fix=f"Give one of {', '.join(_OPERATIONS)}.",
            path="operation",
        )
    command = api.InterveneNodeRequest(
        execution_id=execution_id_of(request, execution_id),
        node=node,
        item=item_number(body.item),
        operation=_OPERATIONS[body.operation],
        by=body.by,
        reason=body.reason,
        value_json=_value_of(body),
        chosen=body.chosen or (),
        routed=body.chosen is not None,
        message=body.message,
        intervention_id=body.id,
    )
    answer = await doors_of(request).interventions.intervene(command, tenant_of(request))
    status = views.NODE_STATUS[answer.status]
    return json_answer(Intervened(command.execution_id, node, body.item, status, answer.attempt))


def _value_of(body: InterventionBody) -> bytes:
    """The JSON text that the operation takes; refuses one that it does not take."""
    for name, value, operation in (
        ("output", body.output, "complete"),
        ("input", body.input, "edit"),
    ):
        if value is not msgspec.UNSET and body.operation != operation:
            raise InvalidArgument(
                f"`{name}` is for {operation}, not for {body.operation}.",
                fix="Leave it out.",
                path=name,
            )
    if body.operation == "edit":
        return user_value(body.input, "input")
    return user_value(body.output, "output")


INTERVENTION_ROUTES = (pause_execution, resume_execution, intervene)
