"""Time as a parameter: what decides anything gets a `Clock` or a number, never the system's clock
itself."""

import time
from typing import Protocol


class Clock(Protocol):
    """Wall clock for instants that are written down, monotonic clock for waiting."""

    def now_us(self) -> int:
        """Microseconds since the Unix epoch."""
        ...

    def monotonic(self) -> float:
        """Seconds that only ever grow."""
        ...


class SystemClock:
    """The machine's own clocks."""

    monotonic = staticmethod(time.monotonic)

    def now_us(self) -> int:
        """Microseconds since the Unix epoch."""
        return time.time_ns() // 1000  # noqa: TID251 - this is the clock
