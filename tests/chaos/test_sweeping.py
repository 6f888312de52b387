"""Deaths while executions that were kept long enough are removed, and the large values that nothing
refers to any more: what goes, goes whole; of what lives or is to be kept, nothing goes."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import pytest

from penstock.embedded import Cluster, ClusterSettings, open_cluster
from support.driving import TERMINAL, Driver
from support.points import doctor, driving, judged, until

GRACE_S = 3
"""Longer than a value that was stored waits to be in the journal, deaths and all."""
SERVICES = {
    "PENSTOCK_STATE_SWEEP_EVERY_S": "0.3",
    "PENSTOCK_STATE_PAYLOAD_GRACE_S": str(GRACE_S),
    "PENSTOCK_COORDINATOR_LEASE_TTL_MS": "2000",
}
DEATHS = (("state",), ("state-2", "coordinator"), ("state", "state-2"))
LIVING = 8
CLIENTS = 6
MORE = 12
FIRST = 1_000
"""Number of the first run that comes and goes."""
BLOCK = "0123456789" * 7_000

LARGE = """
flow: 1
id: large
retention: {completed: 2s, failed: forever}
params: {shared: {type: string}, own: {type: string}, bad: {type: boolean, default: false}}
nodes:
  shared: {run: "return '0123456789'.repeat(7000) + params.shared;"}
  own: {run: "return '0123456789'.repeat(7000) + params.own;"}
  look:
    needs: [shared, own]
    run: |
      if (params.bad) throw new Error('kept');
      return [input.shared.slice(70000), input.own.slice(70000)];
"""
PATIENT = (
    LARGE.replace("id: large", "id: patient")
    .replace("{completed: 2s, failed: forever}", "forever")
    .replace("  look:", "  ask: {uses: wait@1, with: {signal: go}}\n  look:")
    .replace("needs: [shared, own]", "needs: [shared, own, ask]")
)
LOOSE = "SELECT " + " + ".join(
    f"(SELECT count(*) FROM {table} WHERE execution_id NOT IN (SELECT execution_id FROM {of}))"
    for table, of in (
        ("journal", "executions"),
        ("payload_refs", "executions"),
        ("execution_tags", "executions"),
        ("executions", "journal"),
    )
)


def params_of(n: int) -> dict[str, str]:
    """What a run makes large values of. The shared ones are made by runs that go and by runs that
    stay. Of those that come and go every other makes one that others made a while ago, which may
    be about to be removed."""
    own = f"again {n // 15 % 2}" if n >= FIRST and n % 2 else f"own {n}"
    return {"shared": f"shared {n % 5}", "own": own}


def check(end: dict[str, Any], n: int) -> None:
    assert (end["status"], end["output"]) == ("COMPLETED", list(params_of(n).values())), end


def digests_of(n: int) -> set[str]:
    """Under which names the large values of a run are stored."""
    texts = [BLOCK + text for text in params_of(n).values()]
    return {hashlib.sha256(json.dumps(text).encode()).hexdigest() for text in texts}


def stored(cluster: Cluster) -> set[str]:
    """What the payload store has."""
    return {
        path.name.removesuffix(".zst") for path in (cluster.data_dir / "payloads").rglob("*.zst")
    }


async def count(driver: Driver, query: str) -> int:
    asked = {"q": query}
    return (await driver.ask("GET", "/v1/executions/count", params=asked))["count"]


@asynccontextmanager
async def open_database(cluster: Cluster) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(cluster.database_url)
    try:
        yield connection
    finally:
        await connection.close()


async def keep_some(driver: Driver) -> tuple[list[str], list[str]]:
    """Executions that wait with large values, and some that failed and are kept for ever."""
    living = [await driver.start("patient", f"living {n}", params_of(n)) for n in range(LIVING)]
    failed = []
    for n in range(LIVING, 2 * LIVING):
        end = await driver.run("large", f"failed {n}", {**params_of(n), "bad": True})
        assert end["status"] == "FAILED"
        failed.append(end["id"])
    return living, failed


@dataclass
class Visitors:
    """Keep runs coming, and look at the end of each before it goes, if they can."""

    driver: Driver
    started: int = 0
    told: int = 0
    missed: int = 0
    stopped: bool = False

    async def keep_coming(self) -> None:
        while not self.stopped:
            n, self.started = FIRST + self.started, self.started + 1
            execution_id = await self.driver.start("large", f"key {n}", params_of(n))
            await self._stay(execution_id, n)

    async def _stay(self, execution_id: str, n: int) -> None:
        path = f"{self.driver.url}/v1/executions/{execution_id}"
        while True:
            await asyncio.sleep(0.05)
            with suppress(aiohttp.ClientError, TimeoutError):
                async with self.driver.session.get(path) as answer:
                    if answer.status == 404:
                        self.missed += 1
                        return
                    body = await answer.json()
                if body.get("status") in TERMINAL:
                    check(body, n)
                    self.told += 1
                    return

    async def gone(self) -> int:
        """How many have ended and been removed."""
        left = await count(self.driver, "workflow:large status:completed")
        return self.told + self.missed - left


async def sweep_and_die(cluster: Cluster, driver: Driver) -> None:
    """Runs come and go while processes die, each time after more of them are gone."""
    visitors = Visitors(driver)
    async with asyncio.TaskGroup() as group:
        for _ in range(CLIENTS):
            group.create_task(visitors.keep_coming())
        for victims in (*DEATHS, ()):
            least = await visitors.gone() + MORE

            async def are_gone(least: int = least) -> bool:
                return await visitors.gone() >= least

            await until(are_gone)
            for name in victims:
                cluster.kill(name)
        visitors.stopped = True
    assert visitors.missed < visitors.told, visitors


@pytest.mark.chaos
@pytest.mark.timeout(240)
async def test_what_is_due_goes_whole_and_nothing_else_goes_whoever_dies(tmp_path: Path):
    settings = ClusterSettings(data_dir=tmp_path, states=2, service_env=SERVICES)
    async with open_cluster(settings) as cluster, driving(cluster.file, LARGE, PATIENT) as driver:
        living, failed = await keep_some(driver)
        await sweep_and_die(cluster, driver)
        kept = set().union(*(digests_of(n) for n in range(2 * LIVING)))

        async def is_swept() -> bool:
            assert kept <= stored(cluster), "a value that an execution refers to was removed"
            left = await count(driver, "workflow:large status:completed")
            return left == 0 and stored(cluster) == kept

        await until(is_swept)
        async with open_database(cluster) as database:
            assert await database.fetchval(LOOSE) == 0
        for n, each in enumerate(living):
            await driver.ask("POST", f"/v1/executions/{each}/signals/go", json={"id": "go"})
            check(await driver.run("patient", f"living {n}", params_of(n)), n)
        for each in failed:
            assert (await driver.ask("GET", f"/v1/executions/{each}"))["status"] == "FAILED"
        await doctor(cluster.file)
        assert await judged(cluster.file, *living, *failed) == []
