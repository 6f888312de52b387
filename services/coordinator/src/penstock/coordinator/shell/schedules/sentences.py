"""Why a schedule fires next when it does, or why it does not: one sentence."""

from zoneinfo import ZoneInfo

from penstock.api.schedule.v1.schedule_pb2 import OUTCOME_REFUSED, OUTCOME_SKIPPED, Schedule
from penstock.common.schedule_codec import timing_of
from penstock.coordinator.shell.schedules.runs import instant_text


def why(schedule: Schedule, now_us: int) -> str:
    """The sentence about a schedule as it stands."""
    if schedule.paused:
        note = f": {schedule.note}" if schedule.note else ""
        return f"It is paused and fires no slot{note}."
    progress = schedule.progress
    zone = ZoneInfo(schedule.timing.timezone)
    if progress.queued_unix_us:
        slot = instant_text(progress.queued_unix_us, zone)
        return f"The slot {slot} starts once {_runs(list(progress.open_executions))} ended."
    timing = timing_of(schedule)
    slot_us = timing.next_slot(max(progress.cursor_unix_us, now_us - timing.shift_us))
    if not slot_us:
        end = timing.end_us and f" after {instant_text(timing.end_us, zone)}"
        return f"It fires no more: there is no slot{end or ''}."
    slot = instant_text(slot_us, zone)
    later = f", {timing.shift_us / 1e6:g} s after the slot {slot}" if timing.shift_us else ""
    fires = instant_text(slot_us + timing.shift_us, zone)
    return f"It fires next at {fires}{later}{_last(schedule)}."


def _runs(open_runs: list[str]) -> str:
    if len(open_runs) == 1:
        return f"the execution {open_runs[0]} has"
    return f"{len(open_runs)} earlier executions have" if open_runs else "the earlier run has"


def _last(schedule: Schedule) -> str:
    """What became of the last slot, if no run did."""
    last = next((fire for fire in schedule.progress.fires if not fire.by_hand), None)
    if last is None or last.outcome not in (OUTCOME_SKIPPED, OUTCOME_REFUSED):
        return ""
    slot = instant_text(last.slot_unix_us, ZoneInfo(schedule.timing.timezone))
    done = "skipped" if last.outcome == OUTCOME_SKIPPED else "refused"
    return f"; the slot {slot} was {done} ({last.reason})"
