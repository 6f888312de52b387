"""What people ask of schedules: make, change, read, pause, remove, start by hand, backfill.

All but the start by hand may be asked of any coordinator: what it writes is a row, and the owner of
the schedule's shard hears of it with its next renewal of the membership, within a second.
"""

from itertools import islice

from penstock.api.schedule.v1 import schedule_service_pb2 as pb
from penstock.api.schedule.v1.schedule_pb2 import (
    BACKFILL_STATUS_RUNNING,
    OUTCOME_STARTED,
    Backfill,
    Fire,
    Schedule,
)
from penstock.api.state.v1.schedule_store_pb2 import SaveScheduleRequest
from penstock.common.errors import IdempotencyConflict, InvalidArgument, InvalidSchedule
from penstock.common.ids import keyed_ulid
from penstock.common.schedule_codec import timing_of
from penstock.coordinator.ports import Schedules
from penstock.coordinator.shell.process import Process
from penstock.coordinator.shell.schedules.checking import checked, checked_cron
from penstock.coordinator.shell.schedules.keeper import Keeper
from penstock.coordinator.shell.schedules.runs import Runs
from penstock.coordinator.shell.schedules.sentences import why
from penstock.coordinator.shell.starts.asked import check_text
from penstock.coordinator.shell.starts.definitions import Definitions
from penstock.coordinator.shell.starts.starts import checked_params
from penstock.workflow.issues import IssueList, to_dicts
from penstock.workflow.schedules.cron import SLOTS_AHEAD_MAX

BACKFILL_SLOTS_MAX = 10_000
"""Runs of one backfill: about a month of slots every five minutes."""
CONCURRENCY_MAX = 100
_PREVIEW_SLOTS = 10
_SLOTS_SHOWN = 5


