"""Small texts: instants, durations, sizes."""

from datetime import datetime

_MINUTE_S = 60.0
_HOUR_S = 3600.0
_LONG_S = 100 * 3600
"""From here on days are told."""


def node_text(node: str, item: int | None) -> str:
    """A node, or an item of its fan-out, such as `each[0]`: what `--item` takes."""
    return node if item is None else f"{node}[{item}]"


def parse_instant(text: str | None) -> datetime | None:
    """An RFC 3339 instant of the interface; None stays None."""
    return datetime.fromisoformat(text) if text else None


def seconds_between(start: str | None, end: str | None) -> float | None:
    """Seconds from one instant to another; None if one is missing."""
    first, last = parse_instant(start), parse_instant(end)
    if first is None or last is None:
        return None
    return max(0.0, (last - first).total_seconds())


def duration_text(seconds: float | None) -> str:
    """Such as `3 ms`, `1.2 s`, `2 m 05 s`, `1 h 02 m`, `30 d 00 h`; empty for None."""
    if seconds is None:
        return ""
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < _MINUTE_S - 0.05:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < _HOUR_S:
        return f"{whole // 60} m {whole % 60:02} s"
    if whole < _LONG_S:
        return f"{whole // 3600} h {whole % 3600 // 60:02} m"
    return f"{whole // 86_400} d {whole % 86_400 // 3600:02} h"


def clock_text(instant: str | None, *, ms: bool = False) -> str:
    """Local date and time of an instant, down to seconds or milliseconds; empty for None."""
    when = parse_instant(instant)
    if when is None:
        return ""
    local = when.astimezone()
    thousandths = f".{local.microsecond // 1000:03}" if ms else ""
    return local.strftime("%Y-%m-%d %H:%M:%S") + thousandths
