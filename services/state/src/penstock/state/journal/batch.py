"""One group commit being gathered: the appended records of many streams, as columns.

Columns and not rows, because they travel to PostgreSQL as parallel arrays: a row costs list appends
here and nothing else. Per execution there is one projection row per batch, however many records it
has.
"""

from collections.abc import Iterable
from typing import Any

from zstandard import ZstdCompressor

from penstock.api.journal.v1.journal_pb2 import EXECUTION_STATUS_RUNNING
from penstock.api.state.v1.state_service_pb2 import JournalRecord, Projection, ShardWrite

CODEC_PLAIN = 0
CODEC_ZSTD = 1
TAG_SEPARATOR = "\x1f"

Column = list[Any]


def clean_text(text: str) -> str:
    """`text` without characters that PostgreSQL cannot hold in text, or that separate tags."""
    return text.replace("\x00", "\ufffd").replace(TAG_SEPARATOR, " ")


def _columns(count: int) -> tuple[Column, ...]:
    return tuple([] for _ in range(count))


class Compression:
    """Bodies from `above_bytes` on are compressed, if that makes them smaller."""

    def __init__(self, above_bytes: int) -> None:
        self._above_bytes = above_bytes
        self._compressor = ZstdCompressor(level=1)

    def encode(self, body: bytes) -> tuple[int, bytes]:
        """Codec and stored form."""
        if len(body) <= self._above_bytes:
            return CODEC_PLAIN, body
        packed = self._compressor.compress(body)
        return (CODEC_ZSTD, packed) if len(packed) < len(body) else (CODEC_PLAIN, body)


class ShardSpan:
    """The consecutive positions of one shard within a batch."""

    __slots__ = ("epoch", "first", "last", "shard")

    def __init__(self, shard: int, epoch: int, first: int) -> None:
        self.shard = shard
        self.epoch = epoch
        self.first = first
        self.last = first - 1


class CommitBatch:
    """Records gathered for one transaction.

    Columns: `journal` = shard, position, execution_id, first_seq, last_seq, tenant, codec, body
    (stored form); `started` = shard, execution_id, tenant, status, last_seq, nodes_total,
    nodes_done, wake_us, finished_us, failure_reason, workflow, version, definition_hash,
    started_us, tags; `labels` = shard, tenant, tag, started_us, execution_id; `moved` = the first
    ten of `started`. `bodies` are the plain bodies, for publishing.
    """

    def __init__(self, compression: Compression) -> None:
        self._compression = compression
        self.spans: dict[int, ShardSpan] = {}
        self.journal = _columns(8)
        self.started = _columns(15)
        self.labels = _columns(5)
        self.moved = _columns(10)
        self.bodies: list[bytes] = []
        self.bytes = 0
        self._rows: dict[str, tuple[tuple[Column, ...], int]] = {}

    def __len__(self) -> int:
        return len(self.bodies)

    def fits(self, writes: Iterable[ShardWrite]) -> bool:
        """True if these writes continue what the batch holds of their shards."""
        for write in writes:
            span = self.spans.get(write.shard)
            if span is not None and not (
                span.epoch == write.epoch and span.last + 1 == write.first_position
            ):
                return False
        return True

    def add(self, write: ShardWrite) -> None:
        """Take a write that `fits`."""
        shard = write.shard
        span = self.spans.get(shard)
        if span is None:
            span = self.spans[shard] = ShardSpan(shard, write.epoch, write.first_position)
        shards, positions, ids, firsts, lasts, tenants, codecs, stored = self.journal
        position = span.last
        for record in write.records:
            position += 1
            execution_id = record.execution_id
            first_seq = record.first_seq
            body = record.body
            codec, kept = self._compression.encode(body)
            shards.append(shard)
            positions.append(position)
            ids.append(execution_id)
            firsts.append(first_seq)
            lasts.append(record.last_seq)
            tenants.append(record.tenant)
            codecs.append(codec)
            stored.append(kept)
            self.bodies.append(body)
            self.bytes += len(body)
            self._project(shard, execution_id, first_seq, record)
        span.last = position

    def _project(
        self, shard: int, execution_id: str, first_seq: int, record: JournalRecord
    ) -> None:
        projection = record.projection
        known = self._rows.get(execution_id)
        if known is not None:
            columns, index = known
            values = _moving(projection)
            columns[4][index] = record.last_seq
            for column, value in zip((columns[3], *columns[5:10]), values, strict=True):
                column[index] = value
            return
        columns = self.started if first_seq == 1 else self.moved
        self._rows[execution_id] = (columns, len(columns[0]))
        status, total, done, wake, finished, reason = _moving(projection)
        columns[0].append(shard)
        columns[1].append(execution_id)
        columns[2].append(record.tenant)
        columns[3].append(status)
        columns[4].append(record.last_seq)
        columns[5].append(total)
        columns[6].append(done)
        columns[7].append(wake)
        columns[8].append(finished)
        columns[9].append(reason)
        if first_seq == 1:
            self._introduce(shard, execution_id, record.tenant, projection)

    def _introduce(self, shard: int, execution_id: str, tenant: str, first: Projection) -> None:
        tags = [clean_text(tag) for tag in dict.fromkeys(first.tags)]
        started_us = first.started_unix_us
        columns = self.started
        columns[10].append(first.workflow)
        columns[11].append(first.version)
        columns[12].append(first.definition_hash)
        columns[13].append(started_us)
        columns[14].append(TAG_SEPARATOR.join(tags))
        for tag in dict.fromkeys(tags):
            for column, value in zip(
                self.labels, (shard, tenant, tag, started_us, execution_id), strict=True
            ):
                column.append(value)

    def shard_columns(self) -> tuple[list[int], list[int], list[int], list[int]]:
        """Shard, epoch, first and last position of every span."""
        spans = self.spans.values()
        return (
            [span.shard for span in spans],
            [span.epoch for span in spans],
            [span.first for span in spans],
            [span.last for span in spans],
        )


def _moving(projection: Projection) -> tuple[int, int, int, int, int, str]:
    reason = projection.failure_reason
    return (
        projection.status or EXECUTION_STATUS_RUNNING,
        projection.nodes_total,
        projection.nodes_done,
        projection.wake_unix_us,
        projection.finished_unix_us,
        clean_text(reason) if reason else "",
    )
