"""The other coordinators, over a channel each that is opened when first needed."""

from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from penstock.api.peer.v1.peer_service_pb2 import DeliverRequest, Delivery, Notice
from penstock.api.peer.v1.peer_service_pb2_grpc import PeerServiceStub
from penstock.common.rpc.channel import call, open_channel

_CHANNELS_MAX = 64
"""Channels kept open: coordinators come back under other addresses."""


class GrpcPeers:
    """Implements `Peers`."""

    def __init__(self) -> None:
        self._open: OrderedDict[str, tuple[AsyncExitStack, Any]] = OrderedDict()

    async def deliver(self, address: str, notices: Sequence[Notice]) -> Sequence[Delivery]:
        """Hand notices over. What is large in them travels by reference."""
        stub = await self._stub(address)
        answer = await call(stub.Deliver, DeliverRequest(notices=notices))
        return list(answer.deliveries)

    async def _stub(self, address: str) -> Any:
        known = self._open.get(address)
        if known is None:
            stack = AsyncExitStack()
            channel = await stack.enter_async_context(open_channel(address))
            known = self._open[address] = (stack, PeerServiceStub(channel))
            if len(self._open) > _CHANNELS_MAX:
                await self._open.popitem(last=False)[1][0].aclose()
        self._open.move_to_end(address)
        return known[1]

    async def close(self) -> None:
        """Close every channel."""
        while self._open:
            await self._open.popitem()[1][0].aclose()


@asynccontextmanager
async def open_peers() -> AsyncIterator[GrpcPeers]:
    """The way to other coordinators, until the block ends."""
    peers = GrpcPeers()
    try:
        yield peers
    finally:
        await peers.close()
