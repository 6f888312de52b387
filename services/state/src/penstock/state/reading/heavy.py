"""Reads that are much work, a few at a time.

Theory. Nobody knows how large a history is before it is read, so every read begins at once, and one
that turns out to be heavy waits for its turn before it goes on: until then it holds little. So what
is small is never behind what is large, and a crowd that asks for large executions takes the memory
of a few of them. Within its turn a read lets others run after every step.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from penstock.common.pacing import Pace, weight_of

HEAVY_WEIGHT = 2_000
"""From this many events on (or 8 MiB, or some of both) a read is heavy."""
AT_ONCE_MAX = 2
"""Heavy reads that go on at the same time: one may wait for the database while the other folds."""


class HeavyReads:
    """The turns of heavy reads. `running` is how many have theirs, `most` the most there ever
    were."""

    def __init__(self) -> None:
        self._turns = asyncio.Semaphore(AT_ONCE_MAX)
        self.running = 0
        self.most = 0

    @asynccontextmanager
    async def reading(self) -> AsyncIterator["Reading"]:
        """One read, which ends with the block."""
        reading = Reading(self)
        try:
            yield reading
        finally:
            if reading.is_heavy:
                self.running -= 1
                self._turns.release()

    async def wait_turn(self) -> None:
        """Return when the asking read may go on."""
        await self._turns.acquire()
        self.running += 1
        self.most = max(self.most, self.running)


class Reading:
    """One read: how much it did, and whether it has had to wait for its turn."""

    def __init__(self, heavy: HeavyReads) -> None:
        self._heavy = heavy
        self._pace = Pace()
        self._weight = 0
        self.is_heavy = False

    async def did(self, events: int, size: int = 0) -> None:
        """It went through so many events of so many bytes."""
        weight = weight_of(events, size)
        self._weight += weight
        if not self.is_heavy and self._weight >= HEAVY_WEIGHT:
            await self._heavy.wait_turn()
            self.is_heavy = True
        await self._pace.did(weight)
