"""Schedules between contracts and public JSON. Pure."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from msgspec import Raw

from penstock.api.schedule.v1 import schedule_pb2 as api
from penstock.api.schedule.v1 import schedule_service_pb2 as service
from penstock.common.errors import InvalidArgument
from penstock.common.schedule_codec import (
    CATCH_UP_NUMBERS,
    CATCH_UPS,
    OVERLAP_NUMBERS,
    OVERLAPS,
    tag_of,
)
from penstock.gateway.http.requests import params_value
from penstock.gateway.shapes import schedules as shapes
from penstock.gateway.views.executions import instant, instant_or_none

_OUTCOMES = {number: name.removeprefix("OUTCOME_") for name, number in api.Outcome.items()}
_STATUSES = {
    number: name.removeprefix("BACKFILL_STATUS_") for name, number in api.BackfillStatus.items()
}
_UINT_MAX = 2**32 - 1
_SECOND_US = 1_000_000


def on_the_wall(at_us: int, zone: ZoneInfo) -> str:
    """An instant as the wall shows it in a zone, with its offset."""
    at = datetime.fromtimestamp(at_us // _SECOND_US, UTC).replace(microsecond=at_us % _SECOND_US)
    return at.astimezone(zone).isoformat()


def instant_us(text: str | None, path: str) -> int:
    """Microseconds of an instant in ISO 8601 with its offset; 0 for None. Raises
    `InvalidArgument`."""
    if text is None:
        return 0
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None or at.year < 1970:
        raise InvalidArgument(
            f"{text[:60]!r} is not an instant.",
            fix="Write it with its offset, such as 2026-03-29T02:30:00+01:00 or ...Z.",
            path=path,
        )
    return round(at.timestamp() * _SECOND_US)


def small_number(value: int, path: str) -> int:
    """A number that the contract can carry; whether it makes sense is for the coordinator."""
    if not 0 <= value <= _UINT_MAX:
        raise InvalidArgument(
            f"`{path}` is {value}.", fix="Give a whole number, 0 or more.", path=path
        )
    return value


def schedule_of(body: shapes.ScheduleBody, schedule_id: str) -> api.Schedule:
    """What a body asks for."""
    if body.priority is not None and not 0 <= body.priority <= 9:
        raise InvalidArgument("There is no such priority.", fix="Give 0 to 9.", path="priority")
    return api.Schedule(
        id=schedule_id,
        workflow=body.workflow,
        version=small_number(body.version, "version"),
        timing=api.Timing(
            cron=body.cron,
            timezone=body.timezone,
            overlap=OVERLAP_NUMBERS[body.overlap],
            catch_up=CATCH_UP_NUMBERS[body.catch_up],
            catch_up_window_s=small_number(body.catch_up_window_s, "catch_up_window_s"),
            jitter_s=small_number(body.jitter_s, "jitter_s"),
            start_unix_us=instant_us(body.start_at, "start_at"),
            end_unix_us=instant_us(body.end_at, "end_at"),
        ),
        params_json=params_value(body.params),
        tags=body.tags,
        priority_plus_one=0 if body.priority is None else body.priority + 1,
        paused=body.paused,
        note=body.note,
    )


def schedule(view: service.ScheduleView) -> shapes.Schedule:
    """A schedule for people."""
    one = view.schedule
    timing, progress = one.timing, one.progress
    zone = ZoneInfo(timing.timezone)
    queued_us = progress.queued_unix_us
    return shapes.Schedule(
        id=one.id,
        workflow=one.workflow,
        version=one.version,
        cron=timing.cron,
        timezone=timing.timezone,
        params=Raw(one.params_json or b"{}"),
        tags=tuple(one.tags),
        priority=one.priority_plus_one - 1 if one.priority_plus_one else None,
        overlap=OVERLAPS[timing.overlap],
        catch_up=CATCH_UPS[timing.catch_up],
        catch_up_window_s=timing.catch_up_window_s,
        jitter_s=timing.jitter_s,
        start_at=instant_or_none(timing.start_unix_us),
        end_at=instant_or_none(timing.end_unix_us),
        paused=one.paused,
        note=one.note,
        from_file=one.from_file,
        revision=one.revision,
        created_at=instant(one.created_unix_us),
        updated_at=instant(one.updated_unix_us),
        next_slots=tuple(on_the_wall(slot, zone) for slot in view.next_slots_unix_us),
        why=view.why,
        queued_slot=on_the_wall(queued_us, zone) if queued_us else None,
        running=tuple(progress.open_executions),
        fires=tuple(_fire(fire, zone) for fire in progress.fires),
        tag=tag_of(one.id),
    )


def _fire(fire: api.Fire, zone: ZoneInfo) -> shapes.Fire:
    return shapes.Fire(
        slot=on_the_wall(fire.slot_unix_us, zone),
        outcome=_OUTCOMES[fire.outcome],  # type: ignore[arg-type]
        decided_at=instant(fire.decided_unix_us),
        execution_id=fire.execution_id or None,
        reason=fire.reason,
        until=on_the_wall(fire.until_unix_us, zone) if fire.until_unix_us else None,
        by_hand=fire.by_hand,
    )


def preview(answer: service.PreviewScheduleResponse) -> shapes.Preview:
    """Slots for people."""
    zone = ZoneInfo(answer.timezone)
    slots = tuple(on_the_wall(slot, zone) for slot in answer.slots_unix_us)
    return shapes.Preview(answer.cron, answer.timezone, slots)


def backfill(one: api.Backfill) -> shapes.Backfill:
    """A backfill for people."""
    progress = one.progress
    return shapes.Backfill(
        id=one.id,
        schedule=one.schedule_id,
        from_=instant(one.from_unix_us),
        to=instant(one.to_unix_us),
        concurrency=one.concurrency,
        status=_STATUSES[progress.status],  # type: ignore[arg-type]
        slots=one.slots_total,
        started=progress.started,
        existing=progress.existing,
        refused=progress.refused,
        running=tuple(progress.open_executions),
        reason=progress.reason,
        created_at=instant(one.created_unix_us),
        finished_at=instant_or_none(progress.finished_unix_us),
    )
