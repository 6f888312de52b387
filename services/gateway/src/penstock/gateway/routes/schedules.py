"""/v1/schedules: when workflows start by themselves."""

import msgspec
from litestar import delete, get, post, put
from litestar.params import FromPath
from litestar.types import ASGIApp

from penstock.api.schedule.v1 import schedule_service_pb2 as api
from penstock.common.errors import InvalidArgument
from penstock.gateway.http.answers import Answer, json_answer
from penstock.gateway.http.requests import (
    NAME_CHARS_MAX,
    AnyRequest,
    idempotency_key_of,
    json_body,
    page_size,
    query_of,
    tenant_of,
    whole_number,
)
from penstock.gateway.http.slashes import with_slashes
from penstock.gateway.ports.doors import doors_of
from penstock.gateway.shapes.schedules import (
    AnyScheduleBody,
    BackfillBody,
    BackfillList,
    PauseBody,
    PreviewBody,
    Removed,
    ScheduleBody,
    SchedulePage,
    Triggered,
)
from penstock.gateway.views import schedules as views

_PUT = msgspec.json.Decoder(ScheduleBody)
_POST = msgspec.json.Decoder(AnyScheduleBody)
_PAUSE = msgspec.json.Decoder(PauseBody)
_PREVIEW = msgspec.json.Decoder(PreviewBody)
_BACKFILL = msgspec.json.Decoder(BackfillBody)
_LIST = frozenset({"workflow", "limit", "cursor"})
_NEXT = frozenset({"next"})
_SLOTS = 5
_SLOTS_MAX = 1_000
_REVISION_MAX = 2**53


def schedule_id_of(part: str) -> str:
    """The id of a schedule from a path."""
    schedule_id = with_slashes(part)
    if len(schedule_id) > NAME_CHARS_MAX:
        raise InvalidArgument(
            "The schedule's id is too long.",
            fix=f"An id has at most {NAME_CHARS_MAX} characters.",
            path="path.id",
        )
    return schedule_id


async def _write(request: AnyRequest, body: ScheduleBody, schedule_id: str) -> Answer:
    query_of(request)
    if not 0 <= body.revision <= _REVISION_MAX:
        raise InvalidArgument(
            "There is no such revision.", fix="Revisions count from 1.", path="revision"
        )
    asked = api.PutScheduleRequest(
        schedule=views.schedule_of(body, schedule_id), expected_revision=body.revision
    )
    answer = await doors_of(request).schedules.put(asked, tenant_of(request))
    return json_answer(views.schedule(answer.schedule), 201 if answer.created else 200)


@post("/v1/schedules")
async def make_schedule(request: AnyRequest) -> ASGIApp:
    """Make a schedule, or change the one with this id."""
    body = await json_body(request, _POST, AnyScheduleBody())
    return await _write(request, body, body.id)


@put("/v1/schedules/{id:str}")
async def put_schedule(request: AnyRequest, id: FromPath[str]) -> ASGIApp:  # noqa: A002
    """The same with the id in the path."""
    body = await json_body(request, _PUT, ScheduleBody())
    return await _write(request, body, schedule_id_of(id))


@post("/v1/schedules/preview", status_code=200)
async def preview_schedule(request: AnyRequest) -> ASGIApp:
    """The next slots of an expression; keeps nothing."""
    query_of(request)
    body = await json_body(request, _PREVIEW, PreviewBody())
    asked = api.PreviewScheduleRequest(
        cron=body.cron,
        timezone=body.timezone,
        after_unix_us=views.instant_us(body.after, "after"),
        count=views.small_number(body.count, "count"),
    )
    answer = await doors_of(request).schedules.preview(asked, tenant_of(request))
    return json_answer(views.preview(answer))


@get("/v1/schedules")
async def list_schedules(request: AnyRequest) -> ASGIApp:
    """A page by id."""
    query = query_of(request, _LIST)
    asked = api.ListSchedulesRequest(
        workflow=query.get("workflow", ""),
        page_size=page_size(query.get("limit")),
        page_token=query.get("cursor", ""),
    )
    answer = await doors_of(request).schedules.page(asked, tenant_of(request))
    items = tuple(views.schedule(one) for one in answer.schedules)
    return json_answer(SchedulePage(items, answer.next_page_token or None))


