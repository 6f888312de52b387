"""Cron expressions in a time zone: reading them, and the slots they name.

A slot is an instant, in microseconds since the Unix epoch. Fields are matched against the wall
clock of the zone, and the clock's two oddities are settled as Debian's cron does:

* An expression whose minute or hour begins with `*` follows real time: it has no slot in an hour
  that is skipped, and slots in both passes of an hour that is repeated.
* Any other one names times of the day: a time that is skipped moves to the first minute after the
  gap, a time that is repeated counts once, the first time.

Two times that move to the same minute are one slot. Seconds (a sixth field, in front) change
nothing about this. Slots grow strictly.
"""

from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import islice
from zoneinfo import ZoneInfo, available_timezones

import msgspec
from cronsim import CronSim, CronSimError
from cronsim.cronsim import Field

from penstock.workflow.nearest import Names

CRON_CHARS_MAX = 120
SLOTS_AHEAD_MAX = 1_000
"""Slots that one question may ask for."""

NICKNAMES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_RULES = (
    (Field.SECOND, "a second", "0 to 59"),
    (Field.MINUTE, "a minute", "0 to 59"),
    (Field.HOUR, "an hour", "0 to 23"),
    (Field.DAY, "a day of the month", "1 to 31, L for the last one, or LW for the last weekday"),
    (Field.MONTH, "a month", "1 to 12 or JAN to DEC"),
    (Field.DOW, "a day of the week", "0 to 7 or SUN to SAT (0 and 7 are Sunday), 5#3, or 5L"),
)
_FIVE, _SIX = 5, 6
_SECOND, _MINUTE = timedelta(seconds=1), timedelta(minutes=1)
_SECOND_US = 1_000_000
_LAST_YEAR = 9000
"""Beyond it datetimes have no room left for zones and steps."""


class Problem(msgspec.Struct, frozen=True):
    """What is wrong with an expression or a zone, and what would be right."""

    code: str
    message: str
    fix: str


class Cron(msgspec.Struct, frozen=True):
    """An expression and a zone that were checked. `text` has single spaces; equal ones mean the
    same slots."""

    text: str
    timezone: str

    def after(self, at_us: int) -> Iterator[int]:
        """All slots later than an instant, in order. Ends if there is none for 50 years."""
        last = at_us
        for slot in _instants(self.text, self.timezone, at_us):
            if slot > last:
                last = slot
                yield slot

    def next(self, at_us: int) -> int:
        """The first slot later than an instant, 0 if there is none."""
        return next(self.after(at_us), 0)

    def between(self, after_us: int, until_us: int) -> Iterator[int]:
        """The slots later than one instant and not later than another."""
        for slot in self.after(after_us):
            if slot > until_us:
                return
            yield slot

    def ahead(self, at_us: int, count: int) -> list[int]:
        """The next slots, as many as there are up to `count`."""
        return list(islice(self.after(at_us), min(count, SLOTS_AHEAD_MAX)))

    def last(self, after_us: int, until_us: int) -> int:
        """The latest slot in an interval as `between`, 0 if there is none. Looks back further and
        further, so that it costs about as much as there are slots in the last stretch."""
        back_us = 60_000_000
        while True:
            start = max(after_us, until_us - back_us)
            found = deque(self.between(start, until_us), maxlen=1)
            if found or start == after_us:
                return found[0] if found else 0
            back_us *= 24


