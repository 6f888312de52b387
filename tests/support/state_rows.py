"""Rows for the journal, short to write down in tests."""

from penstock.api.journal.v1.journal_pb2 import EventBatch
from penstock.api.state.v1.state_service_pb2 import (
    AppendRequest,
    JournalRecord,
    Projection,
    ShardWrite,
)
from penstock.state.journal.batch import CommitBatch, Compression

RUNNING, COMPLETED, FAILED, CANCELLED = 1, 2, 3, 4


def an_id(number: int) -> str:
    """An execution id; greater numbers sort later."""
    return f"01J{number:023d}"


def body(execution_id: str, first_seq: int, last_seq: int, padding: int = 0) -> bytes:
    """A journal body with that many events."""
    batch = EventBatch(execution_id=execution_id, first_seq=first_seq, at_unix_us=first_seq)
    for _ in range(first_seq, last_seq + 1):
        batch.events.add().cancel_requested.reason = "x" * (padding + 1)
    return batch.SerializeToString()


def start(number: int, *, tenant: str = "default", padding: int = 0, **fields) -> JournalRecord:
    """The first record of an execution: events 1 to 2."""
    known = {
        "status": RUNNING,
        "workflow": "orders",
        "version": 1,
        "definition_hash": "h",
        "started_unix_us": 1_000 + number,
        "nodes_total": 3,
    }
    return JournalRecord(
        execution_id=an_id(number),
        tenant=tenant,
        first_seq=1,
        last_seq=2,
        body=body(an_id(number), 1, 2, padding),
        projection=Projection(**{**known, **fields}),
    )


def step(number: int, first_seq: int, *, tenant: str = "default", **fields) -> JournalRecord:
    """A later record of an execution: two events."""
    known = {"status": RUNNING, "nodes_total": 3, "nodes_done": 1}
    return JournalRecord(
        execution_id=an_id(number),
        tenant=tenant,
        first_seq=first_seq,
        last_seq=first_seq + 1,
        body=body(an_id(number), first_seq, first_seq + 1),
        projection=Projection(**{**known, **fields}),
    )


def end(number: int, first_seq: int, status: int = COMPLETED, **fields) -> JournalRecord:
    """The last record of an execution."""
    return step(number, first_seq, status=status, nodes_done=3, finished_unix_us=9_000, **fields)


def write(shard: int, epoch: int, first_position: int, *records: JournalRecord) -> ShardWrite:
    """Records at consecutive positions of a shard."""
    return ShardWrite(shard=shard, epoch=epoch, first_position=first_position, records=records)


def request(batch_id: int, *writes: ShardWrite) -> AppendRequest:
    """One request of an append stream."""
    return AppendRequest(batch_id=batch_id, writes=writes)


def batch_of(*writes: ShardWrite, compress_above: int = 1024) -> CommitBatch:
    """A batch as the writer gathers it."""
    batch = CommitBatch(Compression(compress_above))
    for one in writes:
        batch.add(one)
    return batch
