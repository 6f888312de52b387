"""Keeps the schedules of our shards going: sleeps until something is due, decides, writes it down.

Nothing of a schedule is held in memory between two looks. A look asks state for what is due in our
shards now and, if there is news, for slots that wait for the end of a run and for backfills. Each
is carried on; then the progress of all of them is written under the shards' leases, and the loop
sleeps until the next slot. It wakes earlier when a shard comes, when people changed a schedule (the
number in every answer to a renewal of the membership says so) and when a run ends that something
waits for.

A slot's start is on disk before the progress that says so. Who dies in between leaves the cursor
where it was; the next owner decides again and meets the start. A start of somebody who has lost the
shard is refused by the journal, and so is the progress. Progress that was decided upon an older one
than is stored (an answer was lost, say) is not written either: there is one more look instead.
"""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterable

from penstock.api.schedule.v1.schedule_pb2 import Backfill, Fire, Schedule
from penstock.api.state.v1.schedule_store_pb2 import (
    DecidedBackfill,
    DecidedSchedule,
    ListDueResponse,
    RecordProgressRequest,
)
from penstock.common.clock import Clock
from penstock.common.errors import NotFound, PenstockError
from penstock.common.logging import get_logger
from penstock.coordinator.ports import Schedules
from penstock.coordinator.shell.live import Executions, Shard
from penstock.coordinator.shell.schedules.backfilling import Backfilling
from penstock.coordinator.shell.schedules.ends import Ends
from penstock.coordinator.shell.schedules.firing import Firing
from penstock.coordinator.shell.schedules.runs import Runs
from penstock.coordinator.shell.shards.shards import Shards

_ROWS_MAX = 200
_STEP_S = 1.0
"""The wall clock is looked at this often while something is due: it may jump."""
_RETRY_S = 1.0
_PATIENCE_S = 15.0
"""What is done for one schedule takes no longer, lest the others wait; it is tried again."""

Key = tuple[str, str]
"""Tenant and schedule."""


class _Work:
    """What a look found of one schedule; `fires`: its slots are to be looked at; `settled`: nothing
    of this look is left to do but to write it down."""

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule
        self.fires = False
        self.backfills: list[Backfill] = []
        self.by_hand: list[Fire] = []
        self.shard = -1
        self.settled = False

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
        self._by_hand: dict[Key, list[Fire]] = defaultdict(list)
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

    def started_by_hand(self, schedule: Schedule, fire: Fire) -> None:
        """Somebody started a run beside the slots; it counts as one of the schedule's."""
        self._by_hand[schedule.tenant, schedule.id].append(fire)
        self._again.set()

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
        works = await self._gathered(due)
        if everything:
            self._ends.keep({execution for work in works for execution in work.open_runs()})
        decided = RecordProgressRequest()
        async with asyncio.TaskGroup() as group:
            results = [group.create_task(self._carry_on(work, decided)) for work in works]
        refused = await self._record(decided)
        for work in works:
            if work.settled and work.shard not in refused:
                self._forget(work)
        if len(due.due) >= _ROWS_MAX or any(result.result() for result in results):
            self.look_again()
        nexts = [one.progress.next_unix_us for one in decided.schedules]
        return min((at for at in (*nexts, due.next_unix_us) if at), default=0)

    async def _record(self, decided: RecordProgressRequest) -> Collection[int]:
        """Write it down; returns the shards of which not everything could be."""
        if not decided.schedules and not decided.backfills:
            return ()
        refused = await self._schedules.record(decided)
        if refused:
            self._log.info("schedule_progress_refused", shards=sorted(refused))
            self._everything = self._troubled = True
        return refused

    async def _gathered(self, due: ListDueResponse) -> list[_Work]:
        works: dict[Key, _Work] = {}

        def work_on(schedule: Schedule) -> _Work:
            return works.setdefault((schedule.tenant, schedule.id), _Work(schedule))

        for schedule in (*due.due, *due.queued):
            work_on(schedule).fires = True
        for running in due.backfills:
            work_on(running.schedule).backfills.append(running.backfill)
        for (tenant, schedule_id), fires in list(self._by_hand.items()):
            try:
                work = work_on(await self._schedules.find(tenant, schedule_id))
            except NotFound:
                del self._by_hand[tenant, schedule_id]
                continue
            work.fires, work.by_hand = True, list(fires)
        return list(works.values())

    def _forget(self, work: _Work) -> None:
        """The starts by hand that were told are written down."""
        key = (work.schedule.tenant, work.schedule.id)
        if work.by_hand:
            left = self._by_hand[key][len(work.by_hand) :]
            if left:
                self._by_hand[key] = left
            else:
                del self._by_hand[key]

    async def _carry_on(self, work: _Work, decided: RecordProgressRequest) -> bool:
        """Fire, then carry backfills on; True if there is more to do at once. Whatever goes wrong
        with one schedule leaves the others alone; it is tried again."""
        schedule = work.schedule
        try:
            shard = self._runs.shard_of(schedule)
        except PenstockError:
            work.settled = True
            return False
        work.shard = shard.number
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
        work.settled = True
        return more

    async def _fire(self, work: _Work, shard: Shard, decided: RecordProgressRequest) -> bool:
        schedule = work.schedule
        fired = await self._firing.fire(schedule, work.by_hand)
        if fired.progress != schedule.progress:
            decided.schedules.append(
                DecidedSchedule(
                    tenant=schedule.tenant,
                    id=schedule.id,
                    shard=shard.number,
                    epoch=shard.epoch,
                    revision=schedule.revision,
                    progress=fired.progress,
                    created_unix_us=schedule.created_unix_us,
                    decided_upon=schedule.progress.writes,
                )
            )
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
