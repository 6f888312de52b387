"""Comparing a run with a recorded one. Pure.

Rates and times follow the speed of the machine, which the calibration tells: what counts is a
figure's ratio to it. A figure is slower or faster if its median moved by more than the recorded
rounds were spread, and by more than a floor below which nobody should look. While others are busy
on the machine only CPU times and amounts can be told.
"""

import statistics
from collections.abc import Mapping, Sequence
from enum import Enum

import msgspec

FLOOR = 0.05
"""Differences below this are never told apart."""


class Kind(Enum):
    """How a figure follows the machine: `RATE` grows with its speed, `TIME` and `CPU` (CPU
    microseconds) shrink, `AMOUNT` does not follow and should be small."""

    RATE = "rate"
    TIME = "time"
    CPU = "cpu"
    AMOUNT = "amount"


class Verdict(Enum):
    """What became of a figure."""

    UNCLEAR = "unclear"
    SAME = "same"
    SLOWER = "slower"
    FASTER = "faster"


class Speed(msgspec.Struct, frozen=True):
    """What a calibration tells: loops per second of the whole machine, CPU ms per loop, and
    whether the machine was the bench's own."""

    loops_per_s: float
    cpu_ms_per_loop: float
    is_quiet: bool = True


class Rounds(msgspec.Struct, frozen=True):
    """A figure's rounds and the speed of the machine then."""

    values: Sequence[float]
    speed: Speed


class Comparison(msgspec.Struct, frozen=True):
    """`change` is how much better (above 0) or worse the figure is, in shares of the recorded one;
    `threshold` is how much of it would have been taken for noise."""

    name: str
    verdict: Verdict
    change: float
    threshold: float
    then: float
    now: float


def kind_of(name: str) -> Kind | None:
    """How a figure follows the machine, by its name; None for one that says nothing about speed."""
    if name.endswith("_cpu_us"):
        return Kind.CPU
    if name.endswith(("_commits_per_s", "_run_to_the_end")) or "_open" in name:
        return None
    if name.endswith("_per_s"):
        return Kind.RATE
    if name == "idle_cpu_percent" or "_ms_" in name:
        return Kind.TIME
    return Kind.AMOUNT if name == "rss_mb" else None


def goodness(kind: Kind, rounds: Rounds) -> float:
    """The median as a number that is higher the better, and the same on a slower machine."""
    middle = statistics.median(rounds.values)
    match kind:
        case Kind.RATE:
            return middle / rounds.speed.loops_per_s
        case Kind.TIME:
            return 1 / (middle * rounds.speed.loops_per_s)
        case Kind.CPU:
            return rounds.speed.cpu_ms_per_loop / middle
        case Kind.AMOUNT:
            return 1 / middle


def spread(values: Sequence[float]) -> float:
    """Distance of the extremes as a share of the median."""
    middle = statistics.median(values)
    return (max(values) - min(values)) / middle if middle else 0.0


def compare(name: str, kind: Kind, then: Rounds, now: Rounds) -> Comparison:
    """One figure against the recorded one."""
    threshold = max(FLOOR, spread(then.values))
    change = goodness(kind, now) / goodness(kind, then) - 1
    # A share lost is measured the other way round, so that half and double are equally far.
    distance = change if change >= 0 else 1 / (1 + change) - 1
    by_the_clock = kind in (Kind.RATE, Kind.TIME)
    verdict = Verdict.SAME
    if by_the_clock and not (then.speed.is_quiet and now.speed.is_quiet):
        verdict = Verdict.UNCLEAR
    elif distance > threshold:
        verdict = Verdict.FASTER if change > 0 else Verdict.SLOWER
    return Comparison(
        name,
        verdict,
        change,
        threshold,
        statistics.median(then.values),
        statistics.median(now.values),
    )


def compare_all(then: Mapping[str, Rounds], now: Mapping[str, Rounds]) -> list[Comparison]:
    """Every figure that both have and that says something about speed, the worst first."""
    found = []
    for name in now.keys() & then.keys():
        kind = kind_of(name)
        values = (*then[name].values, *now[name].values)
        if kind and values and all(value > 0 for value in values):
            found.append(compare(name, kind, then[name], now[name]))
    return sorted(found, key=lambda each: each.change)


def told(comparison: Comparison) -> str:
    """One line for people."""
    share = abs(comparison.change)
    word = comparison.verdict.value
    if comparison.verdict in (Verdict.SLOWER, Verdict.FASTER):
        word = f"{word} by {share:.0%}"
    return (
        f"{comparison.name:44} {word:16} {comparison.then:12,.2f} -> {comparison.now:12,.2f}"
        f"   (moved {comparison.change:+.1%}, noise up to {comparison.threshold:.0%})"
    )
