"""Watching one execution: the journal through state, live events through the bus.

Nothing else in the coordinator needs the bus, so it is opened beside the service, and only watching
is refused while NATS has never been reached.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from penstock.api.journal.v1.journal_pb2 import EventBatch
from penstock.api.workflow.v1.workflow_service_pb2 import (
    EXECUTION_DETAIL_OUTLINE,
    GetExecutionRequest,
)
from penstock.common.bus import open_bus
from penstock.common.errors import InvalidArgument, Unavailable
from penstock.common.feed import follow_execution
from penstock.common.ids import is_ulid
from penstock.common.reception import Reception, open_reception
from penstock.coordinator.ports import Queries
from penstock.workflow.execution.values import OPEN_STATUSES


class Watching:
    """Follows executions for callers of WatchEvents."""

    def __init__(self, nats_url: str, queries: Queries) -> None:
        self._nats_url = nats_url
        self._queries = queries
        self._reception: Reception | None = None

    async def run(self) -> None:
        """Hold the bus open until cancelled."""
        async with open_bus(self._nats_url) as bus, open_reception(bus) as self._reception:
            await asyncio.Event().wait()

    async def follow(
        self, tenant: str, execution_id: str, after_seq: int
    ) -> AsyncGenerator[EventBatch, None]:
        """Events after a sequence, until the execution ends. Raises `NotFound`, `Unavailable`.

        A sequence beyond the last event counts as the last one.
        """
        if not is_ulid(execution_id):
            raise InvalidArgument(f"{execution_id!r} is not an execution id", fix="Give a ULID.")
        if self._reception is None:
            raise Unavailable("live events cannot be reached at the moment")
        asked = GetExecutionRequest(execution_id=execution_id, detail=EXECUTION_DETAIL_OUTLINE)
        execution = await self._queries.get_execution(tenant, asked)
        after_seq = min(after_seq, execution.last_seq)
        if int(execution.status) not in OPEN_STATUSES and after_seq == execution.last_seq:
            return

        async def read(execution_id: str, after_seq: int) -> list[EventBatch]:
            return await self._queries.read_events(tenant, execution_id, after_seq)

        events = follow_execution(execution.tenant, execution_id, after_seq, self._reception, read)
        async with aclosing(events):
            async for batch in events:
                yield batch
