"""Writes the news of an execution to all who watch it.

Theory. Watchers are served by one callback per execution, not by a task each: it makes the bytes
once for all who stand at the same event, and writes them to every client that keeps up. The first
news after a pause goes out at once; what follows gathers for a moment (a display shows no more than
60 pictures a second). A client that does not keep up is left alone until it takes more, then goes
on where it stands. Only what is out of the ordinary wakes a watcher's own task: it fell out of the
window, or there will be no more news.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from penstock.gateway.live.line import Encode, Line
from penstock.gateway.live.topic import Topic
from penstock.gateway.metrics import Metrics

_Burst = tuple[bytes, int, int]
"""Bytes to write, number of the last event in them, how many there are."""


class Outlet:
    """A watcher's connection and its place: the number of the last event that was written."""

    __slots__ = ("attention", "behind", "line", "seq", "wrote_at")

    def __init__(self, line: Line, seq: int) -> None:
        self.line = line
        self.seq = seq
        self.wrote_at = asyncio.get_running_loop().time()
        self.behind = False
        """True if the next event has left the window: a snapshot is due."""
        self.attention = asyncio.Event()
        """Set when the watcher's task has something to do."""


class Broadcast:
    """All outlets on one topic."""

    def __init__(self, topic: Topic, gather_s: float, metrics: Metrics) -> None:
        self._topic = topic
        self._gather_s = gather_s
        self._metrics = metrics
        self._loop = asyncio.get_running_loop()
        self._outlets: dict[Outlet, None] = {}
        self._due: asyncio.Handle | None = None
        self._flushed_at = 0.0

    @contextmanager
    def attached(self, outlet: Outlet) -> Iterator[None]:
        """Write news to an outlet within the block."""
        outlet.line.on_taking = lambda: self.catch_up(outlet)
        self._outlets[outlet] = None
        try:
            self.catch_up(outlet)
            yield
        finally:
            self._outlets.pop(outlet, None)
            outlet.line.on_taking = None

    def on_news(self) -> None:
        """The topic has got further."""
        if self._due is not None or not self._outlets:
            return
        early = self._flushed_at + self._gather_s - self._loop.time()
        if early > 0:
            self._due = self._loop.call_later(early, self._flush)
        else:
            self._due = self._loop.call_soon(self._flush)

    def stir(self) -> None:
        """Wake every watcher's task."""
        for outlet in self._outlets:
            outlet.attention.set()

    def catch_up(self, outlet: Outlet) -> None:
        """Write to an outlet what it has not got yet."""
        self._count(self._give(outlet, {}))

    def _flush(self) -> None:
        self._due = None
        self._flushed_at = self._loop.time()
        made: dict[tuple[Encode, int], _Burst | None] = {}
        self._count(sum([self._give(outlet, made) for outlet in self._outlets]))

    def _give(self, outlet: Outlet, made: dict[tuple[Encode, int], _Burst | None]) -> int:
        """Write what is new to an outlet as long as it takes more; tells how many events."""
        topic, line, given = self._topic, outlet.line, 0
        while line.taking and outlet.seq < topic.head and not outlet.behind:
            key = (line.encode, outlet.seq)
            if key not in made:
                made[key] = self._burst(*key)
            burst = made[key]
            if burst is None:
                outlet.behind = True
                break
            data, outlet.seq, count = burst
            line.write(data)
            given += count
        if given:
            outlet.wrote_at = self._loop.time()
        if outlet.behind or (topic.ended and outlet.seq >= topic.head):
            outlet.attention.set()
        return given

    def _burst(self, encode: Encode, seq: int) -> _Burst | None:
        """The next events after `seq`, encoded; None if they have left the window."""
        found = self._topic.burst(seq)
        return (encode(found), found[-1].seq, len(found)) if found else None

    def _count(self, given: int) -> None:
        if given:
            self._metrics.messages.inc(given)
