"""A run is compared with a recorded one by ratio to the calibration."""

import pytest

from bench.compare import Kind, Rounds, Speed, Verdict, compare, compare_all, kind_of, told

SPEED = Speed(loops_per_s=100.0, cpu_ms_per_loop=20.0)
HALF_SPEED = Speed(loops_per_s=50.0, cpu_ms_per_loop=40.0)


def rounds(*values: float, speed: Speed = SPEED) -> Rounds:
    return Rounds(values, speed)


def verdict(kind: Kind, then: Rounds, now: Rounds) -> Verdict:
    return compare("figure", kind, then, now).verdict


def test_a_rate_that_fell_is_slower():
    found = compare("figure", Kind.RATE, rounds(100, 101, 102), rounds(80, 80, 80))
    assert found.verdict is Verdict.SLOWER
    assert found.change == pytest.approx(80 / 101 - 1)


def test_a_time_that_fell_is_faster():
    assert verdict(Kind.TIME, rounds(10, 10, 10), rounds(5, 5, 5)) is Verdict.FASTER


def test_a_rate_that_fell_with_the_machine_is_the_same():
    now = rounds(50, 50, 50, speed=HALF_SPEED)
    assert verdict(Kind.RATE, rounds(100, 100, 100), now) is Verdict.SAME


def test_a_time_that_rose_with_the_machine_is_the_same():
    now = rounds(20, 20, 20, speed=HALF_SPEED)
    assert verdict(Kind.TIME, rounds(10, 10, 10), now) is Verdict.SAME


def test_cpu_time_follows_the_cpu_time_of_the_loop_not_the_wall_clock():
    crowded = Speed(loops_per_s=10.0, cpu_ms_per_loop=20.0)
    assert verdict(Kind.CPU, rounds(40, 40), rounds(40, 40, speed=crowded)) is Verdict.SAME
    assert verdict(Kind.CPU, rounds(40, 40), rounds(60, 60, speed=crowded)) is Verdict.SLOWER


def test_while_others_are_busy_only_cpu_times_are_judged():
    crowded = Speed(loops_per_s=50.0, cpu_ms_per_loop=20.0, is_quiet=False)
    slow = rounds(10, 10, speed=crowded)
    assert verdict(Kind.RATE, rounds(100, 100), slow) is Verdict.UNCLEAR
    assert verdict(Kind.TIME, slow, rounds(100, 100)) is Verdict.UNCLEAR
    assert verdict(Kind.CPU, rounds(5, 5), slow) is Verdict.SLOWER


def test_an_amount_does_not_follow_the_machine():
    now = rounds(360, 360, speed=HALF_SPEED)
    assert verdict(Kind.AMOUNT, rounds(360, 360), now) is Verdict.SAME
    assert verdict(Kind.AMOUNT, rounds(360, 360), rounds(720, 720)) is Verdict.SLOWER


def test_a_rate_that_kept_up_on_a_slower_machine_is_faster():
    now = rounds(100, 100, speed=HALF_SPEED)
    assert verdict(Kind.RATE, rounds(100, 100), now) is Verdict.FASTER


def test_what_the_recorded_rounds_scatter_by_is_no_news():
    assert verdict(Kind.RATE, rounds(80, 100, 110), rounds(75, 78, 80)) is Verdict.SAME
    assert verdict(Kind.RATE, rounds(99, 100, 101), rounds(75, 78, 80)) is Verdict.SLOWER


def test_small_differences_are_no_news_however_steady_the_rounds():
    assert verdict(Kind.RATE, rounds(100, 100, 100), rounds(96, 96, 96)) is Verdict.SAME


def test_half_and_double_are_equally_far():
    wide = rounds(50, 100, 145)
    assert verdict(Kind.RATE, wide, rounds(200, 200)) is Verdict.FASTER
    assert verdict(Kind.RATE, wide, rounds(50, 50)) is Verdict.SLOWER


def test_figures_that_only_one_run_has_are_left_out_and_the_worst_comes_first():
    then = {"a_per_s": rounds(10, 10), "b_per_s": rounds(10, 10), "gone_per_s": rounds(1, 1)}
    now = {"a_per_s": rounds(11, 11), "b_per_s": rounds(5, 5), "new_per_s": rounds(1, 1)}
    assert [each.name for each in compare_all(then, now)] == ["b_per_s", "a_per_s"]


def test_figures_with_a_zero_cannot_be_compared():
    assert compare_all({"a_per_s": rounds(0, 1)}, {"a_per_s": rounds(1, 1)}) == []


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("segment_nodes_per_s", Kind.RATE),
        ("start_exec_per_s", Kind.RATE),
        ("segment_nodes_per_s_cpu_us", Kind.CPU),
        ("segment_nodes_per_s_latency_ms_p50", Kind.TIME),
        ("idle_chain10_ms_p50", Kind.TIME),
        ("idle_cpu_percent", Kind.TIME),
        ("rss_mb", Kind.AMOUNT),
        ("rss_mb_worker", None),
        ("segment_nodes_per_s_commits_per_s", None),
        ("segment_open75_ms_p99", None),
        ("live_update_clients", None),
    ],
)
def test_a_name_says_how_its_figure_follows_the_machine(name: str, kind: Kind | None):
    assert kind_of(name) is kind


def test_a_change_is_told_with_its_size_and_what_noise_would_be():
    line = told(compare("figure", Kind.RATE, rounds(100, 100, 110), rounds(50, 50)))
    assert "slower by 50%" in line
    assert "noise up to 10%" in line
