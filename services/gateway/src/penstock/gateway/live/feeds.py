"""Where the hub's events come from: the bus, or the journal while there is no bus yet."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from urllib.parse import urlsplit

from penstock.api.journal.v1.journal_pb2 import EventBatch
from penstock.common.bus import Bus, open_bus
from penstock.common.feed import follow_execution, is_last
from penstock.common.reception import Reception, open_reception
from penstock.gateway.ports.executions import Reads

_POLL_S = 1.0
"""How often the journal is read for a watched execution without a bus."""


class Feeds:
    """Follows executions. Serves before NATS is there, and does not wait for it."""

    def __init__(self, nats_url: str, reads: Reads) -> None:
        self._nats_url = nats_url
        self._reads = reads
        self._bus: Bus | None = None
        self._reception: Reception | None = None

    @property
    def address(self) -> str:
        """Where the bus is, without the credentials of its URL."""
        return urlsplit(self._nats_url).netloc.rpartition("@")[2]

    @property
    def connected(self) -> bool:
        """True while events come over the bus."""
        return self._bus is not None and self._bus.connected

    async def attach(self) -> None:
        """Hold the connection to the bus until cancelled."""
        async with open_bus(self._nats_url) as bus, open_reception(bus) as reception:
            self._bus, self._reception = bus, reception
            try:
                await asyncio.Event().wait()
            finally:
                self._bus = self._reception = None

    async def follow(
        self, execution_id: str, tenant: str, after_seq: int
    ) -> AsyncGenerator[EventBatch, None]:
        """Batches of an execution after `after_seq`, without gap, up to its last event."""

        async def read(wanted: str, after: int) -> list[EventBatch]:
            batches, _ = await self._reads.events(wanted, tenant, after)
            return list(batches)

        while self._reception is None:
            for batch in await read(execution_id, after_seq):
                yield batch
                after_seq = max(after_seq, batch.first_seq + len(batch.events) - 1)
                if is_last(batch):
                    return
            await asyncio.sleep(_POLL_S)
        events = follow_execution(tenant, execution_id, after_seq, self._reception, read)
        async with aclosing(events):
            async for batch in events:
                yield batch


@asynccontextmanager
async def open_feeds(nats_url: str, reads: Reads) -> AsyncIterator[Feeds]:
    """Feeds that use the bus at `nats_url` as soon as it is there."""
    feeds = Feeds(nats_url, reads)
    async with asyncio.TaskGroup() as tasks:
        holding = tasks.create_task(feeds.attach())
        try:
            yield feeds
        finally:
            holding.cancel()
