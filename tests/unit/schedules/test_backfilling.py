"""A backfill starts as many slots at once as it may, and counts each once."""

import asyncio

from penstock.api.schedule.v1.schedule_pb2 import (
    BACKFILL_STATUS_COMPLETED,
    BACKFILL_STATUS_RUNNING,
    Backfill,
)
from penstock.common.errors import InvalidArgument, Unavailable
from penstock.coordinator.shell.schedules.backfilling import Backfilling
from penstock.coordinator.shell.schedules.runs import Started
from support.schedule_rows import MINUTE, NOON, a_schedule


class Runs:
    """Starts that end as `outcomes` say, by the number of their slot; notes how many are under way
    at the same time."""

    def __init__(self, outcomes=None):
        self._outcomes = outcomes or {}
        self._under_way = 0
        self.most = 0

    async def start_slot(self, schedule, slot_us, now_us, *, backfill):
        self._under_way += 1
        self.most = max(self.most, self._under_way)
        await asyncio.sleep(0)
        self._under_way -= 1
        number = (slot_us - NOON) // MINUTE
        outcome = self._outcomes.get(number, False)
        if isinstance(outcome, Exception):
            raise outcome
        return Started(f"run-{number}", outcome)


class Clock:
    def now_us(self):
        return NOON


async def advanced(runs, slots, concurrency, open_executions=()):
    backfill = Backfill(
        id="b",
        from_unix_us=NOON,
        to_unix_us=NOON + (slots - 1) * MINUTE,
        concurrency=concurrency,
        slots_total=slots,
    )
    backfill.progress.status = BACKFILL_STATUS_RUNNING
    backfill.progress.open_executions.extend(open_executions)
    return await Backfilling(runs, Clock()).advance(backfill, a_schedule(cron="* * * * *"))


async def test_as_many_begin_beside_each_other_as_there_is_room_for():
    runs = Runs()
    found = await advanced(runs, 30, 10, ["earlier-1", "earlier-2"])
    assert runs.most == found.progress.started == 8
    assert len(found.progress.open_executions) == 10
    assert found.progress.cursor_unix_us == NOON + 7 * MINUTE
    assert not found.more


async def test_one_at_a_time_is_one_at_a_time():
    runs = Runs({0: True, 1: True})
    found = await advanced(runs, 5, 1)
    assert runs.most == 1
    assert (found.progress.existing, found.progress.started) == (2, 1)
    assert found.progress.cursor_unix_us == NOON + 2 * MINUTE


async def test_slots_that_have_a_run_take_no_place_and_end_the_backfill():
    found = await advanced(Runs(dict.fromkeys(range(50), True)), 50, 4)
    assert found.progress.existing == 50
    assert found.progress.status == BACKFILL_STATUS_COMPLETED


async def test_what_can_never_start_is_counted_and_passed_over():
    found = await advanced(Runs({1: InvalidArgument("no such parameter")}), 3, 5)
    assert (found.progress.started, found.progress.refused) == (2, 1)
    assert "no such parameter" in found.progress.reason
    assert found.error is None


async def test_a_slot_that_is_held_up_is_the_next_one_and_what_began_after_it_has_its_place():
    held_up = Unavailable("the journal cannot be written")
    found = await advanced(Runs({1: held_up, 3: held_up}), 5, 4)
    assert found.error is held_up
    assert found.progress.cursor_unix_us == NOON
    assert found.progress.started == 1
    assert list(found.progress.open_executions) == ["run-0", "run-2"]
    assert not found.more
