"""/v1/executions: start, read, cancel and signal executions."""

from collections.abc import Mapping

import msgspec
from litestar import get, post
from litestar.params import FromPath
from litestar.types import ASGIApp

from penstock.api.history.v1.history_service_pb2 import GetExecutionAtRequest
from penstock.api.workflow.v1 import workflow_service_pb2 as api
from penstock.common.errors import InvalidArgument
from penstock.gateway.http.answers import Answer, json_answer
from penstock.gateway.http.execution_names import execution_id_of
from penstock.gateway.http.requests import (
    NAME_CHARS_MAX,
    SEQ_MAX,
    AnyRequest,
    checked_tags,
    digest_of,
    event_number,
    idempotency_key_of,
    instant_of,
    json_body,
    page_size,
    params_value,
    query_of,
    tenant_of,
    user_value,
    wait_seconds,
    whole_number,
)
from penstock.gateway.http.start_options import start_options
from penstock.gateway.ports.doors import doors_of
from penstock.gateway.routes.workflows import checked_name
from penstock.gateway.shapes.executions import (
    CancelBody,
    Cancelled,
    HistoryPage,
    Moment,
    SignalBody,
    Signalled,
    StartAnyBody,
    StartBody,
)
from penstock.gateway.views import executions as views
from penstock.gateway.views.events import public_events
from penstock.gateway.views.pictures import shown

_START = msgspec.json.Decoder(StartBody)
_START_ANY = msgspec.json.Decoder(StartAnyBody)
_CANCEL = msgspec.json.Decoder(CancelBody)
_SIGNAL = msgspec.json.Decoder(SignalBody)
_NO_START = StartBody()
_NO_CANCEL = CancelBody()
_NO_SIGNAL = SignalBody()
_REASON_CHARS_MAX = 1000
_VERSION_MAX = 2**31 - 1
_WAIT = frozenset({"wait"})
_PAST = frozenset({"at_seq", "at"})
_HISTORY = frozenset({"after", "limit"})


async def _start(request: AnyRequest, name: str, body: StartBody) -> Answer:
    """Start and answer: 201 (200 for a repeated start), or with `?wait=` 200 once ended and 202 if
    time is up.
    """
    wait_s = wait_seconds(query_of(request, _WAIT).get("wait"))
    if not 0 <= body.version <= _VERSION_MAX:
        raise InvalidArgument(
            "There is no such version.", fix="Versions count from 1.", path="version"
        )
    key = idempotency_key_of(request)
    if body.id and key:
        raise InvalidArgument(
            "`id` is given together with an idempotency key.", fix="Give one of them.", path="id"
        )
    command = api.StartExecutionRequest(
        workflow=name,
        version=body.version,
        params_json=params_value(body.params),
        trigger_json=user_value(body.trigger, "trigger"),
        tags=checked_tags(body.tags),
        idempotency_key=key,
        wait_for=api.WAIT_FOR_ACCEPTED if wait_s is None else api.WAIT_FOR_ENDED,
        options=start_options(body),
    )
    answer = await doors_of(request).commands.start(command, tenant_of(request), wait_s)
    if wait_s is not None:
        status = 200 if views.is_terminal(answer.status) else 202
    else:
        status = 200 if answer.existing else 201
    place = f"/v1/executions/{answer.execution_id}".encode()
    return json_answer(views.started(name, answer), status, ((b"location", place),))


@post("/v1/workflows/{name:str}/executions")
async def start_execution(request: AnyRequest, name: FromPath[str]) -> ASGIApp:
    """Start an execution of the workflow in the path."""
    body = await json_body(request, _START, _NO_START)
    return await _start(request, checked_name(name), body)


@post("/v1/executions")
async def start_any_execution(request: AnyRequest) -> ASGIApp:
    """Start an execution of the workflow in the body."""
    body = await json_body(request, _START_ANY, StartAnyBody(workflow=""))
    if not body.workflow:
        raise InvalidArgument("`workflow` is missing.", fix="Give its name.", path="workflow")
    return await _start(request, checked_name(body.workflow), body)


@get("/v1/executions/{execution_id:str}")
async def get_execution(request: AnyRequest, execution_id: FromPath[str]) -> ASGIApp:
    """One execution with its nodes and outputs, as it is now or was at a moment of its past."""
    query = query_of(request, _PAST)
    doors, tenant = doors_of(request), tenant_of(request)
    asked = execution_id_of(request, execution_id)
    if not query:
        return json_answer(await shown(await doors.reads.execution(asked, tenant)))
    past = await doors.history.at(_moment(asked, query), tenant)
    at = views.instant(past.at.ToMicroseconds())
    told = Moment(past.execution.last_seq, at, past.newest_seq)
    return json_answer(await shown(past.execution, told))


