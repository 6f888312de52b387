"""A service in a network of its own whose cable is pulled, or loses what goes one way: others take
over meanwhile, it does no harm, and comes back when the cable is whole again."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    ExitStack,
    asynccontextmanager,
)
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import aiohttp
import asyncpg
import pytest

from penstock.embedded import Cluster, ClusterSettings, open_cluster
from support.apart import free_ports, lay_out, open_service
from support.busy import FLOW, NAME, check_result
from support.cable import Cable, NoNamespaces, open_cable
from support.load import faults_of, open_load
from support.partition import open_relay
from support.points import until

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(240)]

LEASE_TTL_MS = "1500"
"""Shorter than usual, so that shards move soon."""
OWNED = """
SELECT count(*) FROM shards s JOIN members m ON m.coordinator_id = s.owner WHERE m.address = $1
"""

WORK = 10

Cut = Callable[[Cable], None]
Look = Callable[[], Awaitable[bool]]
CUTS: list[Cut] = [Cable.unplug, Cable.lose_what_goes_there, Cable.lose_what_comes_back]


@pytest.fixture
def cable() -> Iterator[Cable]:
    with ExitStack() as stack:
        try:
            made = stack.enter_context(open_cable())
        except NoNamespaces as refusal:
            pytest.skip(f"network namespaces need root, unshare, nsenter and ip: {refusal}")
        yield made


@dataclass
class Joined:
    """A cluster that can be reached from the far end of a cable too, at `near` by role; `apart` is
    the address for the service at the far end."""

    cluster: Cluster
    cable: Cable
    near: dict[str, str]
    apart: str

    def open_apart(self, role: str, needs: Mapping[str, str]) -> AbstractAsyncContextManager[None]:
        """A service at the far end."""
        log = self.cluster.data_dir / "logs" / f"{role}-apart.log"
        return open_service(role, self.apart, log, needs, self.cable.within)

    async def has_workers(self, count: int) -> bool:
        """True if coordinators see so many workers."""
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{self.cluster.gateway_url}/v1/queues") as answer,
        ):
            pools = (await answer.json())["pools"]
        return sum(pool["workers"] for pool in pools) == count

    async def has_shards(self, address: str) -> bool:
        """True if the coordinator at an address owns shards."""
        connection = await asyncpg.connect(self.cluster.database_url)
        try:
            return await connection.fetchval(OWNED, address) > 0
        finally:
            await connection.close()

    async def has_none(self, address: str) -> bool:
        """True if all shards are with others."""
        return not await self.has_shards(address)


@asynccontextmanager
async def open_joined(data_dir: Path, cable: Cable) -> AsyncIterator[Joined]:
    ports = free_ports(["gateway", "coordinator", "state", "sandbox", "apart"])
    lay_out(data_dir, ports)
    near = {role: f"{cable.here}:{port}" for role, port in ports.items()}
    env = {
        role: {f"PENSTOCK_{role.upper()}_LISTEN": f"0.0.0.0:{ports[role]}"}
        for role in ("coordinator", "state", "sandbox")
    }
    env["coordinator"] |= {
        "PENSTOCK_COORDINATOR_ADVERTISE": near["coordinator"],
        "PENSTOCK_COORDINATOR_LEASE_TTL_MS": LEASE_TTL_MS,
    }
    settings = ClusterSettings(data_dir=data_dir, process_env=env)
    async with open_cluster(settings) as cluster:
        assert cluster.file.ports["state"] == ports["state"]
        yield Joined(cluster, cable, near, f"{cable.there}:{ports['apart']}")


async def broken_and_mended(joined: Joined, away: Look, back: Look) -> None:
    """Work goes on while the network is whole, broken in each way, and whole again; the checker
    judges it."""
    url = joined.cluster.gateway_url
    async with open_load(url, FLOW, NAME, check_result) as load:
        await until(back)
        for cut in CUTS:
            await load.more(WORK)
            cut(joined.cable)
            await until(away)
            await load.more(WORK)
            joined.cable.plug()
            await until(back)
        await load.more(WORK)
    assert await faults_of(load, joined.cluster.state_address) == []


async def test_a_coordinator_whose_network_breaks_loses_its_shards_and_gets_them_again(
    tmp_path: Path, cable: Cable
):
    async with open_joined(tmp_path, cable) as joined:
        needs = {
            "ADVERTISE": joined.apart,
            "STATE_ADDRESS": joined.near["state"],
            "LEASE_TTL_MS": LEASE_TTL_MS,
        }
        async with joined.open_apart("coordinator", needs):
            away, back = (partial(f, joined.apart) for f in (joined.has_none, joined.has_shards))
            await broken_and_mended(joined, away, back)


async def test_a_worker_whose_network_breaks_loses_its_attempts_and_comes_back(
    tmp_path: Path, cable: Cable
):
    async with open_joined(tmp_path, cable) as joined:
        needs = {
            "COORDINATORS": joined.near["coordinator"],
            "STATE_ADDRESS": joined.near["state"],
            "SANDBOX_ADDRESS": joined.near["sandbox"],
        }
        async with joined.open_apart("worker", needs):
            one, two = partial(joined.has_workers, 1), partial(joined.has_workers, 2)
            await broken_and_mended(joined, one, two)


async def test_a_state_that_writes_and_cannot_say_so_is_left_for_another(
    tmp_path: Path, cable: Cable
):
    """Its coordinator loses its shards, goes to the other state, and gets some again."""
    async with open_joined(tmp_path, cable) as joined, AsyncExitStack() as stack:
        file = joined.cluster.file
        doors = {}
        for name, url in (("postgres", file.database_url), ("nats", file.nats_url)):
            port = partial(file.ports.__getitem__, name)
            relay = await stack.enter_async_context(open_relay(port, cable.here))
            doors[name] = url.replace(f"127.0.0.1:{port()}", relay.address)
        needs = {
            "DATABASE_URL": doors["postgres"],
            "NATS_URL": doors["nats"],
            "PAYLOAD_URL": (tmp_path / "payloads").as_uri(),
        }
        await stack.enter_async_context(joined.open_apart("state", needs))
        (port,) = free_ports(["leaning"]).values()
        leaning = f"127.0.0.1:{port}"
        needs = {
            "ADVERTISE": leaning,
            "STATE_ADDRESS": f"{joined.apart},{file.state_address}",
            "LEASE_TTL_MS": LEASE_TTL_MS,
            "NATS_URL": file.nats_url,
        }
        log = tmp_path / "logs" / "leaning.log"
        await stack.enter_async_context(open_service("coordinator", leaning, log, needs))
        async with open_load(joined.cluster.gateway_url, FLOW, NAME, check_result) as load:
            await until(partial(joined.has_shards, leaning))
            await load.more(WORK)
            cable.lose_what_comes_back()
            await until(partial(joined.has_none, leaning))
            await load.more(WORK)
            await until(partial(joined.has_shards, leaning))
            cable.plug()
            await load.more(WORK)
        assert await faults_of(load, file.state_address) == []
