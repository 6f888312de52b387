"""Schedules over gRPC: any coordinator serves, but for starts by hand."""

from typing import Any

from penstock.api.schedule.v1 import schedule_service_pb2 as api
from penstock.api.schedule.v1.schedule_pb2 import Backfill
from penstock.api.schedule.v1.schedule_service_pb2_grpc import ScheduleServiceStub
from penstock.common.rpc.channel import call
from penstock.gateway.adapters.coordinators import Coordinators, Link


class CoordinatorSchedules:
    """Implements `schedule_ports.Schedules`."""

    def __init__(self, coordinators: Coordinators) -> None:
        self._coordinators = coordinators

    async def _ask(self, method: str, request: Any, tenant: str) -> Any:
        stub = ScheduleServiceStub((await self._coordinators.link()).channel)
        return await call(getattr(stub, method), request, tenant=tenant)

    async def preview(
        self, asked: api.PreviewScheduleRequest, tenant: str
    ) -> api.PreviewScheduleResponse:
        """See `Schedules.preview`."""
        answer: api.PreviewScheduleResponse = await self._ask("PreviewSchedule", asked, tenant)
        return answer

    async def put(self, asked: api.PutScheduleRequest, tenant: str) -> api.PutScheduleResponse:
        """See `Schedules.put`."""
        answer: api.PutScheduleResponse = await self._ask("PutSchedule", asked, tenant)
        return answer

    async def get(self, schedule_id: str, slots: int, tenant: str) -> api.ScheduleView:
        """See `Schedules.get`."""
        request = api.GetScheduleRequest(id=schedule_id, next_slots=slots)
        view: api.ScheduleView = (await self._ask("GetSchedule", request, tenant)).schedule
        return view

    async def page(self, asked: api.ListSchedulesRequest, tenant: str) -> api.ListSchedulesResponse:
        """See `Schedules.page`."""
        answer: api.ListSchedulesResponse = await self._ask("ListSchedules", asked, tenant)
        return answer

    async def remove(self, schedule_id: str, tenant: str) -> None:
        """See `Schedules.remove`."""
        await self._ask("DeleteSchedule", api.DeleteScheduleRequest(id=schedule_id), tenant)

    async def pause(self, asked: api.PauseScheduleRequest, tenant: str) -> api.ScheduleView:
        """See `Schedules.pause`."""
        view: api.ScheduleView = (await self._ask("PauseSchedule", asked, tenant)).schedule
        return view

    async def trigger(
        self, asked: api.TriggerScheduleRequest, tenant: str
    ) -> api.TriggerScheduleResponse:
        """See `Schedules.trigger`."""

        async def ask(link: Link) -> api.TriggerScheduleResponse:
            stub = ScheduleServiceStub(link.channel)
            answer: api.TriggerScheduleResponse = await call(
                stub.TriggerSchedule, asked, tenant=tenant
            )
            return answer

        return await self._coordinators.at_owner(ask)

    async def backfill(self, asked: api.StartBackfillRequest, tenant: str) -> Backfill:
        """See `Schedules.backfill`."""
        begun: Backfill = (await self._ask("StartBackfill", asked, tenant)).backfill
        return begun

    async def backfills(self, schedule_id: str, tenant: str) -> list[Backfill]:
        """See `Schedules.backfills`."""
        request = api.ListBackfillsRequest(id=schedule_id)
        return list((await self._ask("ListBackfills", request, tenant)).backfills)

    async def cancel_backfill(self, schedule_id: str, backfill_id: str, tenant: str) -> Backfill:
        """See `Schedules.cancel_backfill`."""
        request = api.CancelBackfillRequest(id=schedule_id, backfill_id=backfill_id)
        stopped: Backfill = (await self._ask("CancelBackfill", request, tenant)).backfill
        return stopped
