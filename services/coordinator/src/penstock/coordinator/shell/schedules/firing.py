"""Carries out what is due of one schedule, and tells how far it is then."""

from collections.abc import Container

import msgspec

from penstock.api.schedule.v1.schedule_pb2 import (
    OUTCOME_MISSED,
    OUTCOME_QUEUED,
    OUTCOME_REFUSED,
    OUTCOME_SKIPPED,
    OUTCOME_STARTED,
    Fire,
    Outcome,
    Progress,
    Schedule,
)
from penstock.common.clock import Clock
from penstock.common.errors import PenstockError
from penstock.common.schedule_codec import position_of, timing_of
from penstock.coordinator.shell.schedules.runs import Runs
from penstock.workflow.schedules.deciding import (
    Act,
    Position,
    Step,
    after,
    next_step,
    waits_until_us,
)
from penstock.workflow.schedules.timing import Timing

FIRES_MAX = 20
"""Decisions kept with a schedule; all runs are found by its label."""
OPEN_MAX = 100
"""Open runs kept with a schedule, the newest: only a schedule that allows overlap has more."""
STEPS_MAX = 100
"""Slots decided at a time, so that no schedule keeps the others waiting for long."""
AT_ONCE_US = 1
"""As the next time: whatever the clocks say, it has come."""
_REASON_CHARS_MAX = 500
_ENDINGS = {
    Act.SKIP: OUTCOME_SKIPPED,
    Act.QUEUE: OUTCOME_QUEUED,
    Act.MISS: OUTCOME_MISSED,
}


class Fired(msgspec.Struct):
    """How far a schedule is now. `next_us`: when the next slot is due, 0 if none will be; `more`:
    further slots are due; `error`: what is in the way."""

    progress: Progress
    next_us: int = 0
    more: bool = False
    error: PenstockError | None = None


class Firing:
    """Decides and starts, slot after slot."""

    def __init__(self, runs: Runs, clock: Clock) -> None:
        self._runs = runs
        self._clock = clock

    async def fire(self, schedule: Schedule, under_way: Container[str]) -> Fired:
        """Take every step that is due. What was done before something came in the way stays done:
        the progress says so. Starts by hand that are `under_way` here may still come."""
        at = position_of(schedule.progress)
        timing = timing_of(schedule)
        fires: list[Fire] = []
        open_runs = list(schedule.progress.open_executions)
        fired = Fired(Progress())
        try:
            beginning = await self._note_by_hand(schedule, under_way, fires, open_runs)
        except PenstockError as error:
            return Fired(schedule.progress, error=error)
        for _ in range(STEPS_MAX):
            now_us = self._clock.now_us()
            step = None if schedule.paused else next_step(timing, at, now_us, busy=bool(open_runs))
            if step is None:
                break
            try:
                step = await self._as_begun(schedule, timing, step)
                fires.append(await self._take(schedule, step, now_us, open_runs))
            except PenstockError as error:
                fired.error = error
                break
            at = after(at, step)
        else:
            fired.more = True
        if not schedule.paused:
            fired.next_us = waits_until_us(timing, at, busy=bool(open_runs))
        fired.progress = _progress(schedule, at, fires, open_runs)
        fired.progress.next_unix_us = fired.next_us
        if beginning:
            fired.progress.beginning.extend(beginning)
            fired.progress.next_unix_us = AT_ONCE_US
        return fired

    async def _note_by_hand(
        self,
        schedule: Schedule,
        under_way: Container[str],
        fires: list[Fire],
        open_runs: list[str],
    ) -> list[Fire]:
        """Add what became of the starts by hand that had begun; returns those of which that cannot
        be told yet. They count as runs until then."""
        left: list[Fire] = []
        known = {fire.execution_id for fire in schedule.progress.fires}
        for fire in schedule.progress.beginning:
            execution_id = fire.execution_id
            if execution_id in under_way:
                left.append(fire)
            else:
                run = await self._runs.known(schedule, execution_id)
                if run is None:
                    continue
                if execution_id not in known:
                    fires.append(fire)
                if run.ended:
                    continue
            if execution_id not in open_runs:
                open_runs.append(execution_id)
        return left

    async def _as_begun(self, schedule: Schedule, timing: Timing, step: Step) -> Step:
        """The step, unless somebody took another one and could not write it down: a slot that has a
        run was started, whatever would be decided about it by now."""
        if step.act not in _ENDINGS:
            return step
        before_us, slot_us = 0, step.slot_us
        for _ in range(STEPS_MAX):
            if await self._runs.known_slot(schedule, slot_us):
                if before_us:
                    return msgspec.structs.replace(step, until_us=before_us)
                return Step(Act.START, slot_us, slot_us)
            before_us, slot_us = slot_us, timing.next_slot(slot_us)
            if not 0 < slot_us <= step.until_us:
                break
        return step

    async def _take(
        self, schedule: Schedule, step: Step, now_us: int, open_runs: list[str]
    ) -> Fire:
        """Carry out a step. Raises what a repeat may mend; whatever else a start meets is its
        outcome."""
        fire = Fire(slot_unix_us=step.slot_us, decided_unix_us=now_us)
        if step.act in _ENDINGS:
            fire.outcome = _ENDINGS[step.act]
            fire.reason = _why_not(step.act, open_runs)
            if step.until_us > step.slot_us:
                fire.until_unix_us = step.until_us
            return fire
        if step.act is Act.CANCEL_AND_START:
            while open_runs:
                await self._runs.cancel(schedule, open_runs[0])
                open_runs.pop(0)
        try:
            started = await self._runs.start_slot(schedule, step.slot_us, now_us)
        except PenstockError as error:
            if error.retryable:
                raise
            fire.outcome, fire.reason = OUTCOME_REFUSED, told(error)
            return fire
        fire.outcome, fire.execution_id = OUTCOME_STARTED, started.execution_id
        if started.execution_id not in open_runs and not started.ended:
            open_runs.append(started.execution_id)
        return fire


def told(error: PenstockError) -> str:
    """An error as the reason of a refusal."""
    return f"{error.reason}: {error.message}"[:_REASON_CHARS_MAX]


def _why_not(act: Act, open_runs: list[str]) -> str:
    if act is Act.MISS:
        return "nobody could fire it in time"
    runs = open_runs[0] if len(open_runs) == 1 else f"{len(open_runs)} earlier runs"
    return f"{runs} had not ended"


def _progress(
    schedule: Schedule, at: Position, fires: list[Fire], open_runs: list[str]
) -> Progress:
    decided = {fire.slot_unix_us for fire in fires if not fire.by_hand}
    kept = [fire for fire in schedule.progress.fires if not _is_replaced(fire, decided)]
    return Progress(
        cursor_unix_us=at.cursor_us,
        queued_unix_us=at.queued_us,
        fires=[*reversed(fires), *kept][:FIRES_MAX],
        open_executions=open_runs[-OPEN_MAX:],
        writes=schedule.progress.writes,
    )


def _is_replaced(fire: Fire, decided: set[int]) -> bool:
    """A slot that was queued has been decided again."""
    outcome: Outcome.ValueType = fire.outcome
    return outcome == OUTCOME_QUEUED and fire.slot_unix_us in decided
