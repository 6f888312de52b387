"""Durations as files write them: `500ms`, `30s`, `5m`, `1h`, `2d`, or a number of seconds."""

import math
import re

DURATION_S_MAX = 366 * 86_400.0
"""Longest duration a file may state: a year."""

_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_PART = re.compile(r"(\d{1,12}(?:\.\d{1,9})?)(ms|s|m|h|d)")
_WHOLE = re.compile(rf"(?:{_PART.pattern})+")

HELP = (
    'write a duration such as "500ms", "30s", "5m", "1h30m", "2d", or a number of seconds; '
    "at most 366d"
)


def parse_duration_s(value: object) -> float | None:
    """Seconds, or None if `value` is not a duration between 0 and a year."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        seconds = float(value)
    elif isinstance(value, str) and _WHOLE.fullmatch(value.strip()):
        seconds = sum(
            float(match[1]) * _UNITS_S[match[2]] for match in _PART.finditer(value.strip())
        )
    else:
        return None
    if not math.isfinite(seconds) or not 0 <= seconds <= DURATION_S_MAX:
        return None
    return seconds
