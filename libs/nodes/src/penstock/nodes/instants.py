"""Durations and instants as flows write them, turned into microseconds."""

from datetime import UTC, datetime, timedelta
from typing import Any

from penstock.nodes.api import NodeFailure
from penstock.workflow.durations import HELP, parse_duration_s
from penstock.workflow.execution.values import LAST_INSTANT_US

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def duration_us(value: Any, name: str) -> int:
    """Microseconds of `90s`, `1h30m`, `250ms`, or a number of seconds; a year at most."""
    seconds = parse_duration_s(value)
    if seconds is None:
        raise NodeFailure("user", "BAD_DURATION", f"{name} is {value!r}; {HELP}")
    return round(seconds * 1_000_000)


def _refuse(name: str, value: Any, wanted: str) -> NodeFailure:
    return NodeFailure("user", "BAD_INSTANT", f"{name} must be {wanted}, got {value!r}")


def instant_us(value: Any, name: str) -> int:
    """Microseconds since the epoch of an ISO 8601 instant with its zone, or of epoch milliseconds.

    Whole microseconds throughout: an instant is never rounded down, so that no timer is early.
    """
    wanted = "an ISO 8601 instant with a zone, such as 2030-01-31T09:00:00Z"
    if isinstance(value, int | float) and not isinstance(value, bool):
        if not 0 <= value * 1000 <= LAST_INSTANT_US:
            raise _refuse(name, value, "milliseconds since 1970 before the year 10000")
        return round(value * 1000)
    if not isinstance(value, str):
        raise _refuse(name, value, wanted)
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise _refuse(name, value, wanted) from None
    if moment.tzinfo is None:
        raise _refuse(name, value, wanted)
    return max(0, min((moment - _EPOCH) // _MICROSECOND, LAST_INSTANT_US))
