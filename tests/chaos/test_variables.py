"""Deaths while nodes change variables: what a client was told is never taken back, and each change
counts once, however often its attempt or its signal was repeated."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from penstock.common.journal_codec import batch_from_proto
from penstock.embedded import ClusterFile
from penstock.workflow.execution.variables import VarsChanged
from support.driving import TERMINAL, Driver
from support.points import VICTIMS, doctor, driving, judged, kill
from support.record import open_record

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(120)]

ITEMS = 30
DEATHS = {4: ("coordinator",), 10: ("worker",), 16: ("state",), 24: VICTIMS}
"""Who is killed once the count is that far."""
ADDED = (1, 20, 300, 4_000)
"""What signals bring, one after each death."""
BEGIN = 50_000

_COUNTS = """
flow: 1
id: counts
vars: {count: 0}
nodes:
  list: {run: "return Array.from({length: %d}, (_, k) => k);"}
  each:
    needs: [list]
    for_each: ${{ nodes.list.output }}
    max_parallel: 1
    run: "vars.set('count', vars.get('count') + 1);"
"""
_ADDS = """
  ask%d: {uses: wait@1, with: {signal: add}, needs: [%s]}
  add%d: {needs: [ask%d], run: "vars.set('sum', vars.get('sum') + payload);"}
"""


def flow() -> str:
    """Items add 1 to a count one after the other; beside them nodes add to a sum what signals
    bring."""
    parts = [_COUNTS % ITEMS]
    for n in range(len(ADDED)):
        parts.append(_ADDS % (n, f"add{n - 1}" if n else "list", n, n))
    parts.append('output: {count: "${{ vars.count }}", sum: "${{ vars.sum }}"}\n')
    return "".join(parts)


class Reader:
    """Reads the variables again and again, and kills where it is told to."""

    def __init__(self, driver: Driver, execution_id: str, folder: Path) -> None:
        self._driver = driver
        self._path = f"/v1/executions/{execution_id}"
        self._folder = folder
        self.told: list[Mapping[str, Any]] = []
        self.deaths = 0

    async def read(self) -> str:
        """The status; the variables are kept in `told`."""
        execution = await self._driver.ask("GET", self._path)
        self.told.append(execution["vars"])
        return execution["status"]

    async def kill_on_the_way(self) -> None:
        """Kill each time the count is that far, then read on to the end."""
        for count, victims in DEATHS.items():
            while await self.read() not in TERMINAL and self.told[-1]["count"] < count:
                await asyncio.sleep(0.01)
            kill(self._folder, victims)
            self.deaths += 1
        while await self.read() not in TERMINAL:
            await asyncio.sleep(0.02)


async def send_twice(driver: Driver, execution_id: str, reader: Reader) -> None:
    """A signal after each death; each is acknowledged twice, as to a client that missed the first
    answer."""
    path = f"/v1/executions/{execution_id}/signals/add"
    for n, added in enumerate(ADDED):
        while reader.deaths <= n:
            await asyncio.sleep(0.01)
        for _ in range(2):
            await driver.ask("POST", path, json={"payload": added, "id": f"signal {n}"})


async def written(cluster: ClusterFile, execution_id: str, name: str) -> list[Any]:
    """Every value a variable got, as the journal has it."""
    async with open_record(cluster.state_address) as record:
        batches = await record.journal(execution_id)
    events = [event for batch in batches for event in batch_from_proto(batch)[3]]
    changes = [event.change for event in events if isinstance(event, VarsChanged)]
    return [
        msgspec.json.decode(value)
        for change in changes
        for each, value in zip(change.names, change.values_json, strict=True)
        if each == name
    ]


async def test_each_change_counts_once_and_none_is_taken_back_whoever_dies(
    cluster: ClusterFile, tmp_path: Path
):
    async with driving(cluster, flow()) as driver:
        execution_id = await driver.start("counts", "counted", {}, vars={"sum": BEGIN})
        reader = Reader(driver, execution_id, tmp_path / "cluster")
        async with asyncio.TaskGroup() as group:
            group.create_task(reader.kill_on_the_way())
            group.create_task(send_twice(driver, execution_id, reader))
        end = await driver.run("counts", "counted", {}, vars={"sum": BEGIN})
        assert end["output"] == {"count": ITEMS, "sum": BEGIN + sum(ADDED)}
        await doctor(cluster)
    for name in ("count", "sum"):
        seen = [each[name] for each in reader.told]
        assert seen == sorted(seen), f"{name} was taken back: {seen}"
    assert await written(cluster, execution_id, "count") == list(range(1, ITEMS + 1))
    sums = [BEGIN + sum(ADDED[: n + 1]) for n in range(len(ADDED))]
    assert await written(cluster, execution_id, "sum") == sums
    assert await judged(cluster, execution_id) == []
