"""ScheduleStoreService: schedules by account for people, by shard for coordinators."""

from typing import Any

import grpc

from penstock.api.schedule.v1.schedule_service_pb2 import ListSchedulesRequest
from penstock.api.state.v1 import schedule_store_pb2 as pb
from penstock.api.state.v1.schedule_store_pb2_grpc import ScheduleStoreServiceServicer
from penstock.common.errors import InvalidArgument, NotFound
from penstock.common.rpc.server import call_tenant
from penstock.state.ports import ScheduleStore
from penstock.state.reading.cursors import from_token, page_size_of, to_token
from penstock.state.rpc.checks import check_storable
from penstock.state.schedules.changing import no_schedule

Context = grpc.aio.ServicerContext[Any, Any]

_ROWS_DEFAULT = 200
_ROWS_MAX = 1_000


class ScheduleStoreService(ScheduleStoreServiceServicer):
    """Translates between the contract and the store. The caller has checked what it writes; here
    only what the keys need."""

    def __init__(self, schedules: ScheduleStore) -> None:
        self._schedules = schedules

    async def SaveSchedule(
        self, request: pb.SaveScheduleRequest, context: Context
    ) -> pb.SaveScheduleResponse:
        """Make or change one."""
        schedule = request.schedule
        if not schedule.id or not (schedule.workflow or request.only_pause):
            raise InvalidArgument("a schedule needs an id and a workflow")
        check_storable(id=schedule.id, workflow=schedule.workflow)
        schedule.tenant = call_tenant(context)
        stored, created = await self._schedules.save(schedule.tenant, request)
        return pb.SaveScheduleResponse(schedule=stored, created=created)

    async def FindSchedule(
        self, request: pb.FindScheduleRequest, context: Context
    ) -> pb.FindScheduleResponse:
        """One of them."""
        check_storable(id=request.id)
        found = await self._schedules.find(call_tenant(context), request.id)
        if found is None:
            raise no_schedule(request.id)
        return pb.FindScheduleResponse(schedule=found)

    async def ListSchedules(
        self, request: ListSchedulesRequest, context: Context
    ) -> pb.PageSchedulesResponse:
        """A page."""
        check_storable(workflow=request.workflow)
        size, asked = page_size_of(request.page_size), ("schedules", request.workflow)
        after = from_token(request.page_token, str, asked) if request.page_token else ""
        tenant = call_tenant(context)
        found = await self._schedules.page(tenant, request.workflow, after, size + 1)
        answer = pb.PageSchedulesResponse(schedules=found[:size])
        if len(found) > size:
            answer.next_page_token = to_token(found[size - 1].id, asked)
        return answer

    async def RemoveSchedule(
        self, request: pb.RemoveScheduleRequest, context: Context
    ) -> pb.RemoveScheduleResponse:
        """One with its backfills."""
        check_storable(id=request.id)
        if not await self._schedules.remove(call_tenant(context), request.id):
            raise no_schedule(request.id)
        return pb.RemoveScheduleResponse()

    async def ListDue(self, request: pb.ListDueRequest, context: Context) -> pb.ListDueResponse:
        """What to look at."""
        limit = min(request.rows_max or _ROWS_DEFAULT, _ROWS_MAX)
        return await self._schedules.due(
            list(request.shards), request.until_unix_us, limit, waiting=request.waiting
        )

    async def RecordProgress(
        self, request: pb.RecordProgressRequest, context: Context
    ) -> pb.RecordProgressResponse:
        """What was decided."""
        refused = await self._schedules.record(request)
        return pb.RecordProgressResponse(refused_shards=sorted(refused))

    async def SaveBackfill(
        self, request: pb.SaveBackfillRequest, context: Context
    ) -> pb.SaveBackfillResponse:
        """Begin one."""
        request.backfill.tenant = call_tenant(context)
        check_storable(id=request.backfill.schedule_id)
        stored = await self._schedules.add_backfill(request.backfill)
        if stored is None:
            raise no_schedule(request.backfill.schedule_id)
        return pb.SaveBackfillResponse(backfill=stored)

    async def PageBackfills(
        self, request: pb.PageBackfillsRequest, context: Context
    ) -> pb.PageBackfillsResponse:
        """The last ones."""
        check_storable(id=request.schedule_id)
        tenant = call_tenant(context)
        found = await self._schedules.backfills(tenant, request.schedule_id)
        if not found and await self._schedules.find(tenant, request.schedule_id) is None:
            raise no_schedule(request.schedule_id)
        return pb.PageBackfillsResponse(backfills=found)

    async def StopBackfill(
        self, request: pb.StopBackfillRequest, context: Context
    ) -> pb.StopBackfillResponse:
        """Let one start no more."""
        check_storable(id=request.schedule_id, backfill_id=request.id)
        stopped = await self._schedules.stop_backfill(
            call_tenant(context), request.schedule_id, request.id, request.now_unix_us
        )
        if stopped is None:
            raise NotFound(
                f"the schedule {request.schedule_id[:80]!r} has no backfill {request.id[:40]!r}",
                fix="List its backfills for their ids.",
            )
        return pb.StopBackfillResponse(backfill=stopped)
