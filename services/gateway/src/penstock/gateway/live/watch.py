"""One watcher of an execution, from its first message to its last.

A watch begins with a snapshot (or, resuming, with the events after the number the client has seen,
from the journal if need be) and goes on with events, each exactly once and in order, until the
execution's last event. A watcher that falls behind the window (see `topic`) is given a snapshot
instead of what it missed.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Protocol

import msgspec

from penstock.common.errors import Unavailable
from penstock.gateway.live.broadcast import Broadcast, Outlet
from penstock.gateway.live.line import Line
from penstock.gateway.live.topic import Message, Topic
from penstock.gateway.metrics import Metrics
from penstock.gateway.shapes.executions import EventMessage
from penstock.gateway.views.events import is_last

SEND_S_MAX = 30.0
"""A client that takes nothing for this long is gone."""


class Source(Protocol):
    """What a watch needs of the hub, for one execution."""

    topic: Topic
    broadcast: Broadcast

    @property
    def closing(self) -> bool:
        """True if the gateway is going away."""
        ...

    async def fresh_snapshot(self) -> Message:
        """A picture of the execution that is not much older than the topic's head."""
        ...

    async def page(self, after: int) -> Sequence[EventMessage]:
        """Events after `after` from the journal, as many as come at once."""
        ...


class Watch:
    """One watcher's place in an execution's events."""

    def __init__(
        self, source: Source, metrics: Metrics, heartbeat_s: float, after: int | None
    ) -> None:
        self._source = source
        self._metrics = metrics
        self._heartbeat_s = heartbeat_s
        self._after = after
        self._seq = after or 0

    @property
    def over(self) -> bool:
        """True if there is nothing left to tell."""
        topic = self._source.topic
        return self._after is not None and topic.ended and self._seq >= topic.head

    @property
    def interrupted(self) -> bool:
        """True if the gateway is going away."""
        return self._source.closing

    async def write_to(self, line: Line, beat: Callable[[int], bytes]) -> None:
        """Write everything to `line` as it comes, until after the last event or `Hub.close`.

        After a time of silence `beat` of the last event's number is written. Once this returns a
        client that was told everything has taken nearly all of it. Raises `TimeoutError` if the
        client takes nothing for too long, and `Unavailable`.
        """
        if self._after is None:
            await self._write_snapshot(line)
        if self._after is None or not await self._catch_up(line):
            outlet = Outlet(line, self._seq)
            with self._source.broadcast.attached(outlet):
                await self._attend(outlet, beat)
        if not self._source.closing:
            await _taken(line)

    async def _attend(self, outlet: Outlet, beat: Callable[[int], bytes]) -> None:
        """Do what the broadcast does not: snapshots, heartbeats, the end."""
        topic, line, clock = self._source.topic, outlet.line, asyncio.get_running_loop().time
        while not self._source.closing:
            if outlet.behind:
                self._metrics.lagging.inc()
                outlet.seq = await self._write_snapshot(line)
                outlet.behind = False
                self._source.broadcast.catch_up(outlet)
                continue
            if topic.ended and outlet.seq >= topic.head:
                return
            if (silent_since := line.silent_since()) is not None:
                until = silent_since + SEND_S_MAX
                if clock() >= until:
                    raise TimeoutError
            elif clock() >= (until := outlet.wrote_at + self._heartbeat_s):
                line.write(beat(outlet.seq))
                outlet.wrote_at = clock()
                continue
            outlet.attention.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout_at(until):
                    await outlet.attention.wait()

    async def _write_snapshot(self, line: Line) -> int:
        await _taken(line)
        message = await self._source.fresh_snapshot()
        line.write(line.encode([message]))
        self._metrics.messages.inc()
        self._seq = message.seq
        return message.seq

    async def _catch_up(self, line: Line) -> bool:
        """Write events from the journal until the window holds the next one; True if the last event
        was among them."""
        topic = self._source.topic
        while self._seq + 1 < topic.oldest and not self._source.closing:
            page = await self._source.page(self._seq)
            if not page:
                raise Unavailable("The journal's events cannot be read.", fix="Connect again.")
            messages = [Message(item.seq, msgspec.json.encode(item)) for item in page]
            await _taken(line)
            line.write(line.encode(messages))
            self._seq = page[-1].seq
            self._metrics.messages.inc(len(page))
            if is_last(page[-1]):
                return True
        return False


async def _taken(line: Line) -> None:
    """Wait until the client has taken what was written, as long as it takes anything."""
    clock = asyncio.get_running_loop().time
    while (silent_since := line.silent_since()) is not None:
        until = silent_since + SEND_S_MAX
        if clock() >= until:
            raise TimeoutError
        with suppress(TimeoutError):
            async with asyncio.timeout_at(until):
                await line.wait_taking()
