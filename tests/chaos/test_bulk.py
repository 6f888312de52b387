"""Deaths in the middle of an operation over a query: it goes on by itself, reaches each execution
once and no other, and its counts are right, though what it has done no longer fits the query."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from penstock.common.errors import NotFound
from penstock.embedded import ClusterFile, find_live_cluster
from support.cluster import dev_cluster
from support.driving import Driver
from support.points import doctor, driving, judged, kill, until
from support.record import Record, open_record

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(180)]

MANY = 120
"""More than the hundred that an operation writes down at once."""
KILL_AT = (MANY // 4, MANY - 10)
OTHERS = 5
BOTH = ("coordinator", "coordinator-2")

GROUPED = """
flow: 1
id: grouped
params: {group: {type: string, search: true}}
nodes:
  ask: {uses: wait@1, with: {signal: go}}
  after: {needs: [ask], run: "return payload;"}
"""
DOOMED = """
flow: 1
id: doomed
params: {group: {type: string, search: true}}
nodes:
  first: {run: "return 1;"}
  bad: {needs: [first], run: "throw new Error('no');"}
"""


@dataclass(frozen=True)
class Bulk:
    """An operation: over which executions, `done` is the condition of those that it has done, and
    who is killed on the way. `journal` is the event that each must have once."""

    kind: str
    deaths: tuple[tuple[str, ...], tuple[str, ...]]
    query: str
    done: str
    flow: str = "grouped"
    journal: str = ""
    body: tuple[tuple[str, Any], ...] = ()


BULKS = [
    Bulk(
        "cancel", (("coordinator",), ("coordinator-2",)), "status:running", "status:cancelled",
        journal="cancel_requested",
    ),
    Bulk(
        "pause", (("state",), ("coordinator",)), "status:running", "status:paused",
        journal="execution_paused",
    ),
    Bulk(
        "signal", (("coordinator-2",), ("state",)), "status:running", "status:completed",
        journal="signal_received", body=(("signal", "go"), ("payload", 1)),
    ),
    Bulk("retry", (BOTH, ("state",)), "dead_letter:open", "dead_letter:retried", flow="doomed"),
    Bulk("delete", (("state",), BOTH), "dead_letter:open", "", flow="doomed"),
]  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where a cluster with two coordinators runs that all tests here use."""
    folder = tmp_path_factory.mktemp("bulk")
    short = {"PENSTOCK_COORDINATOR_LEASE_TTL_MS": "2000"}
    with dev_cluster(folder, "--coordinators", "2", **short):
        yield folder


@pytest.fixture
def cluster(folder: Path) -> ClusterFile:
    found = find_live_cluster(folder)
    assert found is not None
    return found


class World:
    """Executions that an operation is about, and some that it is not."""

    def __init__(self, driver: Driver, bulk: Bulk) -> None:
        self._driver = driver
        self._bulk = bulk
        self.mine: list[str] = []
        self.others: list[str] = []

    @property
    def query(self) -> str:
        """What finds `mine` before the operation."""
        return f"{self._all_of('many')} {self._bulk.query}"

    async def start(self) -> None:
        """The others are of another group, or have another status."""
        async with asyncio.TaskGroup() as group:
            mine = [group.create_task(self._start("many", n)) for n in range(MANY)]
            others = [group.create_task(self._start("few", n)) for n in range(OTHERS)]
        self.mine = [each.result() for each in mine]
        self.others = [each.result() for each in others]
        if self._bulk.flow == "grouped":
            for n in range(OTHERS):
                past = await self._start("many", MANY + n)
                await self._driver.ask("POST", f"/v1/executions/{past}/signals/go", json={})
                await self._driver.end_of(past)
                self.others.append(past)
        else:
            for each in self.mine + self.others:
                await self._driver.end_of(each)

    async def count(self, condition: str = "", group: str = "many") -> int:
        query = {"q": f"{self._all_of(group)} {condition}"}
        return (await self._driver.ask("GET", "/v1/executions/count", params=query))["count"]

    async def done(self) -> int:
        """How many of them the operation has done by now."""
        if self._bulk.kind == "delete":
            return MANY - await self.count()
        past = OTHERS if self._bulk.kind == "signal" else 0
        return await self.count(self._bulk.done) - past

    async def seqs(self) -> list[int]:
        """How far the others are."""
        pages = [await self._driver.ask("GET", f"/v1/executions/{each}") for each in self.others]
        return [each["last_seq"] for each in pages]

    def _all_of(self, group: str) -> str:
        return f"workflow:{self._bulk.flow} params.group:{self._bulk.kind}-{group}"

    async def _start(self, group: str, n: int) -> str:
        params = {"group": f"{self._bulk.kind}-{group}"}
        return await self._driver.start(self._bulk.flow, f"{params['group']} {n}", params)


async def carried_out(driver: Driver, bulk: Bulk, world: World, folder: Path) -> dict[str, Any]:
    """The operation at its end, after deaths in both of its portions."""
    asked = {"kind": bulk.kind, "query": world.query, "rate_per_s": 60, **dict(bulk.body)}
    key = {"Idempotency-Key": bulk.kind}
    made = await driver.ask("POST", "/v1/operations", json=asked, headers=key)
    path = f"/v1/operations/{made['id']}"
    for victims, least in zip(bulk.deaths, KILL_AT, strict=True):

        async def is_so_far(least: int = least) -> bool:
            return await world.done() >= least

        await until(is_so_far)
        kill(folder, victims)

    async def is_over() -> bool:
        return (await driver.ask("GET", path))["state"] != "RUNNING"

    await until(is_over)
    return await driver.ask("GET", path)


@pytest.mark.parametrize("bulk", BULKS, ids=lambda bulk: bulk.kind)
async def test_an_operation_reaches_each_once_whoever_dies_meanwhile(
    cluster: ClusterFile, folder: Path, bulk: Bulk
):
    async with driving(cluster, GROUPED, DOOMED) as driver:
        world = World(driver, bulk)
        await world.start()
        before = await world.seqs()
        operation = await carried_out(driver, bulk, world, folder)
        counts = [operation[name] for name in ("state", "matched", "done", "skipped", "failed")]
        assert counts == ["COMPLETED", MANY, MANY, 0, 0], operation
        assert await world.done() == MANY
        assert await world.seqs() == before
        async with open_record(cluster.state_address) as record:
            await check(record, driver, bulk, world)
        await doctor(cluster)
    if bulk.kind in ("cancel", "signal"):
        assert await judged(cluster, *world.mine) == []


async def check(record: Record, driver: Driver, bulk: Bulk, world: World) -> None:
    """Each has what the operation does, once."""
    if bulk.journal:
        for each in world.mine:
            kinds = [e.WhichOneof("kind") for b in await record.journal(each) for e in b.events]
            assert kinds.count(bulk.journal) == 1, kinds
    if bulk.kind == "retry":
        assert await world.count() == 2 * MANY
        for each in world.mine:
            query = {"q": f"origin:{each}"}
            found = await driver.ask("GET", "/v1/executions/count", params=query)
            assert found["count"] == 1
    if bulk.kind == "delete":
        assert await world.count(group="few") == OTHERS
        for each in world.mine:
            with pytest.raises(NotFound):
                await record.execution(each)
