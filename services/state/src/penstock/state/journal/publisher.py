"""Publication of committed rows to JetStream, after the commit and never in its way.

Every committed batch is queued in memory, and one task publishes what has gathered: the rows of a
commit, or of several, as a few messages (see `penstock.common.publication`). Nobody waits for the
stream to have them. Once a second, and a second after the last message, marks are published: up to
which position each shard is told by now. The stream confirms the last of them, and with it all that
came before. So a mark tells the next process where to go on, and a confirmation that does not come
tells this one that something was lost: it begins again after the newest marks.

A shard whose queued rows do not follow what was published before is lagging: its rows come from the
journal instead, until the journal has been read to its end. Shards lag at the start, after a loss,
when the queue overflows, when another process wrote in between, and when a coordinator comes: it
may come from a state process that died with rows on disk and untold.

How much is told again: usually every row after the newest mark, a second's worth. If JetStream has
no mark of a shard (a new cluster, or it was wiped), or an old one, further back than `recent_rows`,
then only the rows of executions that have not ended, and the last `recent_rows` rows of the shard.
Older history is in the journal, where every reader looks first, and readers know what they get
twice by its sequence.

A row that cannot be read is passed over, counted and logged with its position: what is told after
it shows readers the gap in the sequence, and they look into the journal.
"""

import asyncio
from collections import deque
from collections.abc import Iterable

from penstock.common.bus import Bus, open_bus
from penstock.common.errors import PenstockError, Unavailable
from penstock.common.logging import get_logger
from penstock.common.publication import Packer, mark_body, mark_subject, marked_position
from penstock.state.journal.batch import CommitBatch
from penstock.state.metrics import StateMetrics
from penstock.state.ports import JournalReader, JournalRow

_PAGE_ROWS = 500
_PUBLISH_ROWS = 4000
_MARK_S = 1.0
_PAUSE_FIRST_S = 0.25
_PAUSE_MAX_S = 5.0


