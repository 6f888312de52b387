"""Keeps the schedules of our shards going: sleeps until something is due, decides, writes it down.

Nothing of a schedule is held in memory between two looks. A look asks state for what is due in our
shards now and, if there is news, for slots that wait for the end of a run and for backfills. Each
is carried on; then the progress of all of them is written under the shards' leases, and the loop
sleeps until the next slot. It wakes earlier when a shard comes, when people changed a schedule (the
number in every answer to a renewal of the membership says so) and when a run ends that something
waits for.

A slot's start is on disk before the progress that says so. Who dies in between leaves the cursor
where it was; the next owner decides again and meets the start. A start by hand comes from no
cursor, so it is the other way round: that it begins is written first, and the schedule is due at
once; whoever looks next asks whether it was made. A start of somebody who has lost the
shard is refused by the journal, and so is the progress. Progress that was decided upon an older one
than is stored (an answer was lost, say) is not written either: there is one more look instead.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from penstock.api.schedule.v1.schedule_pb2 import Backfill, Fire, Progress, Schedule
from penstock.api.state.v1.schedule_store_pb2 import (
    DecidedBackfill,
    DecidedSchedule,
    ListDueResponse,
    RecordProgressRequest,
)
from penstock.common.clock import Clock
from penstock.common.errors import LimitExceeded, PenstockError, Unavailable
from penstock.common.logging import get_logger
from penstock.coordinator.ports import Schedules
from penstock.coordinator.shell.live import Executions, Shard
from penstock.coordinator.shell.schedules.backfilling import Backfilling
from penstock.coordinator.shell.schedules.ends import Ends
from penstock.coordinator.shell.schedules.firing import AT_ONCE_US, Firing
from penstock.coordinator.shell.schedules.runs import Runs
from penstock.coordinator.shell.shards.shards import Shards

_ROWS_MAX = 200
_STEP_S = 1.0
"""The wall clock is looked at this often while something is due: it may jump."""
_RETRY_S = 1.0
_TRIES = 5
BEGINNING_MAX = 100
"""Starts of a schedule by hand whose fate is not looked at yet; the next look empties the list."""
_PATIENCE_S = 15.0
"""What is done for one schedule takes no longer, lest the others wait; it is tried again."""

Key = tuple[str, str]
"""Tenant and schedule."""


class _Work:
    """What a look found of one schedule; `fires`: its slots are to be looked at."""

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule
        self.fires = False
        self.next_us = 0
        self.backfills: list[Backfill] = []

    def open_runs(self) -> Iterable[str]:
        """Runs that had not ended when state was asked."""
        yield from self.schedule.progress.open_executions
        for backfill in self.backfills:
            yield from backfill.progress.open_executions


class Keeper:
    """The loop over what is due."""

    def __init__(
        self, schedules: Schedules, shards: Shards, executions: Executions, runs: Runs, clock: Clock
    ) -> None:
        self._schedules = schedules
        self._shards = shards
        self._runs = runs
        self._clock = clock
        self._firing = Firing(runs, clock)
        self._backfilling = Backfilling(runs, clock)
        self._again = asyncio.Event()
        self._looking = asyncio.Lock()
        self._ends = Ends(executions, self.look_again)
        self._seen = 0
        self._everything = True
        self._troubled = False
        self._under_way: Counter[str] = Counter()
        self._log = get_logger("schedules")

    def look_again(self) -> None:
        """Something changed: a shard came, a run ended, or a schedule was written."""
        self._everything = True
        self._again.set()

    def changed(self, number: int) -> None:
        """State's number of changes as it is now."""
        if number != self._seen:
            self._seen = number
            self.look_again()

    @asynccontextmanager
    async def beginning(self, tenant: str, schedule_id: str, fire: Fire) -> AsyncIterator[None]:
        """Around a start beside the slots: that it begins is on disk before it does, and what
        became of it is looked at when the block ends. Raises `LimitExceeded`, and operating errors
        if it cannot be written."""
        self._under_way[fire.execution_id] += 1
        try:
            async with self._looking:
                await self._write_beginning(tenant, schedule_id, fire)
            yield
        finally:
            self._under_way -= Counter((fire.execution_id,))
            self.look_again()

    async def _write_beginning(self, tenant: str, schedule_id: str, fire: Fire) -> None:
        for _ in range(_TRIES):
            schedule = await self._schedules.find(tenant, schedule_id)
            shard = self._runs.shard_of(schedule)
            progress = Progress()
            progress.CopyFrom(schedule.progress)
            if any(each.execution_id == fire.execution_id for each in progress.beginning):
                return
            if len(progress.beginning) >= BEGINNING_MAX:
                raise LimitExceeded(
                    f"{BEGINNING_MAX} starts of this schedule by hand are under way",
                    limit=BEGINNING_MAX,
                )
            progress.beginning.append(fire)
            progress.next_unix_us = AT_ONCE_US
            decided = RecordProgressRequest(schedules=[_decided(schedule, shard, progress)])
            if not await self._schedules.record(decided):
                return
        raise Unavailable("the schedule's progress is being written by others; try again")

    async def run(self) -> None:
        """Look for ever."""
        while True:
            self._again.clear()
            try:
                next_us = await self.look()
            except PenstockError as error:
                self._log.warning("schedules_not_looked_at", error=str(error))
                self._everything = self._troubled = True
                next_us = 0
            if self._troubled:
                self._troubled = False
                await self._doze(_RETRY_S)
            else:
                await self._sleep_until(next_us)

    async def _sleep_until(self, next_us: int) -> None:
        """Until then by the wall clock, or until there is news."""
        while not self._again.is_set():
            if not next_us:
                await self._again.wait()
                return
            left_s = (next_us - self._clock.now_us()) / 1e6
            if left_s <= 0:
                return
            await self._doze(min(left_s, _STEP_S))

    async def _doze(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._again.wait()
        except TimeoutError:
            return

    async def look(self) -> int:
        """Carry on whatever is due; returns when the next thing is, 0 for never. Raises operating
        errors if state cannot be asked or told. One look at a time: of two at once the later would
        not know what the earlier has started."""
        async with self._looking:
            return await self._look()

    async def _look(self) -> int:
        owned = self._shards.owned
        if not owned:
            return 0
        everything, self._everything = self._everything, False
        due = await self._schedules.due(
            sorted(owned), self._clock.now_us(), _ROWS_MAX, waiting=everything
        )
        works = _gathered(due)
        if everything:
            self._ends.keep({execution for work in works for execution in work.open_runs()})
        decided = RecordProgressRequest()
        async with asyncio.TaskGroup() as group:
            results = [group.create_task(self._carry_on(work, decided)) for work in works]
        await self._record(decided)
        if len(due.due) >= _ROWS_MAX or any(result.result() for result in results):
            self.look_again()
        nexts = (work.next_us for work in works)
        return min((at for at in (*nexts, due.next_unix_us) if at), default=0)

    async def _record(self, decided: RecordProgressRequest) -> None:
        """Write it down."""
        if not decided.schedules and not decided.backfills:
            return
        refused = await self._schedules.record(decided)
        if refused:
            self._log.info("schedule_progress_refused", shards=sorted(refused))
            self._everything = self._troubled = True

    async def _carry_on(self, work: _Work, decided: RecordProgressRequest) -> bool:
        """Fire, then carry backfills on; True if there is more to do at once. Whatever goes wrong
        with one schedule leaves the others alone; it is tried again."""
        schedule = work.schedule
        try:
            shard = self._runs.shard_of(schedule)
        except PenstockError:
            return False
        try:
            async with asyncio.timeout(_PATIENCE_S):
                more = await self._fire(work, shard, decided) if work.fires else False
                for backfill in work.backfills:
                    more |= await self._advance(backfill, schedule, shard, decided)
        except (PenstockError, TimeoutError) as error:
            self._note(schedule, error)
            return False
        except Exception as fault:  # noqa: BLE001 - one schedule must not end the service
            self._log.exception("schedule_broke", schedule=schedule.id, error=repr(fault))
            self._troubled = True
            return False
        return more

    async def _fire(self, work: _Work, shard: Shard, decided: RecordProgressRequest) -> bool:
        schedule = work.schedule
        fired = await self._firing.fire(schedule, self._under_way)
        work.next_us = fired.next_us
        if fired.progress != schedule.progress:
            decided.schedules.append(_decided(schedule, shard, fired.progress))
        self._note(schedule, fired.error)
        if fired.progress.queued_unix_us:
            for execution_id in fired.progress.open_executions:
                self._ends.watch(execution_id, shard)
        return fired.more

    async def _advance(
        self, backfill: Backfill, schedule: Schedule, shard: Shard, decided: RecordProgressRequest
    ) -> bool:
        advanced = await self._backfilling.advance(backfill, schedule)
        if advanced.progress != backfill.progress:
            decided.backfills.append(
                DecidedBackfill(
                    tenant=schedule.tenant,
                    schedule_id=schedule.id,
                    id=backfill.id,
                    shard=shard.number,
                    epoch=shard.epoch,
                    progress=advanced.progress,
                    created_unix_us=backfill.created_unix_us,
                    decided_upon=backfill.progress.writes,
                )
            )
        self._note(schedule, advanced.error)
        for execution_id in advanced.progress.open_executions:
            self._ends.watch(execution_id, shard)
        return advanced.more

    def _note(self, schedule: Schedule, error: Exception | None) -> None:
        """What is in the way of a schedule now is tried again soon."""
        if error is not None:
            self._log.warning("schedule_held_up", schedule=schedule.id, error=str(error))
            self._everything = self._troubled = True


def _gathered(due: ListDueResponse) -> list[_Work]:
    works: dict[Key, _Work] = {}

    def work_on(schedule: Schedule) -> _Work:
        return works.setdefault((schedule.tenant, schedule.id), _Work(schedule))

    for schedule in (*due.due, *due.queued):
        work_on(schedule).fires = True
    for running in due.backfills:
        work_on(running.schedule).backfills.append(running.backfill)
    return list(works.values())


def _decided(schedule: Schedule, shard: Shard, progress: Progress) -> DecidedSchedule:
    """Progress that was decided upon what is stored of the schedule now."""
    return DecidedSchedule(
        tenant=schedule.tenant,
        id=schedule.id,
        shard=shard.number,
        epoch=shard.epoch,
        revision=schedule.revision,
        progress=progress,
        created_unix_us=schedule.created_unix_us,
        decided_upon=schedule.progress.writes,
    )
