"""Publication of committed rows to JetStream, after the commit and never in its way.

Every committed batch is queued in memory, and one task publishes what has gathered. A shard whose
queued rows do not follow what was published before is lagging: its rows come from the journal
instead, until the journal has been read to its end. Shards lag at the start, when JetStream fails,
when the queue overflows, and when another process wrote in between. The message id
`<shard>:<position>` lets JetStream drop what it gets twice, and tells where to go on: after the
newest message of the shard.

How much is told again: usually every row after the newest message. If JetStream has nothing of a
shard (a new cluster, or it was wiped), or is further behind than `recent_rows`, then only the rows
of executions that have not ended, and the last `recent_rows` rows of the shard. Older history is in
the journal, where every reader looks first.
"""

import asyncio
from collections import deque

from penstock.common.bus import Bus, Row, event_subject, open_bus
from penstock.common.errors import PenstockError
from penstock.common.logging import get_logger
from penstock.state.journal.batch import CommitBatch
from penstock.state.metrics import StateMetrics
from penstock.state.ports import JournalReader

_PAGE_ROWS = 500
_PUBLISH_ROWS = 500
_PAUSE_FIRST_S = 0.25
_PAUSE_MAX_S = 5.0


def position_of(message_id: str | None) -> int:
    """Position within the shard that a message id names; 0 if there is none."""
    _, _, position = (message_id or "").partition(":")
    return int(position) if position.isdigit() else 0


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
        self._wake = asyncio.Event()
        self._log = get_logger("publisher")

    def offer(self, batch: CommitBatch) -> None:
        """Take a committed batch; costs nothing per row."""
        self._queue.append(batch)
        self._queued_rows += len(batch)
        if self._queued_rows > self._queue_rows_max:
            self._drop_queue()
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
        while True:
            try:
                await bus.ensure_stream()
                self._sent.clear()
                self._lagging.update(self._shards)
                self._wake.set()
                await self._publish_while_well(bus)
            except PenstockError as error:
                self._drop_queue()
                self._log.warning("publishing_interrupted", error=error.message)
                await asyncio.sleep(pause_s)
                pause_s = min(_PAUSE_MAX_S, pause_s * 2)

    async def _publish_while_well(self, bus: Bus) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            for shard in sorted(self._lagging):
                if await self._catch_up_some(shard, bus):
                    self._lagging.discard(shard)
            while self._queue:
                await self._publish_queue(bus)
            self._metrics.publish_lagging.set(len(self._lagging))
            if self._lagging:
                self._wake.set()

    async def _publish_queue(self, bus: Bus) -> None:
        """Publish from memory what is queued, in one go."""
        rows: list[Row] = []
        sent = dict(self._sent)
        while self._queue and len(rows) < _PUBLISH_ROWS:
            batch = self._queue.popleft()
            self._queued_rows -= len(batch)
            self._notice_gaps(batch, sent)
            rows += self._rows_of(batch, sent)
            for shard, span in batch.spans.items():
                sent[shard] = max(sent.get(shard, 0), span.last)
        if rows:
            await bus.publish_rows(rows)
            self._metrics.published.inc(len(rows))
        self._sent.update(
            (shard, position) for shard, position in sent.items() if shard not in self._lagging
        )

    def _notice_gaps(self, batch: CommitBatch, sent: dict[int, int]) -> None:
        for shard, span in batch.spans.items():
            if shard not in self._lagging and span.first - 1 > sent.get(shard, 0):
                self._lagging.add(shard)
                self._sent.pop(shard, None)

    def _rows_of(self, batch: CommitBatch, sent: dict[int, int]) -> list[Row]:
        """The batch's rows that are to be published from memory."""
        lagging = self._lagging
        every = lagging.isdisjoint(batch.spans) and all(
            span.first > sent.get(shard, 0) for shard, span in batch.spans.items()
        )
        return [
            (event_subject(row[5], row[0], row[2]), f"{row[0]}:{row[1]}", body)
            for row, body in zip(batch.journal, batch.bodies, strict=True)
            if every or (row[0] not in lagging and row[1] > sent.get(row[0], 0))
        ]

    async def _catch_up_some(self, shard: int, bus: Bus) -> bool:
        """Publish one page of a shard from the journal; True if that was its end."""
        if shard not in self._sent:
            newest = await bus.last_message_id(event_subject("*", shard, "*"))
            self._sent[shard] = position_of(newest)
        sent = self._sent[shard]
        head = (await self._reader.heads([shard]))[shard].position
        if head <= sent:
            return True
        recent_from = head - self._recent_rows + 1
        if sent + 1 < recent_from:
            page = await self._reader.rows_worth_telling(shard, sent, _PAGE_ROWS, recent_from)
        else:
            page = await self._reader.rows_after(shard, sent, _PAGE_ROWS)
        await bus.publish_rows(
            [
                (
                    event_subject(row.tenant, shard, row.execution_id),
                    f"{shard}:{row.position}",
                    row.body,
                )
                for row in page
            ]
        )
        self._metrics.published.inc(len(page))
        at_end = len(page) < _PAGE_ROWS
        self._sent[shard] = max(page[-1].position if page else 0, head if at_end else 0)
        return at_end
