"""Cron expressions: what is refused, and which instants they name when clocks are changed."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from penstock.workflow.schedules.cron import SLOTS_AHEAD_MAX, Cron, read_cron


def us(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp()) * 1_000_000


def on_the_wall(cron: Cron, after: str, count: int) -> list[str]:
    zone = ZoneInfo(cron.timezone)
    slots = cron.ahead(us(after), count)
    return [
        datetime.fromtimestamp(slot // 1_000_000, UTC).astimezone(zone).isoformat()
        for slot in slots
    ]


def cron_of(expression: str, timezone: str = "UTC") -> Cron:
    read = read_cron(expression, timezone)
    assert isinstance(read, Cron), read
    return read


@pytest.mark.parametrize(
    ("expression", "codes"),
    [
        ("", ["BAD_CRON"]),
        ("* * * *", ["BAD_CRON"]),
        ("* * * * * * *", ["BAD_CRON"]),
        ("60 * * * *", ["BAD_CRON"]),
        ("60 24 32 13 9", ["BAD_CRON"] * 5),
        ("5-1 * * * *", ["BAD_CRON"]),
        ("*/0 * * * *", ["BAD_CRON"]),
        ("* * * * MON#6", ["BAD_CRON"]),
        ("* * * * BAL", ["BAD_CRON"]),
        ("0 0 30 2 *", ["BAD_CRON"]),
        ("0 0 31 4,6 *", ["BAD_CRON"]),
        ("@fortnightly", ["BAD_CRON"]),
        ("@reboot", ["BAD_CRON"]),
        ("1" * 5_000 + " * * * *", ["BAD_CRON"]),
        ("٣ * * * *", ["BAD_CRON"]),
        (",,,, * * * *", ["BAD_CRON"]),
        ("1/L * * * 2#", ["BAD_CRON", "BAD_CRON"]),
    ],
)
def test_what_makes_no_sense_is_refused_with_every_fault(expression, codes):
    found = read_cron(expression, "UTC")
    assert not isinstance(found, Cron)
    assert [problem.code for problem in found] == codes
    assert all(problem.message and problem.fix for problem in found)


@pytest.mark.parametrize(
    "zone", ["", "Mars/Base", "../../etc/passwd", "EUROPE/madrid", "localtime"]
)
def test_unknown_zones_are_refused(zone):
    (problem,) = read_cron("* * * * *", zone)
    assert problem.code == "BAD_TIMEZONE"


def test_a_misspelt_zone_and_a_misspelt_name_get_a_suggestion():
    assert 'did you mean "Europe/Madrid"?' in read_cron("@daily", "Europe/Madrdi")[0].fix
    assert 'did you mean "@hourly"?' in read_cron("@hourl", "UTC")[0].fix


@pytest.mark.parametrize(
    ("name", "text"),
    [("@hourly", "0 * * * *"), ("@DAILY", "0 0 * * *"), ("  5   4 * * sun ", "5 4 * * sun")],
)
def test_names_and_spaces_come_to_one_form(name, text):
    assert cron_of(name).text == text


def test_seconds_are_a_sixth_field_in_front():
    assert on_the_wall(cron_of("*/20 * * * * *"), "2026-01-01T00:00:00Z", 4) == [
        "2026-01-01T00:00:20+00:00",
        "2026-01-01T00:00:40+00:00",
        "2026-01-01T00:01:00+00:00",
        "2026-01-01T00:01:20+00:00",
    ]


DAYLIGHT_SAVING = [
    # Madrid skips 02:00-03:00 on 29 March 2026 and repeats it on 25 October.
    ("30 2 * * *", "Europe/Madrid", "2026-03-28T23:00:00Z", ["29T03:00+02", "30T02:30+02"]),
    ("0,30 2 * * *", "Europe/Madrid", "2026-03-28T23:00:00Z", ["29T03:00+02", "30T02:00+02"]),
    ("0 2,3 * * *", "Europe/Madrid", "2026-03-28T23:00:00Z", ["29T03:00+02", "30T02:00+02"]),
    ("*/30 * * * *", "Europe/Madrid", "2026-03-29T00:00:00Z", ["29T01:30+01", "29T03:00+02"]),
    ("0 */2 * * *", "Europe/Madrid", "2026-03-28T23:30:00Z", ["29T04:00+02", "29T06:00+02"]),
    ("0 * * * *", "Europe/Madrid", "2026-03-29T00:30:00Z", ["29T03:00+02", "29T04:00+02"]),
    ("15 30 2 * * *", "Europe/Madrid", "2026-03-28T23:00:00Z", ["29T03:00+02", "30T02:30+02"]),
    ("30 2 * * *", "Europe/Madrid", "2026-10-24T23:00:00Z", ["25T02:30+02", "26T02:30+01"]),
    ("*/30 2 * * *", "Europe/Madrid", "2026-10-24T23:00:00Z",
     ["25T02:00+02", "25T02:30+02", "25T02:00+01", "25T02:30+01", "26T02:00+01"]),
    ("0 * * * *", "Europe/Madrid", "2026-10-24T23:30:00Z",
     ["25T02:00+02", "25T02:00+01", "25T03:00+01"]),
    ("30 2 * * *", "Europe/Madrid", "2026-10-25T00:30:00Z", ["26T02:30+01"]),
    # New York, the same an ocean away.
    ("30 2 8 3 *", "America/New_York", "2026-03-01T00:00:00Z", ["08T03:00-04"]),
    ("30 1 1 11 *", "America/New_York", "2026-10-31T00:00:00Z", ["01T01:30-04"]),
    # Lord Howe moves by half an hour: 02:00-02:30 is skipped, 01:30-02:00 repeated.
    ("15 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00:00Z", ["04T02:30+11", "05T02:15+11"]),
    ("0 */2 * * *", "Australia/Lord_Howe", "2026-04-04T13:30:00Z",
     ["05T02:00+10:30", "05T04:00+10:30"]),
    ("*/15 * * * *", "Australia/Lord_Howe", "2026-04-04T14:30:00Z",
     ["05T01:45+11", "05T01:30+10:30", "05T01:45+10:30", "05T02:00+10:30"]),
    # Havana skips and repeats midnight.
    ("0 0 * * *", "America/Havana", "2026-03-07T12:00:00Z", ["08T01:00-04", "09T00:00-04"]),
    ("0 0 * * *", "America/Havana", "2026-10-31T12:00:00Z", ["01T00:00-04", "02T00:00-05"]),
    ("*/30 0 * * *", "America/Havana", "2026-03-07T12:00:00Z", ["09T00:00-04", "09T00:30-04"]),
    # Apia left out the whole 30 December 2011.
    ("0 9 * * *", "Pacific/Apia", "2011-12-29T00:00:00Z",
     ["29T09:00-10", "31T00:00+14", "31T09:00+14"]),
    ("0 */12 * * *", "Pacific/Apia", "2011-12-29T12:00:00Z", ["29T12:00-10", "31T00:00+14"]),
    # Kiritimati, Kathmandu: nothing is ever changed.
    ("0 6 * * *", "Asia/Kathmandu", "2026-03-28T00:00:00Z", ["28T06:00+05:45", "29T06:00+05:45"]),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "zone", "after", "expected"), DAYLIGHT_SAVING)
def test_clocks_that_are_changed_move_or_repeat_slots_as_told(expression, zone, after, expected):
    found = on_the_wall(cron_of(expression, zone), after, len(expected))
    assert [_short(text) for text in found] == expected[: len(found)]
    assert found


def _short(text: str) -> str:
    """`2026-03-29T03:00:15+02:00` as `29T03:00+02`."""
    offset = text[19:]
    return text[8:16] + (offset.removesuffix(":00"))


def test_slots_between_two_instants_leave_out_the_first_and_keep_the_last():
    cron = cron_of("*/5 * * * *")
    start, end = us("2026-01-01T00:00:00Z"), us("2026-01-01T00:15:00Z")
    assert len(list(cron.between(start, end))) == 3
    assert len(list(cron.between(start - 1, end - 1))) == 3
    assert cron.last(start, end) == end
    assert cron.last(start, end - 1) == us("2026-01-01T00:10:00Z")
    assert cron.last(start, start) == 0


def test_the_last_slot_is_found_however_rare_slots_are():
    now = us("2026-06-01T00:00:00Z")
    assert cron_of("0 0 29 2 *").last(0, now) == us("2024-02-29T00:00:00Z")
    assert cron_of("* * * * * *").last(0, now) == now
    assert cron_of("0 0 29 2 *").last(us("2024-03-01T00:00:00Z"), now) == 0


def test_no_question_gets_more_slots_than_are_possible():
    assert len(cron_of("* * * * * *").ahead(0, 10**9)) == SLOTS_AHEAD_MAX