@get("/v1/schedules/{id:str}")
async def get_schedule(request: AnyRequest, id: FromPath[str]) -> ASGIApp:  # noqa: A002
    """One schedule with its next slots and last decisions."""
    text = query_of(request, _NEXT).get("next")
    slots = whole_number(text, "next", _SLOTS, _SLOTS_MAX, least=1)
    found = await doors_of(request).schedules.get(schedule_id_of(id), slots, tenant_of(request))
    return json_answer(views.schedule(found))


@delete("/v1/schedules/{id:str}", status_code=200)
async def remove_schedule(request: AnyRequest, id: FromPath[str]) -> ASGIApp:  # noqa: A002
    """Remove a schedule; its executions stay."""
    query_of(request)
    schedule_id = schedule_id_of(id)
    await doors_of(request).schedules.remove(schedule_id, tenant_of(request))
    return json_answer(Removed(schedule_id))


async def _pause(request: AnyRequest, part: str, *, paused: bool) -> Answer:
    query_of(request)
    body = await json_body(request, _PAUSE, PauseBody())
    asked = api.PauseScheduleRequest(id=schedule_id_of(part), paused=paused, note=body.note)
    found = await doors_of(request).schedules.pause(asked, tenant_of(request))
    return json_answer(views.schedule(found))


@post("/v1/schedules/{id:str}/pause", status_code=200)
async def pause_schedule(request: AnyRequest, id: FromPath[str]) -> ASGIApp:  # noqa: A002
    """Keep a schedule from firing."""
    return await _pause(request, id, paused=True)


@post("/v1/schedules/{id:str}/resume", status_code=200)
async def resume_schedule(request: AnyRequest, id: FromPath[str]) -> ASGIApp:  # noqa: A002
    """Let a schedule fire again, from now on."""
    return await _pause(request, id, paused=False)


@post("/v1/schedules/{id:str}/trigger")
async def trigger_schedule(request: AnyRequest, id: FromPath[str]) -> ASGIApp:  # noqa: A002
    """Start an execution now, as a slot would."""
    query_of(request)
    schedule_id = schedule_id_of(id)
    asked = api.TriggerScheduleRequest(id=schedule_id, idempotency_key=idempotency_key_of(request))
    answer = await doors_of(request).schedules.trigger(asked, tenant_of(request))
    place = f"/v1/executions/{answer.execution_id}".encode()
    return json_answer(
        Triggered(schedule_id, answer.execution_id, answer.existing),
        200 if answer.existing else 201,
        ((b"location", place),),
    )


@post("/v1/schedules/{id:str}/backfills")
async def start_backfill(request: AnyRequest, id: FromPath[str]) -> ASGIApp:  # noqa: A002
    """Begin to start the slots of a past range."""
    query_of(request)
    body = await json_body(request, _BACKFILL, BackfillBody())
    asked = api.StartBackfillRequest(
        id=schedule_id_of(id),
        from_unix_us=views.instant_us(body.from_, "from"),
        to_unix_us=views.instant_us(body.to, "to"),
        concurrency=views.small_number(body.concurrency, "concurrency"),
        idempotency_key=idempotency_key_of(request),
    )
    begun = await doors_of(request).schedules.backfill(asked, tenant_of(request))
    return json_answer(views.backfill(begun), 201)


@get("/v1/schedules/{id:str}/backfills")
async def list_backfills(request: AnyRequest, id: FromPath[str]) -> ASGIApp:  # noqa: A002
    """The last backfills of a schedule, newest first."""
    query_of(request)
    found = await doors_of(request).schedules.backfills(schedule_id_of(id), tenant_of(request))
    return json_answer(BackfillList(tuple(views.backfill(one) for one in found)))


@post("/v1/schedules/{id:str}/backfills/{backfill_id:str}/cancel", status_code=200)
async def cancel_backfill(
    request: AnyRequest,
    id: FromPath[str],  # noqa: A002
    backfill_id: FromPath[str],
) -> ASGIApp:
    """Let a backfill start no more; its runs go on."""
    query_of(request)
    stopped = await doors_of(request).schedules.cancel_backfill(
        schedule_id_of(id), with_slashes(backfill_id)[:NAME_CHARS_MAX], tenant_of(request)
    )
    return json_answer(views.backfill(stopped))


SCHEDULE_ROUTES = (
    make_schedule,
    put_schedule,
    preview_schedule,
    list_schedules,
    get_schedule,
    remove_schedule,
    pause_schedule,
    resume_schedule,
    trigger_schedule,
    start_backfill,
    list_backfills,
    cancel_backfill,
)