class Desk:
    """Checks what is asked, and asks state and the keeper."""

    def __init__(
        self,
        schedules: Schedules,
        definitions: Definitions,
        runs: Runs,
        keeper: Keeper,
        process: Process,
    ) -> None:
        self._schedules = schedules
        self._definitions = definitions
        self._runs = runs
        self._keeper = keeper
        self._clock = process.clock
        self._next_id = process.next_id

    def preview(self, asked: pb.PreviewScheduleRequest) -> pb.PreviewScheduleResponse:
        """The next slots of an expression. Raises `InvalidSchedule`."""
        issues = IssueList()
        cron = checked_cron(asked.cron, asked.timezone or "UTC", issues)
        if cron is None:
            raise InvalidSchedule(issues=to_dicts(issues.sorted()))
        count = _count(asked.count, _PREVIEW_SLOTS)
        slots = cron.ahead(asked.after_unix_us or self._clock.now_us(), count)
        return pb.PreviewScheduleResponse(
            cron=cron.text, timezone=cron.timezone, slots_unix_us=slots
        )

    async def put(
        self, tenant: str, given: Schedule, expected_revision: int
    ) -> pb.PutScheduleResponse:
        """Make or change one. Raises `InvalidSchedule`, `InvalidParams`, `NotFound` if there is no
        such workflow, `Conflict`."""
        schedule = checked(given)
        definition = await self._definitions.get(tenant, schedule.workflow, schedule.version)
        checked_params(definition, schedule.params_json)
        wanted = SaveScheduleRequest(schedule=schedule, expected_revision=expected_revision)
        return await self._save(tenant, wanted)

    async def _save(self, tenant: str, asked: SaveScheduleRequest) -> pb.PutScheduleResponse:
        asked.now_unix_us = self._clock.now_us()
        stored, created = await self._schedules.save(tenant, asked)
        self._keeper.look_again()
        return pb.PutScheduleResponse(schedule=self._view(stored, _SLOTS_SHOWN), created=created)

    async def get(self, tenant: str, schedule_id: str, slots: int) -> pb.ScheduleView:
        """One of them with its next slots."""
        found = await self._schedules.find(tenant, schedule_id)
        return self._view(found, _count(slots, _SLOTS_SHOWN))

    async def page(self, tenant: str, asked: pb.ListSchedulesRequest) -> pb.ListSchedulesResponse:
        """A page, each with its next slot."""
        page = await self._schedules.page(tenant, asked)
        return pb.ListSchedulesResponse(
            schedules=[self._view(one, 1) for one in page.schedules],
            next_page_token=page.next_page_token,
        )

    async def remove(self, tenant: str, schedule_id: str) -> None:
        """One with its backfills."""
        await self._schedules.remove(tenant, schedule_id)
        self._keeper.look_again()

    async def pause(self, tenant: str, asked: pb.PauseScheduleRequest) -> pb.ScheduleView:
        """Keep one from firing, or let it fire again from now on."""
        was = await self._schedules.find(tenant, asked.id)
        was.paused, was.note = asked.paused, asked.note
        wanted = SaveScheduleRequest(schedule=checked(was), only_pause=True)
        return (await self._save(tenant, wanted)).schedule

    async def trigger(
        self, tenant: str, asked: pb.TriggerScheduleRequest
    ) -> pb.TriggerScheduleResponse:
        """Start a run now. Raises `WrongOwner` if the shard is another's."""
        check_text(asked.idempotency_key, "idempotency_key")
        self._runs.shard_of(Schedule(tenant=tenant, id=asked.id))
        schedule = await self._schedules.find(tenant, asked.id)
        now_us = self._clock.now_us()
        key = asked.idempotency_key or self._next_id()
        fire = Fire(
            slot_unix_us=now_us,
            decided_unix_us=now_us,
            outcome=OUTCOME_STARTED,
            execution_id=self._runs.id_by_hand(schedule, key),
            by_hand=True,
        )
        if asked.idempotency_key and await self._runs.known(schedule, fire.execution_id):
            return pb.TriggerScheduleResponse(execution_id=fire.execution_id, existing=True)
        async with self._keeper.beginning(tenant, asked.id, fire):
            started = await self._runs.start_by_hand(schedule, key, now_us)
        return pb.TriggerScheduleResponse(
            execution_id=started.execution_id, existing=started.existing
        )

    async def backfill(self, tenant: str, asked: pb.StartBackfillRequest) -> Backfill:
        """Begin to start the slots of a past range. Raises `InvalidArgument`, `LimitExceeded`;
        `IdempotencyConflict` for a key that was used for another range."""
        check_text(asked.idempotency_key, "idempotency_key")
        schedule = await self._schedules.find(tenant, asked.id)
        now_us = self._clock.now_us()
        self._check_range(asked, now_us)
        cron = timing_of(schedule).cron
        slots = cron.between(asked.from_unix_us - 1, asked.to_unix_us)
        total = sum(1 for _ in islice(slots, BACKFILL_SLOTS_MAX + 1))
        if not 0 < total <= BACKFILL_SLOTS_MAX:
            what = "is no slot" if not total else f"are more than {BACKFILL_SLOTS_MAX} slots"
            raise InvalidArgument(
                f"There {what} of {schedule.timing.cron!r} in this range.",
                fix="Check the range and the zone." if not total else "Take a shorter range.",
                path="to",
            )
        key = asked.idempotency_key
        backfill = Backfill(
            id=keyed_ulid("backfill", tenant, asked.id, key) if key else self._next_id(),
            schedule_id=asked.id,
            tenant=tenant,
            from_unix_us=asked.from_unix_us,
            to_unix_us=asked.to_unix_us,
            concurrency=asked.concurrency or 1,
            slots_total=total,
            created_unix_us=now_us,
        )
        backfill.progress.status = BACKFILL_STATUS_RUNNING
        stored = await self._schedules.add_backfill(tenant, backfill)
        if _asked_for(stored) != _asked_for(backfill):
            raise IdempotencyConflict(
                f"the key {key!r} was used for a different backfill",
                fix="Use a new one for a new backfill.",
                backfill_id=stored.id,
            )
        self._keeper.look_again()
        return stored

    def _check_range(self, asked: pb.StartBackfillRequest, now_us: int) -> None:
        if not 0 < asked.from_unix_us <= asked.to_unix_us:
            raise InvalidArgument(
                "`to` is before `from`.", fix="Give the earlier instant as `from`.", path="to"
            )
        if asked.to_unix_us > now_us:
            raise InvalidArgument(
                "`to` is in the future.",
                fix="Give a past instant: coming slots fire by themselves.",
                path="to",
            )
        if asked.concurrency > CONCURRENCY_MAX:
            raise InvalidArgument(
                f"`concurrency` is {asked.concurrency}.",
                fix=f"Give 1 to {CONCURRENCY_MAX}.",
                path="concurrency",
            )

    async def backfills(self, tenant: str, schedule_id: str) -> list[Backfill]:
        """The last ones of a schedule."""
        return await self._schedules.backfills(tenant, schedule_id)

    async def cancel_backfill(self, tenant: str, schedule_id: str, backfill_id: str) -> Backfill:
        """Let one start no more."""
        stopped = await self._schedules.stop_backfill(
            tenant, schedule_id, backfill_id, self._clock.now_us()
        )
        self._keeper.look_again()
        return stopped

    def _view(self, schedule: Schedule, slots: int) -> pb.ScheduleView:
        now_us = self._clock.now_us()
        after_us = max(schedule.progress.cursor_unix_us, now_us)
        ahead = [] if schedule.paused else timing_of(schedule).slots_ahead(after_us, slots)
        return pb.ScheduleView(
            schedule=schedule, next_slots_unix_us=ahead, why=why(schedule, now_us)
        )


def _asked_for(backfill: Backfill) -> tuple[int, int, int]:
    return backfill.from_unix_us, backfill.to_unix_us, backfill.concurrency


def _count(asked: int, usual: int) -> int:
    if asked > SLOTS_AHEAD_MAX:
        raise InvalidArgument(
            f"{asked} slots are too many.", fix=f"Ask for at most {SLOTS_AHEAD_MAX}.", path="count"
        )
    return asked or usual
