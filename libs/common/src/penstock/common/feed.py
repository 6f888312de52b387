"""One execution's events, live and without gap: backfill from the journal, then the bus, joined by
sequence."""

from collections.abc import AsyncGenerator, Awaitable, Callable

from penstock.api.journal.v1.journal_pb2 import EventBatch
from penstock.common.journal_codec import apart
from penstock.common.reception import Reception

ReadEvents = Callable[[str, int], Awaitable[list[EventBatch]]]
"""(execution id, after sequence) -> journal batches in order; may begin before, may be incomplete
at the end."""


def trimmed(batch: EventBatch, after_seq: int) -> EventBatch | None:
    """`batch` without events up to `after_seq`; None if nothing is left."""
    skip = after_seq + 1 - batch.first_seq
    if skip <= 0:
        return batch
    if skip >= len(batch.events):
        return None
    rest = EventBatch()
    rest.CopyFrom(batch)
    del rest.events[:skip]
    rest.first_seq = after_seq + 1
    return rest


def is_last(batch: EventBatch) -> bool:
    """True if the execution ends with this batch."""
    return bool(batch.events) and batch.events[-1].WhichOneof("kind") == "execution_ended"


class _Place:
    """How far a follower has come."""

    def __init__(self, after_seq: int) -> None:
        self.seq = after_seq

    def take(self, batch: EventBatch) -> EventBatch | None:
        """The new part of `batch`, if it follows without a gap."""
        fresh = trimmed(batch, self.seq)
        if fresh is None or fresh.first_seq != self.seq + 1:
            return None
        self.seq += len(fresh.events)
        return fresh


async def follow_execution(
    tenant: str, execution_id: str, after_seq: int, reception: Reception, read_events: ReadEvents
) -> AsyncGenerator[EventBatch, None]:
    """Yield the events after `after_seq` in order, each once, and end after the execution's last
    event.

    A gap (lost, late or dropped messages) is filled through `read_events`. While the bus is away,
    the journal is read every few seconds instead.
    """
    place = _Place(after_seq)
    async with reception.inbox(tenant, execution_id) as inbox:
        lagging = True
        while True:
            while lagging:
                batches = await read_events(execution_id, place.seq)
                fresh = [part for part in map(place.take, batches) if part is not None]
                for part in fresh:
                    yield part
                    if is_last(part):
                        return
                lagging = bool(fresh)
            body = await inbox.next()
            if body is None:
                lagging = True
                continue
            batch = apart(EventBatch.FromString(body))
            news = place.take(batch)
            lagging = news is None and batch.first_seq > place.seq
            if news is not None:
                yield news
                if is_last(news):
                    return
