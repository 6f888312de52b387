"""Live events: one feed per watched execution, any number of watchers on it."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager
from itertools import islice

import msgspec

from penstock.api.journal.v1.journal_pb2 import EventBatch
from penstock.api.workflow.v1 import workflow_service_pb2 as api
from penstock.common.errors import LimitExceeded, PenstockError, Unavailable
from penstock.common.logging import get_logger
from penstock.common.pacing import Pace
from penstock.gateway.live.broadcast import Broadcast
from penstock.gateway.live.topic import Message, Topic
from penstock.gateway.live.watch import Watch
from penstock.gateway.metrics import Metrics
from penstock.gateway.ports.executions import Reads
from penstock.gateway.shapes.executions import EventMessage, SnapshotMessage
from penstock.gateway.views import executions as views
from penstock.gateway.views.events import public_events
from penstock.gateway.views.pictures import shown

Follow = Callable[[str, str, int], AsyncGenerator[EventBatch, None]]
"""(execution id, account, after sequence) -> batches without gap, live, up to the execution's last
event.
"""

WATCHERS_MAX = 50_000
TOPICS_MAX = 10_000
HEARTBEAT_S = 15.0
GATHER_S = 0.016
"""Least time between two bursts to one watcher: a display shows no more than 60 pictures a second.
"""

_STALE_EVENTS = 500
"""A snapshot is shared by watchers until this many events have followed it."""

_STEP_EVENTS = 250
"""So many events are made public at once; 5 ms."""

_PAGE_EVENTS = 500
"""So many are read at once for a watcher that begins in the past."""

_FEED_PAUSES_S = (0.25, 5.0)


class _Entry:
    """A watched execution: its topic, its feed, its watchers and their shared snapshot."""

    def __init__(self, hub: "Hub", tenant: str, topic: Topic, snapshot: Message | None) -> None:
        self.topic = topic
        self.broadcast = Broadcast(topic, hub.timing.gather_s, hub.metrics)
        self._snapshot = snapshot
        self.feed: asyncio.Task[None] | None = None
        self._hub = hub
        self._tenant = tenant
        self._refreshing = asyncio.Lock()

    @property
    def closing(self) -> bool:
        """True if the gateway is going away."""
        return self._hub.closing

    async def fresh_snapshot(self) -> Message:
        """The shared snapshot, read anew if too much has happened since it was taken."""
        async with self._refreshing:
            topic, message = self.topic, self._snapshot
            if message is None or _is_stale(message, topic):
                execution = await self._hub.reads.execution(topic.execution_id, self._tenant)
                message = self._snapshot = await _snapshot(execution)
            return message

    async def page(self, after: int) -> list[EventMessage]:
        """Events after `after` from the journal, as many as come at once."""
        topic = self.topic
        read = self._hub.reads.events
        batches, _ = await read(topic.execution_id, self._tenant, after, _PAGE_EVENTS)
        return [item for batch in batches for item in public_events(batch, topic.names, after)]


class _Turn:
    """Whoever wants to open one execution."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.users = 0


class Timing(msgspec.Struct, frozen=True):
    """How often watchers hear something, in seconds."""

    heartbeat_s: float = HEARTBEAT_S
    gather_s: float = GATHER_S