def _moment(execution_id: str, query: Mapping[str, str], node: str = "") -> GetExecutionAtRequest:
    moment = GetExecutionAtRequest(execution_id=execution_id, node=node)
    if "at_seq" in query:
        moment.seq = event_number(query["at_seq"])
    if "at" in query:
        moment.at.FromMicroseconds(instant_of(query["at"], "at"))
    return moment


@get("/v1/executions/{execution_id:str}/nodes/{node:str}")
async def get_node(
    request: AnyRequest, execution_id: FromPath[str], node: FromPath[str]
) -> ASGIApp:
    """One node of an execution with its output, as it is now or was at a moment of its past."""
    query = query_of(request, _PAST)
    doors, tenant = doors_of(request), tenant_of(request)
    asked = execution_id_of(request, execution_id)
    if query:
        found = (await doors.history.at(_moment(asked, query, node), tenant)).execution
    else:
        found = await doors.reads.node(asked, node, tenant)
    return json_answer(views.node_state(found.nodes[0]))


@post("/v1/executions/{execution_id:str}/cancel")
async def cancel_execution(request: AnyRequest, execution_id: FromPath[str]) -> ASGIApp:
    """End an execution; answers when that is on disk."""
    query_of(request)
    body = await json_body(request, _CANCEL, _NO_CANCEL)
    if len(body.reason) > _REASON_CHARS_MAX:
        raise InvalidArgument(
            "The reason is too long.",
            fix=f"Give at most {_REASON_CHARS_MAX} characters.",
            path="reason",
        )
    asked = execution_id_of(request, execution_id)
    answer = await doors_of(request).commands.cancel(asked, body.reason, tenant_of(request))
    return json_answer(Cancelled(asked, views.EXECUTION_STATUS[answer.status]))


@post("/v1/executions/{execution_id:str}/signals/{name:str}")
async def signal_execution(
    request: AnyRequest, execution_id: FromPath[str], name: FromPath[str]
) -> ASGIApp:
    """Hand data to an execution; answers when it is on disk."""
    query_of(request)
    body = await json_body(request, _SIGNAL, _NO_SIGNAL)
    if len(name) > NAME_CHARS_MAX or len(body.id) > NAME_CHARS_MAX:
        raise InvalidArgument(
            "The signal's name or id is too long.",
            fix=f"Give at most {NAME_CHARS_MAX} characters.",
            path="id",
        )
    command = api.SignalExecutionRequest(
        execution_id=execution_id_of(request, execution_id),
        name=name,
        payload_json=user_value(body.payload, "payload"),
        signal_id=body.id,
    )
    await doors_of(request).commands.signal(command, tenant_of(request))
    return json_answer(Signalled(command.execution_id, name))


@get("/v1/executions/{execution_id:str}/history")
async def get_history(request: AnyRequest, execution_id: FromPath[str]) -> ASGIApp:
    """A part of the journal, in the form of the live events."""
    query = query_of(request, _HISTORY)
    after = whole_number(query.get("after"), "after", 0, SEQ_MAX)
    size = page_size(query.get("limit"))
    reads, tenant = doors_of(request).reads, tenant_of(request)
    asked = execution_id_of(request, execution_id)
    execution = await reads.execution(asked, tenant, api.EXECUTION_DETAIL_NAMES)
    names = [node.id for node in execution.nodes]
    batches, more = await reads.events(asked, tenant, after, size)
    items = [item for batch in batches for item in public_events(batch, names, after)]
    cut = items[:size]
    is_end = not more and len(cut) == len(items)
    return json_answer(HistoryPage(tuple(cut), None if is_end or not cut else cut[-1].seq))


@get("/v1/payloads/{digest:str}")
async def get_payload(request: AnyRequest, digest: FromPath[str]) -> ASGIApp:
    """The JSON text of a large value that an output refers to."""
    query_of(request)
    body = await doors_of(request).reads.payload(digest_of(digest), tenant_of(request))
    return Answer(
        200,
        (
            (b"content-type", b"application/json"),
            (b"cache-control", b"private, max-age=31536000, immutable"),
            (b"etag", f'"{digest}"'.encode()),
        ),
        body,
    )


EXECUTION_ROUTES = (
    start_execution,
    start_any_execution,
    get_execution,
    get_node,
    cancel_execution,
    signal_execution,
    get_history,
    get_payload,
)
