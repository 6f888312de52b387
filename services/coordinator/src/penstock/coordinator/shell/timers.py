"""When executions want to be woken: one time for each of them.

A timer never fires early (I9): it surfaces by the wall clock as it is now, and the core compares
once more. Late by a clock set back is possible, early is not.
"""

import asyncio
from collections.abc import Callable

from penstock.common.clock import Clock
from penstock.coordinator.wakeups import Wakeups

_STEP_S = 1.0
"""Longest sleep while a timer is set: the wall clock may have jumped meanwhile."""


class Timers:
    """The next wake-up of each execution, by id."""

    def __init__(self) -> None:
        self._wakeups: Wakeups[str] = Wakeups()
        self._earlier = asyncio.Event()

    def __len__(self) -> int:
        return len(self._wakeups)

    def is_set(self, key: str) -> bool:
        """True if a wake-up is set for `key`."""
        return key in self._wakeups

    def set(self, key: str, at_us: int) -> None:
        """Wake `key` at `at_us` instead of what was set before; 0 for never. O(log n)."""
        if self._wakeups.set(key, at_us):
            self._earlier.set()

    def next_us(self) -> int:
        """The earliest wake-up, 0 if there is none."""
        return self._wakeups.next_us()

    def take_due(self, now_us: int) -> list[str]:
        """Remove and return all keys whose time has come, earliest first."""
        return self._wakeups.take_due(now_us)

    async def wait(self, clock: Clock) -> None:
        """Return when a timer may be due. Without timers it sleeps until one is set; with one it
        sleeps on the monotonic clock in steps, so that a wall clock that jumps is noticed."""
        while True:
            self._earlier.clear()
            at_us = self.next_us()
            if not at_us:
                await self._earlier.wait()
                continue
            left_s = (at_us - clock.now_us()) / 1e6
            if left_s <= 0:
                return
            try:
                async with asyncio.timeout(min(left_s, _STEP_S)):
                    await self._earlier.wait()
            except TimeoutError:
                continue


async def run_timers(timers: Timers, clock: Clock, on_due: Callable[[list[str]], None]) -> None:
    """Hand over due keys for ever."""
    while True:
        await timers.wait(clock)
        due = timers.take_due(clock.now_us())
        if due:
            on_due(due)
