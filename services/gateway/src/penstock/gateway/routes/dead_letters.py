"""/v1/dead-letters: executions that FAILED or TIMED_OUT, until somebody deals with them."""

import msgspec
from litestar import get, post
from litestar.params import FromPath
from litestar.types import ASGIApp

from penstock.api.search.v1 import search_service_pb2 as api
from penstock.common.errors import InvalidArgument, NotFound
from penstock.gateway.http.answers import json_answer
from penstock.gateway.http.execution_names import execution_id_of
from penstock.gateway.http.requests import (
    AnyRequest,
    json_body,
    params_value,
    query_of,
    tenant_of,
    user_value,
)
from penstock.gateway.ports.doors import doors_of
from penstock.gateway.routes.search import (
    CONDITIONS,
    PAGING,
    conditions_of,
    search_of,
    search_query,
)
from penstock.gateway.shapes.finding import (
    DeadLetterPage,
    DiscardBody,
    LetterAnswer,
    Retried,
    RetryBody,
)
from penstock.gateway.views import executions as views
from penstock.gateway.views import finding as finding_views
from penstock.gateway.views.pictures import shown

_RETRY = msgspec.json.Decoder(RetryBody)
_DISCARD = msgspec.json.Decoder(DiscardBody)
_REASON_CHARS_MAX = 1000
_VERSION_MAX = 2**31 - 1
_LIST = (CONDITIONS - {"dead_letter"}) | PAGING | {"state"}
_ANY_STATE = "open,retried,discarded"


@get("/v1/dead-letters")
async def list_dead_letters(request: AnyRequest) -> ASGIApp:
    """A page of dead letters: the open ones unless `state` says otherwise."""
    query = search_query(request, _LIST)
    states = query.get("state") or "open"
    conditions = conditions_of({**query, "dead_letter": states})
    wanted = search_of(query, conditions)
    answer = await doors_of(request).finding.search(wanted, tenant_of(request))
    items = tuple(map(finding_views.dead_letter_summary, answer.executions))
    return json_answer(DeadLetterPage(items, answer.next_page_token or None))


@get("/v1/dead-letters/{execution_id:str}")
async def get_dead_letter(request: AnyRequest, execution_id: FromPath[str]) -> ASGIApp:
    """One dead letter: what failed, with which input, and the whole execution."""
    query_of(request)
    tenant, doors = tenant_of(request), doors_of(request)
    asked = execution_id_of(request, execution_id)
    conditions = f"id:{asked} dead_letter:{_ANY_STATE}"
    found = await doors.finding.search(api.SearchExecutionsRequest(query=conditions), tenant)
    if not found.executions:
        raise NotFound(
            f"There is no dead letter {asked}.",
            fix="Only executions that FAILED or TIMED_OUT become dead letters.",
        )
    execution = await doors.reads.execution(asked, tenant)
    picture = await shown(execution)
    return json_answer(finding_views.dead_letter(found.executions[0], execution, picture))


@post("/v1/dead-letters/{execution_id:str}/retry")
async def retry_dead_letter(request: AnyRequest, execution_id: FromPath[str]) -> ASGIApp:
    """Start a new execution in its place: 201, or 200 with the one that was started before."""
    query_of(request)
    body = await json_body(request, _RETRY, RetryBody())
    if not 0 <= body.version <= _VERSION_MAX:
        raise InvalidArgument(
            "There is no such version.", fix="Versions count from 1.", path="version"
        )
    wanted = api.RetryDeadLetterRequest(
        execution_id=execution_id_of(request, execution_id),
        params_json=params_value(body.params),
        version=body.version,
        from_start=body.from_start,
        input_json=user_value(body.input, "input"),
    )
    answer = await doors_of(request).dead_letters.retry(wanted, tenant_of(request))
    status = views.EXECUTION_STATUS[answer.status]
    return json_answer(
        Retried(wanted.execution_id, answer.execution_id, answer.existing, status),
        200 if answer.existing else 201,
        ((b"location", f"/v1/executions/{answer.execution_id}".encode()),),
    )


@post("/v1/dead-letters/{execution_id:str}/discard")
async def discard_dead_letter(request: AnyRequest, execution_id: FromPath[str]) -> ASGIApp:
    """Take it off the list; it can be restored."""
    query_of(request)
    body = await json_body(request, _DISCARD, DiscardBody())
    if len(body.reason) > _REASON_CHARS_MAX:
        raise InvalidArgument(
            "The reason is too long.",
            fix=f"Give at most {_REASON_CHARS_MAX} characters.",
            path="reason",
        )
    asked = execution_id_of(request, execution_id)
    letter = await doors_of(request).dead_letters.discard(asked, body.reason, tenant_of(request))
    return json_answer(LetterAnswer(asked, finding_views.letter(letter)))


@post("/v1/dead-letters/{execution_id:str}/restore")
async def restore_dead_letter(request: AnyRequest, execution_id: FromPath[str]) -> ASGIApp:
    """Put a discarded one back."""
    query_of(request)
    asked = execution_id_of(request, execution_id)
    letter = await doors_of(request).dead_letters.restore(asked, tenant_of(request))
    return json_answer(LetterAnswer(asked, finding_views.letter(letter)))


DEAD_LETTER_ROUTES = (
    list_dead_letters,
    get_dead_letter,
    retry_dead_letter,
    discard_dead_letter,
    restore_dead_letter,
)
