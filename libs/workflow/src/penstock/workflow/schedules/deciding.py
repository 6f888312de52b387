"""What to do about the slots of a schedule, one step after the other.

Whoever owns a schedule calls `next_step` with how far it is, carries the step out, applies it with
`after`, and so on until there is none. A step is carried out before the progress that holds it is
on disk, and again by somebody else if that fails: starting a slot twice must be one start. The
same state and time always give the same step.
"""

from enum import Enum, auto

import msgspec

from penstock.workflow.schedules.timing import CATCH_UP_DEFAULT_US, LATE_US, Timing


class Act(Enum):
    """What a step does with its slot."""

    START = auto()
    CANCEL_AND_START = auto()
    SKIP = auto()
    QUEUE = auto()
    MISS = auto()


class Step(msgspec.Struct, frozen=True):
    """`until_us` is the last of several slots that were missed together, else the slot itself.
    `was_queued`: the slot had waited, and was passed before."""

    act: Act
    slot_us: int
    until_us: int
    was_queued: bool = False


class Position(msgspec.Struct, frozen=True):
    """Every slot up to `cursor_us` is decided; the one at `queued_us` (0 for none) waits."""

    cursor_us: int
    queued_us: int = 0


def next_step(timing: Timing, at: Position, now_us: int, *, busy: bool) -> Step | None:
    """The step to take now, None if there is none. `busy`: a run of the schedule goes on. A slot
    that waits may have been put there by somebody whose clock is ahead: its time comes first."""
    until_us = now_us - timing.shift_us
    if 0 < at.queued_us <= until_us and not busy:
        return Step(Act.START, at.queued_us, at.queued_us, was_queued=True)
    slot = timing.next_slot(at.cursor_us)
    if not slot or slot > until_us:
        return None
    missed_until = _missed_until(timing, at.cursor_us, until_us)
    if slot <= missed_until:
        return Step(Act.MISS, slot, missed_until)
    return Step(_act(timing, at, busy=busy), slot, slot)


def waits_until_us(timing: Timing, at: Position, *, busy: bool) -> int:
    """When there is a step to take, 0 for never as long as nothing else changes."""
    due_us = timing.due_us(at.cursor_us)
    if not at.queued_us or busy:
        return due_us
    queued_us = at.queued_us + timing.shift_us
    return min(queued_us, due_us) if due_us else queued_us


def after(at: Position, step: Step) -> Position:
    """How far the schedule is once a step is taken."""
    if step.was_queued:
        return Position(at.cursor_us)
    queued_us = step.slot_us if step.act is Act.QUEUE else at.queued_us
    return Position(max(at.cursor_us, step.until_us), queued_us)


def _act(timing: Timing, at: Position, *, busy: bool) -> Act:
    if timing.overlap == "allow" or not busy:
        return Act.START
    if timing.overlap == "cancel_running":
        return Act.CANCEL_AND_START
    if timing.overlap == "queue" and not at.queued_us:
        return Act.QUEUE
    return Act.SKIP


def _missed_until(timing: Timing, cursor_us: int, until_us: int) -> int:
    """The last pending slot that is too late to be made up for, or anything before the first."""
    in_time_us = until_us - LATE_US
    if timing.catch_up == "all":
        window_us = timing.window_us or CATCH_UP_DEFAULT_US
        bound_us = until_us - max(window_us, LATE_US)
    elif timing.catch_up == "latest":
        last = _last(timing, cursor_us, until_us)
        in_window = not timing.window_us or last >= until_us - timing.window_us
        bound_us = min(in_time_us, last - 1) if in_window else in_time_us
    else:
        bound_us = in_time_us
    if bound_us <= cursor_us:
        return cursor_us
    return _last(timing, cursor_us, bound_us)


def _last(timing: Timing, after_us: int, until_us: int) -> int:
    """The latest slot in a stretch, 0 if there is none."""
    first_us = max(after_us, timing.start_us - 1)
    end_us = min(until_us, timing.end_us) if timing.end_us else until_us
    return timing.cron.last(first_us, end_us) if end_us > first_us else 0
