"""Two states, coordinators and workers: one of each is killed, and what they had moves."""

import asyncio
from pathlib import Path

import aiohttp
import pytest

from penstock.embedded import ClusterSettings, open_cluster
from support.busy import FLOW, NAME, check_result
from support.driving import Driver
from support.record import open_record

EXECUTIONS = 200
KILL_AFTER = 20


@pytest.mark.chaos
@pytest.mark.timeout(180)
async def test_executions_survive_the_move_of_their_shards(tmp_path: Path):
    settings = ClusterSettings(data_dir=tmp_path, states=2, coordinators=2, workers=2)
    ended = 0
    async with (
        open_cluster(settings) as cluster,
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session,
    ):
        driver = Driver(cluster.gateway_url, session)
        await driver.apply(FLOW)

        async def one(n: int) -> None:
            nonlocal ended
            check_result(await driver.run(NAME, f"key-{n}", {"n": n}), n)
            ended += 1
            if ended == KILL_AFTER:
                cluster.kill("coordinator-2")
                cluster.kill("worker")
                cluster.kill("state")

        async with asyncio.TaskGroup() as group:
            for n in range(EXECUTIONS):
                group.create_task(one(n))
        assert ended == EXECUTIONS
        assert len(set(driver.told.started.values())) == EXECUTIONS
        await cluster.wait_ready("state")
        async with open_record(cluster.state_address) as record:
            faults = [fault for e in driver.told.ended for fault in await record.faults(e)]
        assert faults == []
        killed = ("coordinator-2", "worker", "state")
        assert [cluster.restarts[name] for name in killed] == [1, 1, 1]
