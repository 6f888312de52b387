"""What the gateway needs of coordinators for schedules."""

from typing import Protocol

from penstock.api.schedule.v1 import schedule_service_pb2 as api
from penstock.api.schedule.v1.schedule_pb2 import Backfill


class Schedules(Protocol):
    """Schedules of an account. What does not exist is `NotFound`."""

    async def preview(
        self, asked: api.PreviewScheduleRequest, tenant: str
    ) -> api.PreviewScheduleResponse:
        """The next slots of an expression; raises `InvalidSchedule`."""
        ...

    async def put(self, asked: api.PutScheduleRequest, tenant: str) -> api.PutScheduleResponse:
        """Make or change one; raises `InvalidSchedule`, `Conflict`."""
        ...

    async def get(self, schedule_id: str, slots: int, tenant: str) -> api.ScheduleView:
        """One of them with its next slots."""
        ...

    async def page(self, asked: api.ListSchedulesRequest, tenant: str) -> api.ListSchedulesResponse:
        """A page."""
        ...

    async def remove(self, schedule_id: str, tenant: str) -> None:
        """Remove one."""
        ...

    async def pause(self, asked: api.PauseScheduleRequest, tenant: str) -> api.ScheduleView:
        """Keep one from firing, or let it."""
        ...

    async def trigger(
        self, asked: api.TriggerScheduleRequest, tenant: str
    ) -> api.TriggerScheduleResponse:
        """Start a run now, at the owner."""
        ...

    async def backfill(self, asked: api.StartBackfillRequest, tenant: str) -> Backfill:
        """Begin one."""
        ...

    async def backfills(self, schedule_id: str, tenant: str) -> list[Backfill]:
        """The last ones of a schedule."""
        ...

    async def cancel_backfill(self, schedule_id: str, backfill_id: str, tenant: str) -> Backfill:
        """Let one start no more."""
        ...
