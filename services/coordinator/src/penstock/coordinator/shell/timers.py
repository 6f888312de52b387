"""When executions want to be woken: one heap over all of them.

The heap holds at most a few stale entries per execution: an execution whose wake-up moved leaves
its old entry behind, which is recognised when it surfaces, and the heap is rebuilt when the stale
ones outnumber the rest. A timer never fires early (I9): it surfaces by the wall clock as it is
now, and the core compares once more. Late by a clock set back is possible, early is not.
"""

import asyncio
import heapq
from collections.abc import Callable

from penstock.common.clock import Clock

_STEP_S = 1.0
"""Longest sleep while a timer is set: the wall clock may have jumped meanwhile."""
_STALE_MIN = 1024


class Timers:
    """The next wake-up of each execution, by id."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, str]] = []
        self._due: dict[str, int] = {}
        self._earlier = asyncio.Event()

    def __len__(self) -> int:
        return len(self._due)

    def is_set(self, key: str) -> bool:
        """True if a wake-up is set for `key`."""
        return key in self._due

    def set(self, key: str, at_us: int) -> None:
        """Wake `key` at `at_us` instead of what was set before; 0 for never. O(log n)."""
        if at_us == 0:
            if self._due.pop(key, None) is not None:
                self._drop_stale()
            return
        if self._due.get(key) == at_us:
            return
        self._due[key] = at_us
        if not self._heap or at_us < self._heap[0][0]:
            self._earlier.set()
        heapq.heappush(self._heap, (at_us, key))
        self._drop_stale()

    def _drop_stale(self) -> None:
        if len(self._heap) > _STALE_MIN + 2 * len(self._due):
            self._heap = [(at, k) for k, at in self._due.items()]
            heapq.heapify(self._heap)

    def next_us(self) -> int:
        """The earliest wake-up, 0 if there is none."""
        heap, due = self._heap, self._due
        while heap and due.get(heap[0][1]) != heap[0][0]:
            heapq.heappop(heap)
        return heap[0][0] if heap else 0

    def take_due(self, now_us: int) -> list[str]:
        """Remove and return all keys whose time has come, earliest first."""
        found = []
        while (at_us := self.next_us()) and at_us <= now_us:
            key = heapq.heappop(self._heap)[1]
            del self._due[key]
            found.append(key)
        return found

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
