"""Notices that have not arrived, in a line for each target.

Those of one line go one after the other, so that a cancel never overtakes the start it is meant
for. Only ends go together: a node hears of its sub-workflows in any order, and if each of them
waited for the commit of the one before, the end of a wide for-each would take for ever.
"""

import asyncio
import heapq
from collections import deque
from collections.abc import Sequence

from penstock.common.clock import Clock
from penstock.coordinator.shell.dues import Owed
from penstock.coordinator.shell.live import Phase
from penstock.coordinator.shell.notices.notice_codec import go_together

HELD_MAX = 20_000
"""Notices in memory, of all shards: about 1 KiB each without their values."""
_TOGETHER_BYTES = 1024 * 1024
"""Ends that go together have no more: they become one row of the journal."""
_BACKOFF_FIRST_S = 0.05
_BACKOFF_MAX_S = 5.0

Portion = list[Owed]
"""The front of a line, delivered together; never empty."""


class Lines:
    """What is owed, by target. `news` is set when a line may have become ready, `room` when there
    is room for more."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lines: dict[str, deque[Owed]] = {}
        self._ready: deque[str] = deque()
        self._pausing: list[tuple[float, str]] = []
        self._held = 0
        self.room = asyncio.Event()
        self.news = asyncio.Event()

    def __len__(self) -> int:
        return self._held

    @property
    def is_roomy(self) -> bool:
        """True if there is room for many more."""
        return self._held < HELD_MAX // 2

    def oldest_s(self) -> float:
        """How long the notice that came first has been waiting to arrive; from any thread."""
        now = self._clock.monotonic()
        firsts = [one for line in list(self._lines.values()) for one in list(line)[:1]]
        return max((now - one.since_s for one in firsts), default=0.0)

    def add(self, owed: Owed) -> None:
        """Put one at the end of its target's line."""
        owed.since_s = self._clock.monotonic()
        self._held += 1
        target = owed.notice.target_id
        if (line := self._lines.get(target)) is not None:
            line.append(owed)
            return
        self._lines[target] = deque((owed,))
        self._make_ready(target)

    def _make_ready(self, target: str) -> None:
        self._ready.append(target)
        self.news.set()

    async def wait(self) -> None:
        """Until something may be delivered."""
        if not self._ready:
            self.news.clear()
            now = self._clock.monotonic()
            left_s = max(0.0, self._pausing[0][0] - now) if self._pausing else None
            try:
                async with asyncio.timeout(left_s):
                    await self.news.wait()
            except TimeoutError:
                pass
        while self._pausing and self._pausing[0][0] <= self._clock.monotonic():
            self._ready.append(heapq.heappop(self._pausing)[1])

    def next_portions(self, count: int) -> list[Portion]:
        """What may be delivered now, of about `count` notices; each is to be concluded."""
        found: list[Portion] = []
        while self._ready and count > 0:
            target = self._ready.popleft()
            line = self._lines[target]
            while line and line[0].shard.phase is not Phase.OWNED:
                self._drop_first(line)  # its shard went away: its new owner delivers it
            if line:
                found.append(_front(line, count))
                count -= len(found[-1])
            else:
                del self._lines[target]
        return found

    def conclude(self, portion: Portion, left: Sequence[Owed]) -> None:
        """All of a portion but these has arrived; they are tried again after a pause, before
        whatever came behind them."""
        target = portion[0].notice.target_id
        line = self._lines[target]
        for _ in portion:
            self._drop_first(line)
        line.extendleft(reversed(left))
        self._held += len(left)
        for owed in left:
            owed.tries += 1
        if left:
            self._pause(target, left[0].tries)
        elif line:
            self._make_ready(target)
        else:
            del self._lines[target]

    def _drop_first(self, line: deque[Owed]) -> None:
        line.popleft()
        self._held -= 1
        if self.is_roomy:
            self.room.set()

    def _pause(self, target: str, tries: int) -> None:
        pause_s = min(_BACKOFF_MAX_S, _BACKOFF_FIRST_S * 2 ** min(tries - 1, 10))
        heapq.heappush(self._pausing, (self._clock.monotonic() + pause_s, target))
        self.news.set()


def _front(line: deque[Owed], count: int) -> Portion:
    """The first of a line, and as many behind it as go together with it."""
    first = line[0]
    portion = [first]
    if len(line) == 1:
        return portion
    size = first.notice.ByteSize()
    for owed in line:
        if owed is first:
            continue
        size += owed.notice.ByteSize()
        fits = len(portion) < count and size <= _TOGETHER_BYTES
        if not fits or not go_together(first.notice, owed.notice):
            break
        if owed.shard.phase is not Phase.OWNED:
            break
        portion.append(owed)
    return portion