class Publisher:
    """The queue, the shards' states and the task between the journal and the bus."""

    def __init__(
        self,
        reader: JournalReader,
        metrics: StateMetrics,
        *,
        shard_count: int,
        queue_rows_max: int,
        recent_rows: int,
    ) -> None:
        self._reader = reader
        self._metrics = metrics
        self._shards = range(shard_count)
        self._queue_rows_max = queue_rows_max
        self._recent_rows = recent_rows
        self._queue: deque[CommitBatch] = deque()
        self._queued_rows = 0
        self._lagging: set[int] = set(self._shards)
        self._sent: dict[int, int] = {}
        self._unmarked: set[int] = set()
        self._mark_timer: asyncio.TimerHandle | None = None
        self._mark_due = False
        self._look_again = False
        self._wake = asyncio.Event()
        self._log = get_logger("publisher")

    def offer(self, batch: CommitBatch) -> None:
        """Take a committed batch; costs nothing per row."""
        self._queue.append(batch)
        self._queued_rows += len(batch)
        if self._queued_rows > self._queue_rows_max:
            self._drop_queue()
        self._wake.set()

    def look_again(self) -> None:
        """Others may have left something untold: see what follows the newest marks."""
        self._look_again = True
        self._wake.set()

    def _drop_queue(self) -> None:
        """Forget what is queued; its shards go on from the journal."""
        for batch in self._queue:
            self._lagging.update(batch.spans)
        self._queue.clear()
        self._queued_rows = 0

    async def run(self, nats_url: str) -> None:
        """Publish for ever; JetStream may come and go."""
        async with open_bus(nats_url) as bus:
            await self.publish_to(bus)

    async def publish_to(self, bus: Bus) -> None:
        """Publish for ever over a bus that is there already."""
        pause_s = _PAUSE_FIRST_S
        with bus.observed(self._wake.set):
            while True:
                losses = bus.losses
                try:
                    await bus.ensure_stream()
                    self._begin_again()
                    await self._publish_while_well(bus, losses)
                except PenstockError as error:
                    self._drop_queue()
                    self._log.warning("publishing_interrupted", error=error.message)
                    await asyncio.sleep(pause_s)
                    pause_s = min(_PAUSE_MAX_S, pause_s * 2)

    def _begin_again(self) -> None:
        """Go on after the newest marks, whatever has been sent since."""
        self._sent.clear()
        self._unmarked.clear()
        self._lagging.update(self._shards)
        self._wake.set()

    async def _publish_while_well(self, bus: Bus, losses: int) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            if bus.losses != losses:
                raise Unavailable("the connection to the event bus was lost")
            if self._look_again:
                self._look_again = False
                self._begin_again()
            for shard in sorted(self._lagging):
                if await self._catch_up_some(shard, bus):
                    self._lagging.discard(shard)
            while self._queue:
                await self._publish_queue(bus)
            self._metrics.publish_lagging.set(len(self._lagging))
            if self._lagging:
                self._wake.set()
            if self._mark_due:
                await self._publish_marks(bus)

    async def _publish_queue(self, bus: Bus) -> None:
        """Publish from memory what is queued, in one go."""
        packer = Packer()
        while self._queue and packer.rows < _PUBLISH_ROWS:
            batch = self._queue.popleft()
            self._queued_rows -= len(batch)
            self._notice_gaps(batch)
            self._pack(batch, packer)
        if packer.rows:
            await bus.publish(packer.messages())
            self._metrics.published.inc(packer.rows)

    def _notice_gaps(self, batch: CommitBatch) -> None:
        for shard, span in batch.spans.items():
            if shard not in self._lagging and span.first - 1 > self._sent.get(shard, 0):
                self._lagging.add(shard)
                self._sent.pop(shard, None)

    def _pack(self, batch: CommitBatch, packer: Packer) -> None:
        """Take the batch's rows that are to be published from memory. What cannot be published
        after all makes every shard begin again, so it counts as sent."""
        lagging, sent, add = self._lagging, self._sent, packer.add
        every = lagging.isdisjoint(batch.spans) and all(
            span.first > sent.get(shard, 0) for shard, span in batch.spans.items()
        )
        for row, body in zip(batch.journal, batch.bodies, strict=True):
            if every or (row[0] not in lagging and row[1] > sent.get(row[0], 0)):
                add(row[5], row[2], body)
        told = [span for shard, span in batch.spans.items() if shard not in lagging]
        sent.update((span.shard, max(sent.get(span.shard, 0), span.last)) for span in told)
        self._to_be_marked(span.shard for span in told)

    async def _catch_up_some(self, shard: int, bus: Bus) -> bool:
        """Publish one page of a shard from the journal; True if that was its end."""
        if shard not in self._sent:
            self._sent[shard] = marked_position(await bus.newest(mark_subject(shard)))
        head = (await self._reader.heads([shard]))[shard].position
        if self._sent[shard] > head:  # a mark from another journal's time
            self._sent[shard] = 0
        sent = self._sent[shard]
        if head <= sent:
            return True
        recent_from = head - self._recent_rows + 1
        if sent + 1 < recent_from:
            page = await self._reader.rows_worth_telling(shard, sent, _PAGE_ROWS, recent_from)
        else:
            page = await self._reader.rows_after(shard, sent, _PAGE_ROWS)
        packer = Packer()
        for row in page:
            if row.body is None:
                self._pass_over(shard, row)
            else:
                packer.add(row.tenant, row.execution_id, row.body)
        await bus.publish(packer.messages())
        self._metrics.published.inc(packer.rows)
        at_end = len(page) < _PAGE_ROWS
        self._sent[shard] = max(page[-1].position if page else 0, head if at_end else 0)
        self._to_be_marked([shard])
        return at_end

    def _pass_over(self, shard: int, row: JournalRow) -> None:
        """Go on without a row that cannot be read: it must not hold up everybody else's. It stays
        in the journal, where whoever reads its execution is told."""
        self._metrics.unreadable.inc()
        self._log.error(
            "journal_row_unreadable",
            shard=shard,
            position=row.position,
            tenant=row.tenant,
            execution=row.execution_id,
        )

    def _to_be_marked(self, shards: Iterable[int]) -> None:
        """Have these shards' positions noted in the stream within a second."""
        self._unmarked.update(shards)
        if self._mark_timer is None:
            loop = asyncio.get_running_loop()
            self._mark_timer = loop.call_later(_MARK_S, self._on_mark_due)

    def _on_mark_due(self) -> None:
        self._mark_timer = None
        self._mark_due = True
        self._wake.set()

    async def _publish_marks(self, bus: Bus) -> None:
        """Note how far the shards are told, and have the stream confirm it."""
        self._mark_due = False
        marks = [
            (mark_subject(shard), mark_body(self._sent[shard]))
            for shard in sorted(self._unmarked)
            if shard in self._sent
        ]
        self._unmarked.clear()
        if marks:
            await bus.publish_confirmed(marks)
