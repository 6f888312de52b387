"""SIGKILL of each process while 200 executions run: all end well, none is lost, none twice."""

import asyncio
import os
import signal

import aiohttp
import pytest

from penstock.embedded import ClusterFile
from support.busy import FLOW, NAME, check_result
from support.driving import Driver
from support.record import open_record

EXECUTIONS = 200
KILL_AFTER = 20
ROLES = ["worker", "sandbox", "coordinator", "state", "gateway", "postgres", "nats"]
VICTIMS = [[role] for role in ROLES] + [["worker", "coordinator"], ROLES]


@pytest.mark.chaos
@pytest.mark.timeout(180)
@pytest.mark.parametrize("roles", VICTIMS, ids="+".join)
async def test_every_execution_ends_well_though_a_process_is_killed(
    cluster: ClusterFile, roles: list[str]
):
    ended = 0
    killed = asyncio.Event()
    timeout = aiohttp.ClientTimeout(total=30)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        driver = Driver(cluster.gateway_url, session)
        await driver.apply(FLOW)

        async def one(n: int) -> None:
            nonlocal ended
            check_result(await driver.run(NAME, f"key-{n}", {"n": n}), n)
            ended += 1
            if ended == KILL_AFTER:
                for role in roles:
                    os.kill(cluster.processes[role].pid, signal.SIGKILL)
                killed.set()

        async with asyncio.TaskGroup() as group:
            for n in range(EXECUTIONS):
                group.create_task(one(n))
    assert killed.is_set()
    assert len(set(driver.told.started.values())) == EXECUTIONS
    async with open_record(cluster.state_address) as record:
        faults = [fault for e in driver.told.ended for fault in await record.faults(e)]
        for key, execution_id in driver.told.started.items():
            kept = await record.execution(execution_id)
            assert kept.output.json, f"{key} lost its output"
    assert faults == []
