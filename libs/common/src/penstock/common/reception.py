"""Rows from the event bus for whoever follows executions: one subscription for each lane in use,
however many executions are followed in it. Where nobody follows anything, nothing is received.

An inbox holds what came and has not been taken. It says when the journal should be read instead:
after a loss of the connection, when rows had to be dropped, and after a while of silence, for
silence may be a lost message. Silence is ended for a few inboxes at a time, so that many quiet
executions do not ask for their journals all at once.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from penstock.api.journal.v1.journal_pb2 import Publication
from penstock.common.bus import Bus
from penstock.common.publication import event_subject

INBOX_ROWS_MAX = 1000
SILENCE_S = 15.0
"""How long silence is trusted while there is a connection."""

SILENCE_LOST_S = 2.0
"""The same while there is none."""

_TICK_S = 0.5
_ENDED_PER_TICK = 100
"""With the tick, at most 200 reads of the journal a second for the sake of silence."""


class Inbox:
    """Rows of one execution for one follower."""

    def __init__(self) -> None:
        self._bodies: deque[bytes] = deque()
        self._doubtful = False
        self._news = asyncio.Event()
        self.heard_at = 0.0

    def put(self, body: bytes) -> None:
        """Take a row; an empty one stands for a row that is too large for the bus."""
        if not body or len(self._bodies) >= INBOX_ROWS_MAX:
            self._bodies.clear()
            self.doubt()
            return
        self._bodies.append(body)
        self._news.set()

    def doubt(self) -> None:
        """Rows may have been missed."""
        self._doubtful = True
        self._news.set()

    async def next(self) -> bytes | None:
        """The next row as it comes; None if the journal is to be read first."""
        while True:
            if self._doubtful:
                self._doubtful = False
                return None
            if self._bodies:
                return self._bodies.popleft()
            self._news.clear()
            await self._news.wait()


class _Lane:
    """One subject, its subscription and the inboxes on it."""

    def __init__(self) -> None:
        self.inboxes: dict[str, list[Inbox]] = {}
        self.users = 0
        self.opening = asyncio.Lock()
        self.subscription: AsyncExitStack | None = None

    def take(self, message: bytes) -> None:
        """Hand the rows of a message to who waits for them."""
        publication = Publication.FromString(message)
        inboxes, ids = self.inboxes, publication.execution_ids
        if inboxes.keys().isdisjoint(ids):
            return
        bodies, now = publication.bodies, asyncio.get_running_loop().time()
        for at, execution_id in enumerate(ids):
            for inbox in inboxes.get(execution_id, ()):
                inbox.heard_at = now
                inbox.put(bodies[at])


class Reception:
    """All lanes that are listened to."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._lanes: dict[str, _Lane] = {}
        self._in_use = asyncio.Event()

    @asynccontextmanager
    async def inbox(self, tenant: str, execution_id: str) -> AsyncIterator[Inbox]:
        """Where the rows of an execution come in from now on."""
        subject = event_subject(tenant, execution_id)
        lane = self._lanes.setdefault(subject, _Lane())
        lane.users += 1
        try:
            await self._subscribe(lane, subject)
            inbox = Inbox()
            inbox.heard_at = asyncio.get_running_loop().time()
            lane.inboxes.setdefault(execution_id, []).append(inbox)
            self._in_use.set()
            try:
                yield inbox
            finally:
                lane.inboxes[execution_id].remove(inbox)
                if not lane.inboxes[execution_id]:
                    del lane.inboxes[execution_id]
        finally:
            lane.users -= 1
            if lane.users == 0:
                del self._lanes[subject]
                if lane.subscription is not None:
                    await lane.subscription.aclose()

    async def _subscribe(self, lane: _Lane, subject: str) -> None:
        async with lane.opening:
            if lane.subscription is None:
                stack = AsyncExitStack()
                await stack.enter_async_context(self._bus.subscribed(subject, lane.take))
                lane.subscription = stack

    def doubt_all(self) -> None:
        """Let every follower read the journal."""
        for lane in self._lanes.values():
            for inboxes in lane.inboxes.values():
                for inbox in inboxes:
                    inbox.doubt()

    async def end_silence(self) -> None:
        """Doubt inboxes that have been silent for too long, for ever."""
        clock = asyncio.get_running_loop().time
        while True:
            if not self._lanes:
                self._in_use.clear()
            await self._in_use.wait()
            await asyncio.sleep(_TICK_S)
            now = clock()
            since = now - (SILENCE_S if self._bus.connected else SILENCE_LOST_S)
            for inbox in self._silent(since):
                inbox.heard_at = now
                inbox.doubt()

    def _silent(self, since: float) -> list[Inbox]:
        """Some of the inboxes that have heard nothing since."""
        found = [
            inbox
            for lane in self._lanes.values()
            for inboxes in lane.inboxes.values()
            for inbox in inboxes
            if inbox.heard_at < since
        ]
        return found[:_ENDED_PER_TICK]


@asynccontextmanager
async def open_reception(bus: Bus) -> AsyncIterator[Reception]:
    """A reception over a bus, until the block ends."""
    reception = Reception(bus)
    async with asyncio.TaskGroup() as tasks:
        ending = tasks.create_task(reception.end_silence())
        try:
            with bus.observed(reception.doubt_all):
                yield reception
        finally:
            ending.cancel()
