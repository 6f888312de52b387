"""Effects under SIGKILL: none is repeated unless the record shows the attempt that repeated it."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from penstock.embedded import ClusterFile
from support.driving import Driver
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


class Outside:
    """The world: counts what was done to it, by idempotency key."""

    def __init__(self) -> None:
        self.done: Counter[str] = Counter()
        self.reached = asyncio.Event()
        self.url = ""

    async def take(self, request: web.Request) -> web.Response:
        await request.read()
        self.done[request.headers["Idempotency-Key"]] += 1
        if self.done.total() >= KILL_AT_EFFECT:
            self.reached.set()
        return web.json_response({"ok": True})


@pytest.fixture
async def outside() -> AsyncIterator[Outside]:
    world = Outside()
    app = web.Application()
    app.router.add_post("/", world.take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    world.url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    yield world
    await runner.cleanup()


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
        await outside.reached.wait()
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
