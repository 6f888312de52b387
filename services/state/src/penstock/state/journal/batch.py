"""One group commit being gathered: the appended records of many streams, as rows for the tables.

This is the hot path of the service: what is done here is done for every record. So rows are plain
tuples, in the order of the columns that the commit statement names. How far an execution is goes
with its journal rows; it gets a projection row only when it begins, ends, or comes to rest or
leaves it, and one per batch at most.
"""

import re
from collections.abc import Iterable

from zstandard import ZstdCompressor

from penstock.api.journal.v1.journal_pb2 import (
    EXECUTION_STATUS_COMPLETED,
    EXECUTION_STATUS_RUNNING,
)
from penstock.api.state.v1.state_service_pb2 import Dues, JournalRecord, Projection, ShardWrite
from penstock.state.journal.hands import HandRows
from penstock.state.journal.texts import TAG_SEPARATOR, clean_tag, clean_text

_RUNNING = EXECUTION_STATUS_RUNNING
_COMPLETED = EXECUTION_STATUS_COMPLETED
CODEC_PLAIN = 0
CODEC_ZSTD = 1

JournalTuple = tuple[int, int, str, int, int, str, int, bytes, int, int]
"""shard, position, execution_id, first_seq, last_seq, tenant, codec, body in stored form,
nodes_total, nodes_done."""

ChangedTuple = tuple[int, str, str, int, int, int, int, int, int, str, int]
"""shard, execution_id, tenant, status, last_seq, nodes_total, nodes_done, wake_us, finished_us,
failure_reason, rest."""

NoticeTuple = tuple[int, int, bytes]
"""shard, id, body."""

SettledTuple = tuple[int, int]
"""shard, id."""

ChildTuple = tuple[int, str, str, str, int, int, int]
"""shard, execution_id, tenant, parent_id, node, item, attempt."""

StartedTuple = tuple[int, str, str, int, int, int, int, int, int, str, int, str, int, str, int, str]
"""As `ChangedTuple`, then workflow, version, definition_hash, started_us, tags (joined)."""

BadEndTuple = tuple[int, str, int, int, str, str]
"""shard, tenant, status, started_us (0 if an earlier batch has it), execution_id, failed_node."""

TermTuple = tuple[int, str, str, int, str]
"""shard, tenant, term, started_us, execution_id."""

RefTuple = tuple[int, str, str, str]
"""shard, tenant, digest, execution_id."""

_REF_BEGINS = b"\n@"
"""How a digest begins within a body: field 1, 64 bytes. Looked for in every body, so that those
without claim checks, nearly all of them, are not decoded."""
_REF = re.compile(_REF_BEGINS + rb"([0-9a-f]{64})")


def digests_in(body: bytes) -> set[str]:
    """Digests of the stored payloads that a plain body refers to. A value that looks like such a
    reference counts as one: then a payload is kept longer than it need be."""
    return {digest.decode() for digest in _REF.findall(body)}


