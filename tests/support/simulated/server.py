"""The serving end of the simulated network: stands in for `grpc.aio.server`."""

import asyncio
from typing import Any

from support.simulated.fabric import CURRENT

DRAIN_S = 2.0


class SimulatedServer:
    """As much of `grpc.aio.Server` as generated code wants, serving in the current process."""

    def __init__(self, address: str) -> None:
        self._process = CURRENT.get()
        self._handlers: dict[str, Any] = {}
        self._process.fabric.servers[address] = (self._process, self._handlers)
        self._process.addresses.append(address)

    async def drain(self) -> None:
        """Listen no more; calls under way have two seconds to end."""
        fabric = self._process.fabric
        for address in self._process.addresses:
            if fabric.servers.get(address, (None,))[0] is self._process:
                del fabric.servers[address]
        until = fabric.now() + DRAIN_S
        while (left := self._calls()) and fabric.now() < until:
            await asyncio.sleep(0.05)
        for call in left:
            call.sever(None)

    def _calls(self) -> list[Any]:
        calls: list[Any] = list(self._process.calls)
        return [call for call in calls if call.server is self._process]

    def add_generic_rpc_handlers(self, handlers: Any) -> None:
        pass

    def add_registered_method_handlers(self, service: str, handlers: dict[str, Any]) -> None:
        self._handlers.update({f"/{service}/{name}": one for name, one in handlers.items()})
