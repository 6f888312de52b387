"""Points in the life of an execution, and what kills a cluster there."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp

from penstock.embedded import ClusterFile, find_live_cluster
from support.command_line import Penstock
from support.driving import Driver
from support.record import open_record

VICTIMS = ("coordinator", "worker", "state")
PATIENCE_S = 60

Seen = Callable[[dict[str, Any]], bool]


def node_is(node: str, status: str, **facts: Any) -> Seen:
    """A node has this status, and these facts of it are at least so much."""

    def is_it(execution: dict[str, Any]) -> bool:
        found = next(each for each in execution["nodes"] if each["id"] == node)
        least = all(found.get(name, 0) >= value for name, value in facts.items())
        return found["status"] == status and least

    return is_it


@asynccontextmanager
async def driving(cluster: ClusterFile, *sources: str) -> AsyncIterator[Driver]:
    """A patient client, the workflows applied."""
    timeout = aiohttp.ClientTimeout(total=30)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        driver = Driver(cluster.gateway_url, session)
        for source in sources:
            await driver.apply(source)
        yield driver


async def until(look: Callable[[], Awaitable[bool]]) -> None:
    """Return once it is so."""
    async with asyncio.timeout(PATIENCE_S):
        while not await look():
            await asyncio.sleep(0.01)


async def shows(driver: Driver, execution_id: str, seen: Seen) -> bool:
    """True if the execution is at the point, or past it."""
    execution = await driver.ask("GET", f"/v1/executions/{execution_id}")
    return seen(execution) or execution["status"] != "RUNNING"


def kill(folder: Path, victims: Sequence[str] = VICTIMS) -> None:
    """Kill whoever has these roles now."""
    found = find_live_cluster(folder)
    assert found is not None
    for name in victims:
        os.kill(found.processes[name].pid, signal.SIGKILL)


async def judged(cluster: ClusterFile, *execution_ids: str) -> list[str]:
    """What is wrong with the journals of executions that have ended, and between them."""
    async with open_record(cluster.state_address) as record:
        found = [fault for each in execution_ids for fault in await record.faults(each)]
        return found + await record.family_faults(execution_ids)


async def _is_up(cluster: ClusterFile) -> bool:
    """True if whoever was killed serves again, with shards."""
    async with (
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session,
        session.get(f"{cluster.gateway_url}/health") as health,
        session.get(f"{cluster.gateway_url}/v1/audit") as audit,
    ):
        return health.status == audit.status == 200


async def doctor(cluster: ClusterFile) -> None:
    """`penstock doctor` must say that all is well, once the cluster is up again."""
    await until(partial(_is_up, cluster))
    looked = await asyncio.to_thread(Penstock(cluster.gateway_url), "doctor")
    assert looked.returncode == 0, looked.stdout + looked.stderr
    assert "all is well" in looked.stdout
