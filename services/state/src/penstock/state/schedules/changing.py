"""What becomes of a schedule when somebody writes it: pure, the same over every database.

A schedule that is new, that gets another timing or that is no longer paused counts from now on:
slots that passed before it meant them are nobody's. Whatever else changes leaves its place alone.
"""

from penstock.api.schedule.v1.schedule_pb2 import Schedule
from penstock.api.state.v1.schedule_store_pb2 import SaveScheduleRequest
from penstock.common.errors import Conflict, NotFound
from penstock.common.schedule_codec import due_us

SCHEDULES_MAX = 10_000
"""Schedules of an account: each costs a row, and a look at each slot."""
BACKFILLS_MAX = 10
"""Backfills of a schedule that run at the same time."""


def no_schedule(schedule_id: str) -> NotFound:
    """There is none with this id."""
    return NotFound(
        f"there is no schedule {schedule_id[:250]!r}",
        fix="List the schedules for their ids; in addresses write / as %2F.",
        schedule=schedule_id[:250],
    )


def saved(was: Schedule | None, tenant: str, asked: SaveScheduleRequest) -> Schedule | None:
    """What a request to save makes of what is there; None if nothing changes. Raises `Conflict`,
    and `NotFound` if there is nothing to be paused."""
    wanted = Schedule()
    wanted.CopyFrom(asked.schedule)
    if asked.only_pause:
        if was is None:
            raise no_schedule(wanted.id)
        wanted.CopyFrom(was)
        wanted.paused, wanted.note = asked.schedule.paused, asked.schedule.note or was.note
    wanted.tenant = tenant
    return written(was, wanted, asked.expected_revision, asked.now_unix_us)


def written(
    was: Schedule | None, wanted: Schedule, expected_revision: int, now_us: int
) -> Schedule | None:
    """The schedule as it is from now on; None if nothing changes. Raises `Conflict` if it is not
    at the expected revision, or belongs to a file and would differ from it."""
    _check_revision(was, expected_revision, wanted.id)
    if was is not None and was.from_file and not wanted.from_file:
        _check_file(was, wanted)
    after = Schedule()
    after.CopyFrom(wanted)
    after.from_file = wanted.from_file or (was is not None and was.from_file)
    after.tenant = was.tenant if was is not None else wanted.tenant
    after.ClearField("progress")
    if was is None:
        after.revision, after.created_unix_us = 1, now_us
    else:
        after.revision, after.created_unix_us = was.revision + 1, was.created_unix_us
        after.progress.CopyFrom(was.progress)
        if _content(was) == _content(after):
            return None
    after.updated_unix_us = now_us
    if was is None or was.timing != after.timing or (was.paused and not after.paused):
        after.progress.cursor_unix_us = max(after.progress.cursor_unix_us, now_us)
    if not after.progress.beginning:  # else it is due at once, and stays so
        after.progress.next_unix_us = due_us(after, after.progress.cursor_unix_us)
    return after


def from_file(was: Schedule | None, wanted: Schedule, now_us: int) -> Schedule | None:
    """The same for a schedule in a workflow's file: what people said about pausing it stays.
    Raises `Conflict` if one made otherwise has its id."""
    if was is not None and not was.from_file:
        raise Conflict(
            f"there is a schedule {was.id!r} already, which no file made",
            fix="Remove it, or give the one in the file an `id` of its own.",
            schedule=was.id,
        )
    if was is not None and was.workflow != wanted.workflow:
        raise Conflict(
            f"the schedule {was.id!r} belongs to the file of the workflow {was.workflow!r}",
            fix="Give the one in this file another `id`.",
            schedule=was.id,
        )
    merged = Schedule()
    merged.CopyFrom(wanted)
    merged.from_file = True
    if was is not None:
        merged.paused, merged.note = was.paused, was.note
    return written(was, merged, 0, now_us)


def _check_revision(was: Schedule | None, expected: int, schedule_id: str) -> None:
    there = was.revision if was is not None else 0
    if expected and expected != there:
        raise Conflict(
            f"the schedule {schedule_id!r} is at revision {there}, not {expected}",
            fix="Read it again and repeat the change on what is there now.",
            revision=there,
        )


def _check_file(was: Schedule, wanted: Schedule) -> None:
    same = Schedule()
    same.CopyFrom(wanted)
    same.from_file, same.paused, same.note = True, was.paused, was.note
    if _content(was) != _content(same):
        raise Conflict(
            f"the schedule {was.id!r} comes from the file of the workflow {was.workflow!r}",
            fix="Change the file and apply it; it can be paused and resumed here.",
            schedule=was.id,
        )


def _content(schedule: Schedule) -> bytes:
    """What people wrote, without what follows from it."""
    bare = Schedule()
    bare.CopyFrom(schedule)
    for field in ("tenant", "revision", "created_unix_us", "updated_unix_us", "progress"):
        bare.ClearField(field)
    return bare.SerializeToString(deterministic=True)
