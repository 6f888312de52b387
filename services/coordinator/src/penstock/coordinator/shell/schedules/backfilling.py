"""Carries a backfill on: starts slots of its range as long as few enough of its runs go on."""

from itertools import islice

import msgspec

from penstock.api.schedule.v1.schedule_pb2 import (
    BACKFILL_STATUS_COMPLETED,
    Backfill,
    BackfillProgress,
    Schedule,
)
from penstock.common.clock import Clock
from penstock.common.errors import PenstockError
from penstock.common.schedule_codec import timing_of
from penstock.coordinator.shell.schedules.firing import STEPS_MAX, told
from penstock.coordinator.shell.schedules.runs import Runs


class Advanced(msgspec.Struct):
    """How far a backfill is now. `more`: it could go on at once; `error`: what is in the way."""

    progress: BackfillProgress
    more: bool = False
    error: PenstockError | None = None


class Backfilling:
    """A slot has one run, whoever starts it: one that was run before is counted and left alone."""

    def __init__(self, runs: Runs, clock: Clock) -> None:
        self._runs = runs
        self._clock = clock

    async def advance(self, backfill: Backfill, schedule: Schedule) -> Advanced:
        """Start what may be started now."""
        progress = BackfillProgress()
        progress.CopyFrom(backfill.progress)
        advanced = Advanced(progress)
        cursor_us = max(progress.cursor_unix_us, backfill.from_unix_us - 1)
        slots = timing_of(schedule).cron.between(cursor_us, backfill.to_unix_us)
        tries = list(islice(slots, STEPS_MAX + 1))
        for slot_us in tries[:STEPS_MAX]:
            if len(progress.open_executions) >= backfill.concurrency:
                return advanced
            try:
                await self._start(schedule, slot_us, backfill.id, progress)
            except PenstockError as error:
                advanced.error = error
                return advanced
            progress.cursor_unix_us = slot_us
        advanced.more = len(tries) > STEPS_MAX
        if not advanced.more and not progress.open_executions:
            progress.status = BACKFILL_STATUS_COMPLETED
            progress.finished_unix_us = self._clock.now_us()
        return advanced

    async def _start(
        self, schedule: Schedule, slot_us: int, backfill_id: str, progress: BackfillProgress
    ) -> None:
        """Raises what a repeat may mend."""
        now_us = self._clock.now_us()
        try:
            started = await self._runs.start_slot(schedule, slot_us, now_us, backfill=backfill_id)
        except PenstockError as error:
            if error.retryable:
                raise
            progress.refused += 1
            progress.reason = told(error)
            return
        if started.existing:
            progress.existing += 1
        else:
            progress.started += 1
            progress.open_executions.append(started.execution_id)
