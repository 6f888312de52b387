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
KILLS = 3


def kill_coordinator(folder: Path) -> int:
    found = find_live_cluster(folder)
    assert found is not None
    pid = found.processes["coordinator"].pid
    os.kill(pid, signal.SIGKILL)
    return pid


@pytest.mark.chaos
@pytest.mark.timeout(180)
async def test_a_family_survives_its_coordinator(cluster: ClusterFile, tmp_path: Path):
    timeout = aiohttp.ClientTimeout(total=30)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        driver = Driver(cluster.gateway_url, session)
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
            kill_coordinator(tmp_path / "cluster")
        end = await driver.run("family", "the one", {})
        assert end["status"] == "COMPLETED", end
        assert end["output"] == sum(2 * k for k in range(40))
        children = await driver.children_of(parent)
    assert [(one["node"], one["item"]) for one in children] == [("each", k) for k in range(40)]
    assert {one["execution"]["status"] for one in children} == {"COMPLETED"}
    async with open_record(cluster.state_address) as record:
        for execution in (parent, *(one["execution"]["id"] for one in children)):
            assert await record.faults(execution) == []