def _instants(text: str, timezone: str, at_us: int) -> Iterator[int]:
    """Instants of the slots from a little before `at_us` on, not strictly growing."""
    zone = ZoneInfo(timezone)
    at = datetime.fromtimestamp(at_us // _SECOND_US, UTC)
    minute, hour = text.split()[-5:-3]
    by_real_time = minute.startswith("*") or hour.startswith("*")
    found = _by_real_time(text, zone, at) if by_real_time else _by_time_of_day(text, zone, at)
    for slot in found:
        yield round(slot.timestamp()) * _SECOND_US


def _by_time_of_day(text: str, zone: ZoneInfo, at: datetime) -> Iterator[datetime]:
    """Each time on the wall once."""
    for wall in _walls(text, at.astimezone(zone).replace(tzinfo=None)):
        slot = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
        while slot.astimezone(zone).replace(tzinfo=None) != wall:
            wall += _MINUTE
            slot = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
        yield slot


def _by_real_time(text: str, zone: ZoneInfo, at: datetime) -> Iterator[datetime]:
    """Each instant at which the wall shows a time. As long as the zone's offset stays, the wall is
    real time moved by it; at the first slot on the other side of a change it begins again there."""
    offset = _offset(zone, at)
    wall_from = at + offset
    while True:
        for wall in _walls(text, wall_from.replace(tzinfo=None)):
            slot = wall.replace(tzinfo=UTC) - offset
            if _offset(zone, slot) != offset:
                at = _change(zone, at, slot)
                offset = _offset(zone, at)
                wall_from = at + offset - _SECOND
                break
            yield slot
            at = slot
        else:
            return


def _change(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """An instant between two, to the second, at which the offset of the first ends."""
    offset = _offset(zone, before)
    low, high = round(before.timestamp()), round(after.timestamp())
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(zone, datetime.fromtimestamp(middle, UTC)) == offset:
            low = middle
        else:
            high = middle
    return datetime.fromtimestamp(high, UTC)


def _offset(zone: ZoneInfo, at: datetime) -> timedelta:
    offset = at.astimezone(zone).utcoffset()
    return offset if offset is not None else timedelta(0)


def _walls(text: str, after: datetime) -> Iterator[datetime]:
    """Times on the wall that match, later than a naive one; one clock without changes."""
    for wall in CronSim(text, after):
        if wall.year > _LAST_YEAR:
            return
        yield wall


def read_cron(expression: str, timezone: str) -> Cron | list[Problem]:
    """The checked expression, or everything that is wrong with it and the zone."""
    text = " ".join(expression.split())
    text = NICKNAMES.get(text.lower(), text)
    problems = [*_wrong_with_expression(expression, text), *wrong_with_zone(timezone)]
    if problems:
        return problems
    cron = Cron(text, timezone)
    if not cron.next(0):
        return [_cron_problem(f'"{text}" never comes.', "use a day that some month has")]
    return cron


def _wrong_with_expression(given: str, text: str) -> list[Problem]:
    if len(given) > CRON_CHARS_MAX:
        return [
            _cron_problem(
                f"The cron expression has {len(given)} characters.",
                f"use at most {CRON_CHARS_MAX}, or several schedules",
            )
        ]
    if text.startswith("@"):
        hint = Names(NICKNAMES).hint(text.lower()) or "one of " + ", ".join(sorted(NICKNAMES))
        return [_cron_problem(f'There is no cron name "{text}".', hint)]
    fields = text.split()
    if len(fields) not in (_FIVE, _SIX):
        return [
            _cron_problem(
                f'"{text}" has {len(fields)} fields.',
                "give minute, hour, day of the month, month and day of the week, such as "
                '"0 9 * * 1-5"; a sixth field in front is seconds',
            )
        ]
    rules = _RULES if len(fields) == _SIX else _RULES[1:]
    found = [
        _cron_problem(f'"{value}" is not {name}.', f"write {range_}, `*`, lists, ranges, steps")
        for (field, name, range_), value in zip(rules, fields, strict=True)
        if not _is_field(field, value)
    ]
    return found or _never(text)


def _is_field(field: Field, value: str) -> bool:
    try:
        field.parse(value.upper())
    except (CronSimError, AssertionError, ValueError, IndexError):
        return False
    return True


def _never(text: str) -> list[Problem]:
    try:
        CronSim(text, datetime(2024, 1, 1, tzinfo=UTC))
    except (CronSimError, ValueError):
        return [_cron_problem(f'"{text}" never comes.', "use a day that some month has")]
    return []


def wrong_with_zone(timezone: str) -> list[Problem]:
    """What is wrong with the name of a time zone."""
    if timezone in _zone_names():
        return []
    hint = Names(_zone_names()).hint(timezone[:60])
    fix = hint or "give an IANA name such as Europe/Madrid, or UTC"
    return [Problem("BAD_TIMEZONE", f'There is no time zone "{timezone[:60]}".', fix)]


@lru_cache(maxsize=1)
def _zone_names() -> frozenset[str]:
    return frozenset(available_timezones()) - {"localtime", "posixrules"}


def _cron_problem(message: str, fix: str) -> Problem:
    return Problem("BAD_CRON", message, fix)
