"""Slots are those that a patient reader of the wall clock would find."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.workflow.schedules.cron import Cron, read_cron

ZONES = (
    "UTC", "Europe/Madrid", "America/New_York", "Australia/Lord_Howe", "America/Havana",
    "Asia/Beirut", "Africa/Casablanca", "Asia/Kathmandu", "America/Sao_Paulo", "Asia/Tehran",
)  # fmt: skip
NEAR = (
    "2026-03-29T01:00", "2026-10-25T00:30", "2026-03-08T06:00", "2026-11-01T05:30",
    "2026-04-04T14:00", "2026-10-03T15:00", "2018-02-18T01:00", "2021-09-21T19:00",
)  # fmt: skip
SPAN = timedelta(hours=30)

minutes = st.sampled_from(("*", "*/7", "*/30", "0", "5", "30", "0,45", "10-20/5"))
hours = st.sampled_from(("*", "*/2", "0", "1", "2", "3", "23", "1-3", "0,2"))


def matches(field: str, value: int, most: int) -> bool:
    """One field against a value, written down once more, slowly."""
    for part in field.split(","):
        span, _, step = part.partition("/")
        low, _, high = span.partition("-")
        first = 0 if span == "*" else int(low)
        last = most if span == "*" else int(high or low)
        if value in range(first, last + 1, int(step or 1)):
            return True
    return False


def by_hand(minute: str, hour: str, zone: ZoneInfo, start: datetime) -> list[datetime]:
    """Every minute of real time is looked at; times of the day that never came are moved."""
    found = set()
    real_time = minute.startswith("*") or hour.startswith("*")
    instant = start + timedelta(minutes=1)
    while instant <= start + SPAN:
        wall = instant.astimezone(zone)
        is_slot = matches(minute, wall.minute, 59) and matches(hour, wall.hour, 23)
        if is_slot and (real_time or wall.fold == 0):
            found.add(instant)
        before = (instant - timedelta(minutes=1)).astimezone(zone)
        skipped = wall.replace(tzinfo=None) - before.replace(tzinfo=None) - timedelta(minutes=1)
        if not real_time and skipped > timedelta(0):
            gap = before.replace(tzinfo=None) + timedelta(minutes=1)
            for _ in range(round(skipped / timedelta(minutes=1))):
                if matches(minute, gap.minute, 59) and matches(hour, gap.hour, 23):
                    found.add(instant)
                gap += timedelta(minutes=1)
        instant += timedelta(minutes=1)
    return sorted(found)


@settings(max_examples=250, deadline=None)
@given(minutes, hours, st.sampled_from(ZONES), st.sampled_from(NEAR), st.integers(-180, 180))
def test_slots_are_those_on_the_wall(
    minute: str, hour: str, zone: str, near: str, shift: int
) -> None:
    start = datetime.fromisoformat(near).replace(tzinfo=UTC) + timedelta(minutes=shift)
    cron = read_cron(f"{minute} {hour} * * *", zone)
    assert isinstance(cron, Cron)
    start_us = round(start.timestamp()) * 1_000_000
    end_us = start_us + round(SPAN.total_seconds()) * 1_000_000
    slots = [datetime.fromtimestamp(s // 10**6, UTC) for s in cron.between(start_us, end_us)]
    assert slots == by_hand(minute, hour, ZoneInfo(zone), start)


@settings(max_examples=100, deadline=None)
@given(minutes, hours, st.sampled_from(ZONES), st.sampled_from(NEAR), st.integers(0, 10**5))
def test_the_last_slot_is_the_last_of_all(
    minute: str, hour: str, zone: str, near: str, seconds: int
) -> None:
    cron = read_cron(f"{minute} {hour} * * *", zone)
    assert isinstance(cron, Cron)
    start_us = round(datetime.fromisoformat(near).replace(tzinfo=UTC).timestamp()) * 1_000_000
    end_us = start_us + seconds * 1_000_000
    slots = list(cron.between(start_us, end_us))
    assert cron.last(start_us, end_us) == (slots[-1] if slots else 0)
