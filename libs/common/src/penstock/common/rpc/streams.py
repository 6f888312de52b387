"""Batching on streams: one writer per stream sends whatever gathered while its last write was
under way."""

import asyncio
from collections.abc import AsyncIterator
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Outbox(Generic[Item]):
    """Items on their way into a stream. `put` never waits; the one reader of `batches` takes all
    there is.

    So a busy stream carries large batches and an idle one sends at once; there is no linger.
    """

    def __init__(self) -> None:
        self._items: list[Item] = []
        self._filled = asyncio.Event()
        self._closed = False

    def __len__(self) -> int:
        return len(self._items)

    def put(self, item: Item) -> None:
        """Add one item."""
        self._items.append(item)
        self._filled.set()

    def close(self) -> None:
        """Let `batches` end after what is there."""
        self._closed = True
        self._filled.set()

    async def batches(self, items_max: int = 1000) -> AsyncIterator[list[Item]]:
        """Yield lists of at most `items_max` items, in order, until closed and empty."""
        while True:
            await self._filled.wait()
            if not self._items:
                if self._closed:
                    return
                self._filled.clear()
                continue
            batch = self._items[:items_max]
            del self._items[:items_max]
            if not self._items and not self._closed:
                self._filled.clear()
            yield batch
