"""State's schedules as the coordinator's port."""

from collections.abc import Sequence
from typing import Any

import grpc

from penstock.api.schedule.v1.schedule_pb2 import Backfill, Schedule
from penstock.api.schedule.v1.schedule_service_pb2 import ListSchedulesRequest
from penstock.api.state.v1.schedule_store_pb2 import (
    FindScheduleRequest,
    ListDueRequest,
    ListDueResponse,
    PageBackfillsRequest,
    PageSchedulesResponse,
    RecordProgressRequest,
    RemoveScheduleRequest,
    SaveBackfillRequest,
    SaveScheduleRequest,
    StopBackfillRequest,
)
from penstock.api.state.v1.schedule_store_pb2_grpc import ScheduleStoreServiceStub
from penstock.common.rpc.channel import call


class StateSchedules:
    """Implements `Schedules` over a channel to state."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub: Any = ScheduleStoreServiceStub(channel)

    async def save(self, tenant: str, asked: SaveScheduleRequest) -> tuple[Schedule, bool]:
        """Make or change one."""
        answer = await call(self._stub.SaveSchedule, asked, tenant=tenant)
        return answer.schedule, answer.created

    async def find(self, tenant: str, schedule_id: str) -> Schedule:
        """One of them."""
        request = FindScheduleRequest(id=schedule_id)
        found: Schedule = (await call(self._stub.FindSchedule, request, tenant=tenant)).schedule
        return found

    async def page(self, tenant: str, asked: ListSchedulesRequest) -> PageSchedulesResponse:
        """A page."""
        answer: PageSchedulesResponse = await call(self._stub.ListSchedules, asked, tenant=tenant)
        return answer

    async def remove(self, tenant: str, schedule_id: str) -> None:
        """One with its backfills."""
        request = RemoveScheduleRequest(id=schedule_id)
        await call(self._stub.RemoveSchedule, request, tenant=tenant)

    async def due(
        self, shards: Sequence[int], until_us: int, limit: int, *, waiting: bool
    ) -> ListDueResponse:
        """What to look at."""
        request = ListDueRequest(
            shards=shards, until_unix_us=until_us, rows_max=limit, waiting=waiting
        )
        answer: ListDueResponse = await call(self._stub.ListDue, request)
        return answer

    async def record(self, decided: RecordProgressRequest) -> set[int]:
        """What was decided."""
        return set((await call(self._stub.RecordProgress, decided)).refused_shards)

    async def add_backfill(self, tenant: str, backfill: Backfill) -> Backfill:
        """Begin one."""
        request = SaveBackfillRequest(backfill=backfill)
        stored: Backfill = (await call(self._stub.SaveBackfill, request, tenant=tenant)).backfill
        return stored

    async def backfills(self, tenant: str, schedule_id: str) -> list[Backfill]:
        """The last ones."""
        request = PageBackfillsRequest(schedule_id=schedule_id)
        return list((await call(self._stub.PageBackfills, request, tenant=tenant)).backfills)

    async def stop_backfill(
        self, tenant: str, schedule_id: str, backfill_id: str, now_us: int
    ) -> Backfill:
        """Let one start no more."""
        request = StopBackfillRequest(schedule_id=schedule_id, id=backfill_id, now_unix_us=now_us)
        stopped: Backfill = (await call(self._stub.StopBackfill, request, tenant=tenant)).backfill
        return stopped
