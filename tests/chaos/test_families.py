"""Parents and sub-workflows while the coordinator is killed again and again: each is started once,
each end arrives once."""

import asyncio
import os
import signal
from pathlib import Path

import aiohttp
import pytest

from penstock.embedded import ClusterFile, find_live_cluster
from support.driving import Driver
from support.record import open_record

LEAF = """
flow: 1
id: leaf
params: {n: {type: number}}
nodes:
  nap: {uses: delay@1, with: {duration: "${{ params.n * 20 }}ms"}}
  give: {needs: [nap], run: "return params.n * 2;"}
"""
FAMILY = """
flow: 1
id: family
nodes:
  list: {run: "return Array.from({length: 40}, (_, k) => k);"}
  each:
    needs: [list]
    for_each: ${{ nodes.list.output }}
    max_parallel: 10
    uses: workflow@1
    with: {workflow: leaf, params: {n: "${{ item }}"}}
  sum: {needs: [each], run: "return payload.reduce((sum, n) => sum + n, 0);"}
"""
QUICK = """
flow: 1
id: quick
params: {n: {type: number}}
nodes:
  give: {uses: set@1, with: {value: "${{ params.n }}"}}
"""
WIDTH = 3_000
CROWD = f"""
flow: 1
id: crowd
nodes:
  list: {{run: "return Array.from({{length: {WIDTH}}}, (_, k) => k);"}}
  each:
    needs: [list]
    for_each: ${{{{ nodes.list.output }}}}
    uses: workflow@1
    with: {{workflow: quick, params: {{n: "${{{{ item }}}}"}}}}
"""
KILLS = 3


class Killer:
    """Kills the coordinator, each time the one that came after the last."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._last = 0

    async def kill(self) -> None:
        async with asyncio.timeout(60):
            while (pid := self._pid()) == self._last:
                await asyncio.sleep(0.05)
        os.kill(pid, signal.SIGKILL)
        self._last = pid

    def _pid(self) -> int:
        found = find_live_cluster(self._folder)
        assert found is not None
        return found.processes["coordinator"].pid


@pytest.mark.chaos
@pytest.mark.timeout(180)
async def test_a_family_survives_its_coordinator(cluster: ClusterFile, tmp_path: Path):
    timeout = aiohttp.ClientTimeout(total=30)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        driver, killer = Driver(cluster.gateway_url, session), Killer(tmp_path / "cluster")
        for source in (LEAF, FAMILY):
            await driver.apply(source)
        parent = await driver.start("family", "the one", {})
        ended = 0
        for _ in range(KILLS):  # each time right after another sub-workflow is seen to have ended
            async with asyncio.timeout(60):
                while True:
                    known = await driver.children_of(parent)
                    now = sum(one["execution"]["status"] == "COMPLETED" for one in known)
                    if now > ended:
                        break
            ended = now
            await killer.kill()
        end = await driver.run("family", "the one", {})
        assert end["status"] == "COMPLETED", end
        assert end["output"] == sum(2 * k for k in range(40))
        children = await driver.children_of(parent)
    assert [(one["node"], one["item"]) for one in children] == [("each", k) for k in range(40)]
    assert {one["execution"]["status"] for one in children} == {"COMPLETED"}
    async with open_record(cluster.state_address) as record:
        for execution in (parent, *(one["execution"]["id"] for one in children)):
            assert await record.faults(execution) == []


@pytest.mark.chaos
@pytest.mark.timeout(240)
async def test_a_wide_family_survives_kills_in_the_midst_of_its_batches(
    cluster: ClusterFile, tmp_path: Path
):
    """Starts and ends go by hundreds here: a kill finds some of a batch on disk and some not."""
    timeout = aiohttp.ClientTimeout(total=30)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        driver, killer = Driver(cluster.gateway_url, session), Killer(tmp_path / "cluster")
        for source in (QUICK, CROWD):
            await driver.apply(source)
        parent = await driver.start("crowd", "the one", {})
        for share in (0.1, 0.4):  # of the items that have ended by then
            async with asyncio.timeout(90):
                while True:
                    told = await driver.ask("GET", f"/v1/executions/{parent}")
                    each = next(node for node in told["nodes"] if node["id"] == "each")
                    if each.get("items_done", 0) >= share * WIDTH:
                        break
            await killer.kill()
        end = await driver.run("crowd", "the one", {})
        assert end["status"] == "COMPLETED", end
        assert end["output"] == list(range(WIDTH))
        children = await driver.children_of(parent)
    assert [one["item"] for one in children] == list(range(WIDTH))
    assert {one["execution"]["status"] for one in children} == {"COMPLETED"}
    async with open_record(cluster.state_address) as record:
        assert await record.faults(parent) == []
        ids = [one["execution"]["id"] for one in children]
        assert await record.family_faults([parent, *ids]) == []
