"""How long simulated tasks take: shapes with the same mean, from harmless to heavy-tailed."""

import math
from collections.abc import Callable
from random import Random

Draw = Callable[[Random], float]
"""Seconds of one task."""

_PARETO_SHAPE = 1.5
_PARETO_TAIL = 100.0
_LOG_SPREAD = 1.5


def constant(mean_s: float) -> Draw:
    """Every task takes the same."""
    return lambda random: mean_s


def exponential(mean_s: float) -> Draw:
    """Many short ones, few that take some times the mean."""
    return lambda random: random.expovariate(1.0 / mean_s)


def log_normal(mean_s: float) -> Draw:
    """Skewed: half of the tasks take less than a third of the mean."""
    middle = math.log(mean_s) - _LOG_SPREAD**2 / 2
    return lambda random: random.lognormvariate(middle, _LOG_SPREAD)


def heavy_tailed(mean_s: float) -> Draw:
    """Pareto with an infinite variance, cut at 100 times the mean: a few tasks in a thousand hold
    most of the work."""
    least_s = mean_s * (_PARETO_SHAPE - 1) / _PARETO_SHAPE
    return lambda random: min(_PARETO_TAIL * mean_s, least_s * random.paretovariate(_PARETO_SHAPE))


SHAPES: dict[str, Callable[[float], Draw]] = {
    "constant": constant,
    "exponential": exponential,
    "log-normal": log_normal,
    "heavy-tailed": heavy_tailed,
}
