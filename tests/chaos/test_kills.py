"""SIGKILL of each process while 200 executions run: all end well, none is lost, none twice."""

import asyncio
import os
import signal

import aiohttp
import pytest

from penstock.embedded import ClusterFile
from support.driving import Driver
from support.record import open_record

EXECUTIONS = 200
KILL_AFTER = 20
ROLES = ["worker", "sandbox", "coordinator", "state", "gateway", "postgres", "nats"]
VICTIMS = [[role] for role in ROLES] + [["worker", "coordinator"], ROLES]

FLOW = """
flow: 1
id: busy
params: {n: {type: integer}}
defaults: {retry: fast}
nodes:
  first: {run: "return { n: params.n };"}
  pause: {needs: [first], uses: delay@1, with: {duration: 400ms}}
  items: {needs: [first], run: "return [1, 2, 3, 4, 5].map((k) => k * input.first.n);"}
  each:
    needs: [items]
    for_each: ${{ nodes.items.output }}
    max_parallel: 3
    run: "return item + 1;"
  odd: {needs: [first], when: "${{ nodes.first.output.n % 2 === 1 }}", run: "return 'odd';"}
  after: {needs: [odd], run: "return 'after ' + payload;"}
  last:
    needs: [pause, each, {node: after, on: always}]
    run: "return { n: params.n, sum: input.each.reduce((a, b) => a + b, 0) };"
output: ${{ nodes.last.output }}
"""


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
            body = await driver.run("busy", f"key-{n}", {"n": n})
            assert body["status"] == "COMPLETED", body
            assert body["output"] == {"n": n, "sum": 15 * n + 5}
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
