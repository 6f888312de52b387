"""SIGKILL while hundreds of executions sleep out of memory: all wake, none early, and end well."""

import asyncio
import os
import signal
from pathlib import Path

import aiohttp
import pytest

from penstock.embedded import find_live_cluster
from support.cluster import dev_cluster
from support.driving import Driver
from support.record import open_record

EXECUTIONS = 300
FLOW = """
flow: 1
id: sleepy
params: {n: {type: integer, default: 0}}
nodes:
  nap: {uses: delay@1, with: {duration: 3s}}
  work: {needs: nap, run: "return params.n * 2"}
  again: {needs: work, uses: delay@1, with: {duration: 2s}}
output: ${{ nodes.work.output }}
"""


@pytest.mark.chaos
@pytest.mark.timeout(180)
@pytest.mark.parametrize("roles", [["coordinator"], ["coordinator", "state"]], ids="+".join)
async def test_who_sleeps_wakes_though_its_coordinator_is_killed_twice(
    tmp_path: Path, roles: list[str]
):
    env = {"PENSTOCK_COORDINATOR_DORMANT_AFTER_MS": "0"}
    timeout = aiohttp.ClientTimeout(total=30)
    with dev_cluster(tmp_path / "cluster", **env) as cluster:
        async with aiohttp.ClientSession(timeout=timeout) as session:
            driver = Driver(cluster.gateway_url, session)
            await driver.apply(FLOW)
            async with asyncio.TaskGroup() as group:
                for n in range(EXECUTIONS):
                    group.create_task(driver.start("sleepy", f"key-{n}", {"n": n}))
            kill(tmp_path / "cluster", roles)

            async def stay(n: int) -> None:
                end = await driver.run("sleepy", f"key-{n}", {"n": n})
                assert (end["status"], end["output"]) == ("COMPLETED", 2 * n)
                if len(driver.told.ended) == EXECUTIONS // 10:
                    kill(tmp_path / "cluster", roles)

            async with asyncio.TaskGroup() as group:
                for n in range(EXECUTIONS):
                    group.create_task(stay(n))
        async with open_record(cluster.state_address) as record:
            faults = [fault for e in driver.told.ended for fault in await record.faults(e)]
    assert faults == []
    assert len(driver.told.ended) == EXECUTIONS


def kill(data_dir: Path, roles: list[str]) -> None:
    """Kill whoever has these roles now."""
    found = find_live_cluster(data_dir)
    assert found is not None
    for role in roles:
        os.kill(found.processes[role].pid, signal.SIGKILL)
