"""What /health tells: what the gateway needs, whether it answers, and what follows."""

import asyncio
from collections.abc import Mapping, Sequence
from importlib.metadata import version

import grpc
import msgspec
from grpc_health.v1 import health_pb2, health_pb2_grpc

from penstock.common.clock import Clock
from penstock.gateway.live.feeds import Feeds
from penstock.gateway.shapes.executions import Component, HealthReport

_PROBE_S = 1.0
Services = Mapping[str, Sequence[tuple[grpc.aio.Channel, str]]]
"""Channel and address of each process that serves, by the service's name."""

_FRESH_S = 0.5
"""Probes that come closer together than this share an answer."""


async def probe(channel: grpc.aio.Channel, address: str, clock: Clock) -> Component:
    """Ask a service's own health."""
    begun = clock.monotonic()
    stub = health_pb2_grpc.HealthStub(channel)
    try:
        answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=_PROBE_S)
    except grpc.aio.AioRpcError as fault:
        return Component("down", address, True, detail=fault.details() or fault.code().name)
    taken_ms = round((clock.monotonic() - begun) * 1000, 2)
    if answer.status == health_pb2.HealthCheckResponse.SERVING:
        return Component("up", address, True, taken_ms)
    return Component("down", address, True, taken_ms, "it says that it is not serving")


def one_of(components: Sequence[Component]) -> Component:
    """A service that runs more than once: it is up if one of its processes is, and names those that
    are down."""
    up = [part for part in components if part.status == "up"]
    if len(components) == 1 or not up:
        return components[0]
    down = [f"{part.address}: {part.detail}" for part in components if part.status != "up"]
    return msgspec.structs.replace(up[0], detail="; ".join(down))


class Health:
    """Probes what is needed, at most twice a second."""

    def __init__(self, services: Services, feeds: Feeds, clock: Clock) -> None:
        """All services are needed, the bus is not."""
        self._services = services
        self._feeds = feeds
        self._clock = clock
        self._begun = clock.monotonic()
        self._version = version("penstock-gateway")
        self._last: tuple[float, dict[str, Component]] | None = None
        self._probing = asyncio.Lock()

    async def report(self) -> HealthReport:
        """The state of everything now."""
        async with self._probing:
            now = self._clock.monotonic()
            if self._last is None or now - self._last[0] > _FRESH_S:
                self._last = (now, await self._probe_all())
            components = self._last[1]
        uptime_s = round(self._clock.monotonic() - self._begun, 3)
        if any(part.needed and part.status == "down" for part in components.values()):
            return HealthReport("down", self._version, uptime_s, components)
        all_up = all(part.status == "up" for part in components.values())
        return HealthReport("up" if all_up else "degraded", self._version, uptime_s, components)

    async def _probe_all(self) -> dict[str, Component]:
        async with asyncio.TaskGroup() as tasks:
            running = {
                name: [tasks.create_task(probe(channel, at, self._clock)) for channel, at in some]
                for name, some in self._services.items()
            }
        components = {
            name: one_of([task.result() for task in probes]) for name, probes in running.items()
        }
        connected = self._feeds.connected
        detail = "" if connected else "live events are read from the journal until it is back"
        components["nats"] = Component(
            "up" if connected else "down", self._feeds.address, False, detail=detail
        )
        return components