class Compression:
    """Bodies above `above_bytes` are compressed, if that makes them smaller."""

    def __init__(self, above_bytes: int) -> None:
        self.above_bytes = above_bytes
        self._compressor = ZstdCompressor(level=1)

    def encode(self, body: bytes) -> tuple[int, bytes]:
        """Codec and stored form of a large body."""
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
    """Records gathered for one transaction; `bodies` are those of `journal` in plain form."""

    def __init__(self, compression: Compression) -> None:
        self._compression = compression
        self.spans: dict[int, ShardSpan] = {}
        self.journal: list[JournalTuple] = []
        self.bodies: list[bytes] = []
        self.bytes = 0
        self.notices: list[NoticeTuple] = []
        self.settled: list[SettledTuple] = []
        self.children: list[ChildTuple] = []
        self.bad_ends: list[BadEndTuple] = []
        self.terms: list[TermTuple] = []
        self.refs: set[RefTuple] = set()
        self.hands: HandRows | None = None
        self._started: dict[str, StartedTuple] = {}
        self._changed: dict[str, ChangedTuple] = {}

    def __len__(self) -> int:
        return len(self.bodies)

    @property
    def started(self) -> list[StartedTuple]:
        """Projection rows of executions that begin with this batch."""
        return list(self._started.values())

    @property
    def changed(self) -> list[ChangedTuple]:
        """New values for projection rows that are there."""
        return list(self._changed.values())

    def only(self, shards: set[int]) -> "CommitBatch":
        """The journal part of these shards."""
        part = CommitBatch(self._compression)
        part.spans = {shard: span for shard, span in self.spans.items() if shard in shards}
        kept = [at for at, row in enumerate(self.journal) if row[0] in shards]
        part.journal = [self.journal[at] for at in kept]
        part.bodies = [self.bodies[at] for at in kept]
        part.bytes = sum(map(len, part.bodies))
        return part

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
        journal, bodies, above = self.journal, self.bodies, self._compression.above_bytes
        position = span.last
        for record in write.records:
            position += 1
            execution_id = record.execution_id
            tenant = record.tenant
            first_seq = record.first_seq
            last_seq = record.last_seq
            body = stored = record.body
            codec = CODEC_PLAIN
            size = len(body)
            if size > above:
                codec, stored = self._compression.encode(body)
            if _REF_BEGINS in body:
                self.refs.update((shard, tenant, each, execution_id) for each in digests_in(body))
            self.bytes += size
            bodies.append(body)
            row = record.projection
            status, rest = row.status, row.rest
            total, done = row.nodes_total, row.nodes_done
            journal.append(
                (
                    shard,
                    position,
                    execution_id,
                    first_seq,
                    last_seq,
                    tenant,
                    codec,
                    stored,
                    total,
                    done,
                )
            )
            if status != _RUNNING or rest or first_seq == 1:
                self._project(shard, record)
        span.last = position
        if write.HasField("dues"):
            self._add_dues(shard, write.dues)

    def _add_dues(self, shard: int, dues: Dues) -> None:
        """What records owe to elsewhere, and whose sub-workflows begin."""
        for notice in dues.notices:
            self.bytes += len(notice.body)
            self.notices.append((shard, notice.id, notice.body))
        self.settled.extend((shard, settled) for settled in dues.settled_notices)
        for child in dues.children:
            ref = child.ref
            names = (child.execution_id, child.tenant, child.parent_id)
            self.children.append((shard, *names, ref.node, ref.item, ref.attempt))
        if dues.tasks or dues.pauses:
            self.hands = self.hands or HandRows()
            self.hands.add(shard, dues)

    def _project(self, shard: int, record: JournalRecord) -> None:
        """Keep what changes in the tables that are searched."""
        execution_id, row = record.execution_id, record.projection
        if row.status > _COMPLETED:
            self._note_bad_end(shard, record)
        now = (
            shard,
            execution_id,
            record.tenant,
            row.status or _RUNNING,
            record.last_seq,
            row.nodes_total,
            row.nodes_done,
            row.wake_unix_us,
            row.finished_unix_us,
            clean_text(row.failure_reason),
            row.rest,
        )
        if record.first_seq == 1:
            self._started[execution_id] = (*now, *_introduction(row))
            for term in row.terms:
                found = (shard, record.tenant, clean_text(term), row.started_unix_us, execution_id)
                self.terms.append(found)
        elif execution_id in self._started:
            self._started[execution_id] = (*now, *self._started[execution_id][11:])
        elif not row.rest and (before := self._changed.get(execution_id)) is not None:
            self._changed[execution_id] = (*now[:10], before[10])
        else:
            self._changed[execution_id] = now

    def _note_bad_end(self, shard: int, record: JournalRecord) -> None:
        execution_id, row = record.execution_id, record.projection
        begun = self._started.get(execution_id)
        started_us = row.started_unix_us if record.first_seq == 1 else begun[14] if begun else 0
        node = clean_text(row.failed_node)
        self.bad_ends.append((shard, record.tenant, row.status, started_us, execution_id, node))


def _introduction(first: Projection) -> tuple[str, int, str, int, str]:
    """What only the first record tells."""
    tags = first.tags
    return (
        first.workflow,
        first.version,
        first.definition_hash,
        first.started_unix_us,
        TAG_SEPARATOR.join(dict.fromkeys(map(clean_tag, tags))) if tags else "",
    )
