"""Backing servers away: refusals are clear, nothing acknowledged is lost, service comes back."""

import json
import os
import shutil
import signal
from pathlib import Path

import aiohttp
import psutil
import pytest

from penstock.embedded import ClusterFile
from support.driving import Driver
from support.record import open_record

FLOW = "flow: 1\nid: small\nparams: {n: {type: integer}}\nnodes: {a: {run: 'return params.n;'}}\n"
WAITING = "flow: 1\nid: waits\nnodes: {ask: {uses: wait@1, with: {signal: go}}}\n"


@pytest.mark.chaos
async def test_while_postgresql_hangs_starts_are_refused_and_later_work_again(
    cluster: ClusterFile,
):
    database = psutil.Process(cluster.processes["postgres"].pid)
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as session:
        driver = Driver(cluster.gateway_url, session)
        await driver.apply(FLOW)
        await driver.run("small", "before", {"n": 1})
        frozen = [database, *database.children(recursive=True)]
        for process in frozen:
            process.suspend()
        try:
            path = f"{cluster.gateway_url}/v1/workflows/small/executions"
            headers = {"Idempotency-Key": "during"}
            body = {"params": {"n": 2}}
            async with session.post(path, json=body, headers=headers) as answer:
                problem = await answer.json(content_type=None)
                assert answer.status in (503, 504), problem
                assert problem["code"] in ("UNAVAILABLE", "DEADLINE_EXCEEDED")
                assert problem["detail"]
        finally:
            for process in frozen:
                process.resume()
        during = await driver.run("small", "during", {"n": 2})
        after = await driver.run("small", "after", {"n": 3})
        assert (during["output"], after["output"]) == (2, 3)
    async with open_record(cluster.state_address) as record:
        assert [f for e in driver.told.ended for f in await record.faults(e)] == []


@pytest.mark.chaos
async def test_a_wiped_jetstream_costs_watchers_nothing(cluster: ClusterFile, tmp_path: Path):
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as session:
        driver = Driver(cluster.gateway_url, session)
        await driver.apply(WAITING)
        execution_id = await driver.start("waits", "one", {})
        path = f"{cluster.gateway_url}/v1/executions/{execution_id}"
        seen: list[int] = []
        async with session.get(f"{path}/events?after=0") as stream:
            async for line in stream.content:
                if not line.startswith(b"data:"):
                    continue
                message = json.loads(line[5:])
                seen.append(message["seq"])
                if b"WAITING" in line:
                    os.kill(cluster.processes["nats"].pid, signal.SIGKILL)
                    shutil.rmtree(tmp_path / "cluster/nats/jetstream", ignore_errors=True)
                    await driver.ask(
                        "POST", f"/v1/executions/{execution_id}/signals/go", json={"payload": 1}
                    )
        assert seen == sorted(set(seen))
        body = await driver.ask("GET", f"/v1/executions/{execution_id}")
        assert body["status"] == "COMPLETED"
        assert seen[-1] == body["last_seq"]
