"""Whether the history of an execution that has ended tells of something: it is how a request that
comes again is known then."""

from collections.abc import Callable

from penstock.api.journal.v1.journal_pb2 import Event
from penstock.coordinator.ports import Queries


async def is_on_record(
    queries: Queries, tenant: str, execution_id: str, is_it: Callable[[Event], bool]
) -> bool:
    """True if there is such an event. O(events); a page of them at a time."""
    seq = 0
    while rows := await queries.read_events(tenant, execution_id, seq):
        if any(is_it(event) for row in rows for event in row.events):
            return True
        seq = rows[-1].first_seq + len(rows[-1].events) - 1
    return False
