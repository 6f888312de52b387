"""Carries a backfill on: starts slots of its range as long as few enough of its runs go on."""

import asyncio
from collections.abc import Iterable, Sequence
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
from penstock.coordinator.shell.schedules.runs import Runs, Started

_Tried = tuple[int, Started | PenstockError]
"""A slot, and what came of starting it."""


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
        advanced.more = len(tries) > STEPS_MAX
        left = tries[:STEPS_MAX]
        while left:
            room = backfill.concurrency - len(progress.open_executions)
            if room <= 0:
                advanced.more = False
                return advanced
            now, left = left[:room], left[room:]
            advanced.error = _count(progress, await self._start_all(schedule, now, backfill.id))
            if advanced.error is not None:
                advanced.more = False
                return advanced
        if not advanced.more and not progress.open_executions:
            progress.status = BACKFILL_STATUS_COMPLETED
            progress.finished_unix_us = self._clock.now_us()
        return advanced

    async def _start_all(
        self, schedule: Schedule, slots: Sequence[int], backfill_id: str
    ) -> list[_Tried]:
        """Start slots beside each other, so that they share the way to the disk: one after the
        other would keep all other schedules waiting as long."""

        async def start(slot_us: int) -> _Tried:
            now_us = self._clock.now_us()
            try:
                return slot_us, await self._runs.start_slot(
                    schedule, slot_us, now_us, backfill=backfill_id
                )
            except PenstockError as error:
                return slot_us, error

        async with asyncio.TaskGroup() as group:
            starting = [group.create_task(start(slot_us)) for slot_us in slots]
        return [each.result() for each in starting]


def _count(progress: BackfillProgress, tried: Iterable[_Tried]) -> PenstockError | None:
    """Count what came of slots, up to the first that has to be tried again; what is in its way.
    What began after that one is tried again with it, and has a place until it ends."""
    held_up: PenstockError | None = None
    for slot_us, outcome in tried:
        if isinstance(outcome, Started):
            if not outcome.existing:
                progress.open_executions.append(outcome.execution_id)
        elif outcome.retryable:
            held_up = held_up or outcome
        if held_up is not None:
            continue
        progress.cursor_unix_us = slot_us
        if isinstance(outcome, PenstockError):
            progress.refused += 1
            progress.reason = told(outcome)
        elif outcome.existing:
            progress.existing += 1
        else:
            progress.started += 1
    return held_up
