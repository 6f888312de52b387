"""Several coordinators in the settings: starts spread over them, and one that is away is passed
over."""

import asyncio
import socket

from support.gateway.fake_cluster import FakeCluster, open_fake
from support.gateway.running import run_gateway

ECHO = "/v1/workflows/echo/executions"
STARTS = 20


def free_address() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


async def start_many(gateway) -> set[int]:
    """Statuses of some starts, one after the other."""
    found = set()
    for _ in range(STARTS):
        async with gateway.http.post(ECHO) as answer:
            found.add(answer.status)
    return found


async def until_up(gateway, address: str) -> None:
    link = await gateway.coordinators.link(address)
    async with asyncio.timeout(10):
        while not link.starts.is_up:
            await asyncio.sleep(0.01)


async def test_starts_spread_over_the_coordinators(cluster, timing):
    other = FakeCluster()
    async with (
        open_fake(cluster) as first,
        open_fake(other) as second,
        run_gateway(cluster, [first.address, second.address], first.address, timing) as gateway,
    ):
        await until_up(gateway, first.address)
        await until_up(gateway, second.address)
        assert await start_many(gateway) == {201}
        assert len(cluster.executions) == len(other.executions) == STARTS / 2


async def test_a_coordinator_that_is_away_is_passed_over(cluster, timing):
    async with (
        open_fake(cluster) as fake,
        run_gateway(cluster, [free_address(), fake.address], fake.address, timing) as gateway,
    ):
        await until_up(gateway, fake.address)
        assert await start_many(gateway) == {201}
        assert len(cluster.executions) == STARTS
        async with gateway.http.get("/health") as answer:
            report = await answer.json()
        assert report["components"]["coordinator"]["status"] == "up"
        assert report["components"]["coordinator"]["detail"]
