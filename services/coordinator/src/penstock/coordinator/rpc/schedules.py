"""ScheduleService: schedules for users, on every coordinator."""

from typing import Any

import grpc

from penstock.api.schedule.v1 import schedule_service_pb2 as pb
from penstock.api.schedule.v1.schedule_service_pb2_grpc import ScheduleServiceServicer
from penstock.common.rpc.server import call_tenant
from penstock.coordinator.shell.schedules.desk import Desk

Context = grpc.aio.ServicerContext[Any, Any]


class ScheduleRpc(ScheduleServiceServicer):
    """Translates between the contract and the desk."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def PreviewSchedule(
        self, request: pb.PreviewScheduleRequest, context: Context
    ) -> pb.PreviewScheduleResponse:
        """The next slots of an expression."""
        return self._desk.preview(request)

    async def PutSchedule(
        self, request: pb.PutScheduleRequest, context: Context
    ) -> pb.PutScheduleResponse:
        """Make or change one."""
        return await self._desk.put(
            call_tenant(context), request.schedule, request.expected_revision
        )

    async def GetSchedule(
        self, request: pb.GetScheduleRequest, context: Context
    ) -> pb.GetScheduleResponse:
        """One of them."""
        found = await self._desk.get(call_tenant(context), request.id, request.next_slots)
        return pb.GetScheduleResponse(schedule=found)

    async def ListSchedules(
        self, request: pb.ListSchedulesRequest, context: Context
    ) -> pb.ListSchedulesResponse:
        """A page."""
        return await self._desk.page(call_tenant(context), request)

    async def DeleteSchedule(
        self, request: pb.DeleteScheduleRequest, context: Context
    ) -> pb.DeleteScheduleResponse:
        """Remove one."""
        await self._desk.remove(call_tenant(context), request.id)
        return pb.DeleteScheduleResponse()

    async def PauseSchedule(
        self, request: pb.PauseScheduleRequest, context: Context
    ) -> pb.PauseScheduleResponse:
        """Keep one from firing, or let it."""
        return pb.PauseScheduleResponse(
            schedule=await self._desk.pause(call_tenant(context), request)
        )

    async def TriggerSchedule(
        self, request: pb.TriggerScheduleRequest, context: Context
    ) -> pb.TriggerScheduleResponse:
        """Start a run now."""
        return await self._desk.trigger(call_tenant(context), request)

    async def StartBackfill(
        self, request: pb.StartBackfillRequest, context: Context
    ) -> pb.StartBackfillResponse:
        """Begin one."""
        return pb.StartBackfillResponse(
            backfill=await self._desk.backfill(call_tenant(context), request)
        )

    async def ListBackfills(
        self, request: pb.ListBackfillsRequest, context: Context
    ) -> pb.ListBackfillsResponse:
        """The last ones."""
        found = await self._desk.backfills(call_tenant(context), request.id)
        return pb.ListBackfillsResponse(backfills=found)

    async def CancelBackfill(
        self, request: pb.CancelBackfillRequest, context: Context
    ) -> pb.CancelBackfillResponse:
        """Let one start no more."""
        stopped = await self._desk.cancel_backfill(
            call_tenant(context), request.id, request.backfill_id
        )
        return pb.CancelBackfillResponse(backfill=stopped)
