"""Parts of a history as readers get them: bounded by rows, events and bytes, in batches."""

from typing import NamedTuple

from penstock.api.journal.v1.journal_pb2 import EventBatch
from penstock.common.errors import no_execution
from penstock.common.journal_codec import apart
from penstock.common.pacing import Pace, weight_of
from penstock.state.ports import HISTORY_BYTES_MAX, ExecutionStore

ROWS_DEFAULT = 500
ROWS_MAX = 5000
EVENTS_MAX = 1_000


class EventPage(NamedTuple):
    """Batches in order, the first without what was known already; `more` if events follow."""

    batches: list[EventBatch]
    more: bool


class EventReader:
    """Reads histories. Nothing is held but the part that is asked for."""

    def __init__(self, store: ExecutionStore) -> None:
        self._store = store

    async def page(
        self, tenant: str, execution_id: str, after_seq: int, *, rows_max: int, events_max: int
    ) -> EventPage:
        """Events after a sequence. A row that holds more than fits is cut: one event is told in any
        case, so whoever asks on from the last one gets to the end. Raises `NotFound`."""
        limit = min(rows_max or ROWS_DEFAULT, ROWS_MAX)
        most = min(events_max or EVENTS_MAX, EVENTS_MAX)
        one_more = after_seq + most + 1  # its row tells that there is more
        found = await self._store.history(tenant, execution_id, after_seq, limit, one_more)
        if not found.rows and await self._store.find(tenant, execution_id) is None:
            raise no_execution(execution_id)
        room = _Room(most, HISTORY_BYTES_MAX)
        pace, batches = Pace(), []
        for _, body in found.rows:
            whole = apart(EventBatch.FromString(body))
            skip = max(0, after_seq + 1 - whole.first_seq)
            end = room.take(whole, skip)
            if end > skip:
                batches.append(_part(whole, skip, end))
            await pace.did(weight_of(len(whole.events), len(body)))
            if end < len(whole.events):
                return EventPage(batches, True)
        return EventPage(batches, found.more)


class _Room:
    """What fits into one answer yet."""

    def __init__(self, events: int, size: int) -> None:
        self._events = events
        self._size = size
        self._is_empty = True

    def take(self, batch: EventBatch, skip: int) -> int:
        """Up to which of its events a batch fits; takes their place."""
        for at in range(skip, len(batch.events)):
            self._events -= 1
            self._size -= batch.events[at].ByteSize()
            if not self._is_empty and (self._events < 0 or self._size < 0):
                return at
            self._is_empty = False
        return len(batch.events)


def _part(batch: EventBatch, skip: int, end: int) -> EventBatch:
    if not skip and end == len(batch.events):
        return batch
    return EventBatch(
        execution_id=batch.execution_id,
        first_seq=batch.first_seq + skip,
        at_unix_us=batch.at_unix_us,
        events=batch.events[skip:end],
    )
