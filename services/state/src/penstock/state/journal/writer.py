"""The journal's one writer: it merges what all append streams are waiting for into one commit after
the other.

While a commit is in flight, requests gather; the next commit takes them all (up to a bound). So an
idle service commits at once and a busy one commits hundreds of rows together, without any waiting
for company. There is one commit in flight: the statement advances shard heads, so a second one
would wait for the first one's row locks anyway, and order within a stream comes for free.

A request is answered only when everything in it is on disk or refused. If PostgreSQL does not take
a commit, the same commit is tried again, for ever, with growing pauses. Whether a commit whose
answer was lost took place is told by the heads: same epoch and head already past means yes.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from penstock.api.state.v1.state_service_pb2 import AppendRequest, AppendResponse, ShardWrite
from penstock.common.errors import PenstockError
from penstock.common.logging import get_logger
from penstock.state.journal.batch import CommitBatch, Compression
from penstock.state.metrics import StateMetrics
from penstock.state.ports import Head, JournalStore, Rejected

Outcome = TypeVar("Outcome")
Answer = Callable[[AppendResponse], None]
OnCommitted = Callable[[CommitBatch], None]

_PAUSE_FIRST_S = 0.05
_PAUSE_MAX_S = 1.0


class Waiting:
    """A request in the queue, and whom to answer. Nobody waits any more once it is `abandoned`."""

    __slots__ = ("abandoned", "answer", "fenced", "request")

    def __init__(self, request: AppendRequest, answer: Answer) -> None:
        self.abandoned = False
        self.request = request
        self.answer = answer
        self.fenced: set[int] = set()

    def reply(self) -> None:
        """Tell the outcome."""
        batch_id = self.request.batch_id
        if not self.abandoned:
            self.answer(AppendResponse(batch_id=batch_id, fenced_shards=sorted(self.fenced)))


class JournalWriter:
    """Merges, commits, repeats, answers.

    `on_committed` gets what was written, commit by commit; it must be quick.
    """

    def __init__(
        self,
        store: JournalStore,
        compression: Compression,
        metrics: StateMetrics,
        on_committed: OnCommitted,
        *,
        rows_max: int,
        bytes_max: int,
    ) -> None:
        self._store = store
        self._compression = compression
        self._metrics = metrics
        self._on_committed = on_committed
        self._rows_max = rows_max
        self._bytes_max = bytes_max
        self._queue: deque[Waiting] = deque()
        self._gathered: list[Waiting] = []
        self._batch = self._new_batch()
        self._filled = asyncio.Event()
        self._closing = False
        self._stalled: PenstockError | None = None
        self._log = get_logger("journal")

    @property
    def stalled(self) -> PenstockError | None:
        """Why commits do not go through at the moment; None if they do."""
        return self._stalled

    def submit(self, request: AppendRequest, answer: Answer) -> Waiting:
        """Take a request. Requests are answered in the order they came."""
        waiting = Waiting(request, answer)
        self._queue.append(waiting)
        self._gather()
        self._filled.set()
        return waiting

    def close(self) -> None:
        """Let `run` end after what was submitted."""
        self._closing = True
        self._filled.set()

    async def run(self) -> None:
        """Commit what gathers, until closed and empty."""
        while True:
            await self._filled.wait()
            if not self._gathered:
                if self._closing:
                    return
                self._filled.clear()
                continue
            gathered, batch = self._gathered, self._batch
            self._gathered, self._batch = [], self._new_batch()
            self._gather()
            await self._settle(gathered, batch)
            for waiting in gathered:
                waiting.reply()

    def _new_batch(self) -> CommitBatch:
        return CommitBatch(self._compression)

    def _gather(self) -> None:
        """Move requests from the head of the queue into the next transaction, if they fit. Done as
        they come, that is, while the transaction before is in flight."""
        batch, gathered, queue = self._batch, self._gathered, self._queue
        while queue and len(batch) < self._rows_max and batch.bytes < self._bytes_max:
            waiting = queue[0]
            if waiting.abandoned:
                queue.popleft()
                continue
            if gathered and not batch.fits(waiting.request.writes):
                break
            queue.popleft()
            gathered.append(waiting)
            for write in waiting.request.writes:
                if batch.fits((write,)):
                    batch.add(write)
                else:  # a request that contradicts itself: the shard twice, not in sequence
                    waiting.fenced.add(write.shard)

    async def _settle(self, gathered: list[Waiting], batch: CommitBatch) -> None:
        """Bring every write of these requests to its end: on disk, or its shard fenced."""
        try:
            written = await self._commit(batch)
        except Rejected as error:
            self._log.error("append_rejected", error=error.message, shards=len(batch.spans))
            await self._settle_one_by_one(gathered, set(batch.spans))
            return
        if len(written) == len(batch.spans):
            self._on_committed(batch)
            return
        self._on_committed(batch.only(written))
        await self._settle_one_by_one(gathered, batch.spans.keys() - written)

    async def _settle_one_by_one(self, gathered: Iterable[Waiting], shards: set[int]) -> None:
        """The slow and rare way: each write of these shards in its own transaction, in order."""
        for waiting in gathered:
            for write in waiting.request.writes:
                if write.shard in shards and not await self._settle_write(write):
                    waiting.fenced.add(write.shard)

    async def _settle_write(self, write: ShardWrite) -> bool:
        """True once the write is on disk, False if the lease does not cover it."""
        last = write.first_position + len(write.records) - 1
        batch = self._new_batch()
        batch.add(write)
        while True:
            head = (await self._heads(write.shard)).get(write.shard)
            if head is None or head.epoch != write.epoch:
                return self._refuse(write, head, "shard_fenced")
            if head.position >= last:
                return True
            if head.position != write.first_position - 1:
                return self._refuse(write, head, "append_out_of_order")
            try:
                if await self._commit(batch):
                    self._on_committed(batch)
                    return True
            except Rejected as error:
                self._log.error("append_rejected", shard=write.shard, error=error.message)
                return self._refuse(write, head, "shard_fenced")

    def _refuse(self, write: ShardWrite, head: Head | None, event: str) -> bool:
        self._metrics.fenced.inc()
        self._log.warning(
            event,
            shard=write.shard,
            epoch=write.epoch,
            first_position=write.first_position,
            epoch_now=head.epoch if head else None,
            head=head.position if head else None,
        )
        return False

    async def _commit(self, batch: CommitBatch) -> set[int]:
        """Commit, again and again until PostgreSQL gives an answer."""
        if not len(batch):
            return set(batch.spans)
        with self._metrics.commit_seconds.time():
            written = await self._until_answered(lambda: self._store.commit(batch))
        self._metrics.commits.inc()
        self._metrics.rows.inc(len(batch))
        return written

    async def _heads(self, shard: int) -> dict[int, Head]:
        return await self._until_answered(lambda: self._store.heads([shard]))

    async def _until_answered(self, attempt: Callable[[], Awaitable[Outcome]]) -> Outcome:
        pause_s = _PAUSE_FIRST_S
        while True:
            try:
                answer = await attempt()
            except Rejected:
                raise
            except PenstockError as error:
                if self._stalled is None:
                    self._log.error(
                        "commits_stalled", error=error.message, waiting=len(self._queue)
                    )
                self._stalled = error
                self._metrics.stalled.set(1)
                await asyncio.sleep(pause_s)
                pause_s = min(_PAUSE_MAX_S, pause_s * 2)
                continue
            if self._stalled is not None:
                self._log.info("commits_resumed", waiting=len(self._gathered) + len(self._queue))
                self._stalled = None
                self._metrics.stalled.set(0)
            return answer