class Hub:
    """All watched executions."""

    def __init__(
        self,
        reads: Reads,
        follow: Follow,
        tasks: asyncio.TaskGroup,
        metrics: Metrics,
        timing: Timing = Timing(),  # noqa: B008 - immutable
    ) -> None:
        self.reads = reads
        self.metrics = metrics
        self.timing = timing
        self._follow = follow
        self._tasks = tasks
        self._entries: dict[tuple[str, str], _Entry] = {}
        self._turns: dict[tuple[str, str], _Turn] = {}
        self._watchers = 0
        self._log = get_logger("hub")
        self.closing = False

    @asynccontextmanager
    async def watch(
        self, execution_id: str, tenant: str, after: int | None
    ) -> AsyncIterator[Watch]:
        """A watcher on an execution, from a snapshot on or from the events after `after`.

        Raises `NotFound`, `Unavailable`, `LimitExceeded`.
        """
        if self.closing:
            raise Unavailable("This gateway is going away.", fix="Connect again.")
        if self._watchers >= WATCHERS_MAX:
            raise LimitExceeded(f"{WATCHERS_MAX} event streams are open already.")
        with self._counted():
            entry = await self._join(execution_id, tenant, wants_snapshot=after is None)
            try:
                yield Watch(entry, self.metrics, self.timing.heartbeat_s, after)
            finally:
                self._leave(entry, tenant)

    @contextmanager
    def _counted(self) -> Iterator[None]:
        self._watchers += 1
        self.metrics.watchers.set(self._watchers)
        try:
            yield
        finally:
            self._watchers -= 1
            self.metrics.watchers.set(self._watchers)

    @asynccontextmanager
    async def _alone(self, key: tuple[str, str]) -> AsyncIterator[None]:
        """One at a time per execution, so that it is opened once however many come at once."""
        turn = self._turns.setdefault(key, _Turn())
        turn.users += 1
        try:
            async with turn.lock:
                yield
        finally:
            turn.users -= 1
            if turn.users == 0:
                del self._turns[key]

    async def _join(self, execution_id: str, tenant: str, *, wants_snapshot: bool) -> _Entry:
        key = (tenant, execution_id)
        async with self._alone(key):
            entry = self._entries.get(key)
            if entry is None:
                entry = await self._open(execution_id, tenant, wants_snapshot=wants_snapshot)
            entry.topic.watchers += 1
            return entry

    async def _open(self, execution_id: str, tenant: str, *, wants_snapshot: bool) -> _Entry:
        if len(self._entries) >= TOPICS_MAX:
            raise LimitExceeded(f"{TOPICS_MAX} executions are watched already.")
        whole, names_only = api.EXECUTION_DETAIL_UNSPECIFIED, api.EXECUTION_DETAIL_NAMES
        detail = whole if wants_snapshot else names_only
        execution = await self.reads.execution(execution_id, tenant, detail)
        snapshot = await _snapshot(execution) if wants_snapshot else None
        names = [node.id for node in execution.nodes]
        ended = views.is_terminal(execution.status)
        topic = Topic(execution_id, execution.last_seq, names, ended=ended)
        entry = self._entries[(tenant, execution_id)] = _Entry(self, tenant, topic, snapshot)
        self.metrics.topics.set(len(self._entries))
        if not topic.ended:
            entry.feed = self._tasks.create_task(self._feed(entry, tenant))
        return entry

    def _leave(self, entry: _Entry, tenant: str) -> None:
        entry.topic.watchers -= 1
        if entry.topic.watchers == 0:
            self._entries.pop((tenant, entry.topic.execution_id), None)
            self.metrics.topics.set(len(self._entries))
            if entry.feed is not None:
                entry.feed.cancel()

    async def _feed(self, entry: _Entry, tenant: str) -> None:
        """Fill a topic until its execution ends; what cannot be reached is tried again."""
        topic, pace = entry.topic, Pace()
        pause = _FEED_PAUSES_S[0]
        while not topic.ended:
            try:
                feed = self._follow(topic.execution_id, tenant, topic.head)
                async with aclosing(feed):
                    async for batch in feed:
                        news = public_events(batch, topic.names, topic.head)
                        while some := list(islice(news, _STEP_EVENTS)):
                            topic.add(some)
                            entry.broadcast.on_news()
                            await pace.did(len(some))
                        pause = _FEED_PAUSES_S[0]
            except PenstockError as error:
                self._log.warning(
                    "feed_interrupted", execution=topic.execution_id, error=error.message
                )
            except Exception:  # noqa: BLE001 - a fault in one execution's feed stays there
                self._log.exception("feed_failed", execution=topic.execution_id)
            if not topic.ended:
                await asyncio.sleep(pause)
                pause = min(2 * pause, _FEED_PAUSES_S[1])

    def close(self) -> None:
        """Tell every watcher that this gateway is going away, and stop the feeds."""
        self.closing = True
        for entry in self._entries.values():
            entry.broadcast.stir()
            if entry.feed is not None:
                entry.feed.cancel()


def _is_stale(snapshot: Message, topic: Topic) -> bool:
    """True if too much has happened since a snapshot was taken."""
    gone = topic.after(snapshot.seq, 1) is None
    return gone or topic.head - snapshot.seq > _STALE_EVENTS


async def _snapshot(execution: api.Execution) -> Message:
    message = SnapshotMessage(execution.last_seq, execution.id, await shown(execution))
    return Message(execution.last_seq, msgspec.json.encode(message))


@asynccontextmanager
async def open_hub(
    reads: Reads,
    follow: Follow,
    metrics: Metrics,
    timing: Timing = Timing(),  # noqa: B008 - immutable
) -> AsyncIterator[Hub]:
    """A hub whose feeds end with the block."""
    async with asyncio.TaskGroup() as tasks:
        hub = Hub(reads, follow, tasks, metrics, timing)
        try:
            yield hub
        finally:
            hub.close()
