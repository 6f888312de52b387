"""Channels to other coordinators, each opened when first needed."""

from collections import OrderedDict
from contextlib import AsyncExitStack

import grpc

from penstock.common.rpc.channel import open_channel

_CHANNELS_MAX = 64
"""Channels kept open: coordinators come back under other addresses."""


class Channels:
    """The most recently used ones stay open."""

    def __init__(self) -> None:
        self._open: OrderedDict[str, tuple[AsyncExitStack, grpc.aio.Channel]] = OrderedDict()

    async def to(self, address: str) -> grpc.aio.Channel:
        """The channel to an address."""
        known = self._open.get(address)
        if known is None:
            stack = AsyncExitStack()
            channel = await stack.enter_async_context(open_channel(address))
            known = self._open[address] = (stack, channel)
            if len(self._open) > _CHANNELS_MAX:
                await self._open.popitem(last=False)[1][0].aclose()
        self._open.move_to_end(address)
        return known[1]

    async def close(self) -> None:
        """Close every channel."""
        while self._open:
            await self._open.popitem()[1][0].aclose()
