"""The trace context of a start reaches the outside world, through every hop."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from penstock.embedded import ClusterFile

pytestmark = pytest.mark.e2e

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

FLOW = """
flow: 1
id: traced
params: {{url: {{type: string, default: "{url}"}}}}
nodes:
  node: {{uses: http@1, with: {{url: "${{{{ params.url }}}}"}}}}
  code: {{needs: [node], run: "return (await http.get(params.url)).status;"}}
"""


@pytest.fixture
async def heard() -> AsyncIterator[tuple[str, list[str]]]:
    traces: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        traces.append(request.headers.get("traceparent", ""))
        return web.json_response({})

    app = web.Application()
    app.router.add_get("/", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/", traces
    await runner.cleanup()


async def test_requests_of_nodes_and_of_code_carry_the_trace_of_the_start(
    cluster: ClusterFile, heard: tuple[str, list[str]]
):
    url, traces = heard
    async with aiohttp.ClientSession(cluster.gateway_url) as session:
        source = FLOW.format(url=url)
        yaml = {"Content-Type": "application/yaml"}
        async with session.post("/v1/workflows", data=source, headers=yaml) as applied:
            assert applied.status == 201, await applied.text()
        path = "/v1/workflows/traced/executions?wait=30s"
        headers = {"traceparent": TRACE}
        async with session.post(path, json={}, headers=headers) as answer:
            body = await answer.json()
    assert body["output"] == 200, body
    assert [trace[3:35] for trace in traces] == [TRACE[3:35]] * 2


async def test_a_lost_jail_is_told_with_the_traces_of_its_calls(
    cluster: ClusterFile, data_dir: Path
):
    async with aiohttp.ClientSession(cluster.gateway_url) as session:
        yaml = {"Content-Type": "application/yaml"}
        source = "flow: 1\nid: traced-loop\nnodes: {spin: {run: 'for (;;) {}', timeout: 1s}}\n"
        async with session.post("/v1/workflows", data=source, headers=yaml) as applied:
            assert applied.status == 201, await applied.text()
        path = "/v1/workflows/traced-loop/executions?wait=30s"
        async with session.post(path, json={}, headers={"traceparent": TRACE}) as answer:
            assert (await answer.json())["status"] == "FAILED"
    lines = (data_dir / "logs/sandbox.log").read_text().splitlines()
    assert any("jail_lost" in line and TRACE[3:35] in line for line in lines)
