import pytest

from penstock.cli.texts import duration_text, seconds_between


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, ""),
        (0.0034, "3 ms"),
        (1.25, "1.2 s"),
        (0.9997, "1.0 s"),
        (59.97, "1 m 00 s"),
        (65.0, "1 m 05 s"),
        (3723.0, "1 h 02 m"),
        (99 * 3600.0, "99 h 00 m"),
        (30 * 86_400.0 + 3 * 3600, "30 d 03 h"),
    ],
)
def test_durations_read_naturally(seconds: float | None, text: str):
    assert duration_text(seconds) == text


def test_a_clock_that_runs_backwards_gives_no_negative_duration():
    assert seconds_between("2026-01-01T00:00:01Z", "2026-01-01T00:00:00Z") == 0.0
