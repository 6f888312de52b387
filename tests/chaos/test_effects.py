"""Effects under SIGKILL: none is repeated unless the record shows the attempt that repeated it."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator

import aiohttp
import pytest

from penstock.embedded import ClusterFile
from support.driving import Driver
from support.outside import Outside, open_outside
from support.record import Record, open_record

EXECUTIONS = 100
KILL_AT_EFFECT = 60

FLOW = """
flow: 1
id: effects
params: {n: {type: integer}, url: {type: string}}
nodes:
  before: {run: "return { n: params.n };"}
  first:
    needs: [before]
    uses: http@1
    with: {method: POST, url: "${{ params.url }}", json: "${{ nodes.before.output }}"}
  between: {needs: [first], run: "return input.first.status;"}
  second:
    needs: [between]
    uses: http@1
    with: {method: POST, url: "${{ params.url }}", json: {again: true}}
  after: {needs: [second], run: "return params.n;"}
output: ${{ nodes.after.output }}
"""


@pytest.fixture
async def outside() -> AsyncIterator[Outside]:
    async with open_outside() as world:
        yield world


async def attempts(record: Record, execution_id: str, node_id: str) -> int:
    """How many attempts of a node the journal knows."""
    execution = await record.execution(execution_id)
    return next(node.attempt for node in execution.nodes if node.id == node_id)


@pytest.mark.chaos
@pytest.mark.timeout(180)
@pytest.mark.parametrize("role", ["worker", "coordinator", "state"])
async def test_an_effect_is_repeated_only_by_an_attempt_on_record(
    cluster: ClusterFile, outside: Outside, role: str
):
    async def kill() -> None:
        await outside.reached(KILL_AT_EFFECT)
        os.kill(cluster.processes[role].pid, signal.SIGKILL)

    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
        driver = Driver(cluster.gateway_url, session)
        await driver.apply(FLOW)
        async with asyncio.TaskGroup() as group:
            group.create_task(kill())
            for n in range(EXECUTIONS):
                params = {"n": n, "url": outside.url}
                group.create_task(driver.run("effects", f"key-{n}", params))
    async with open_record(cluster.state_address) as record:
        for execution_id, body in driver.told.ended.items():
            assert body["status"] == "COMPLETED", body
            assert await record.faults(execution_id) == []
            for node in ("first", "second"):
                key = f"{execution_id}/{node}/0"
                tried = await attempts(record, execution_id, node)
                assert 1 <= outside.done[key] <= tried, (key, outside.done[key], tried)
    assert len(outside.done) == 2 * EXECUTIONS
