"""Executions through REST, on the shipped cluster."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from penstock.embedded import ClusterFile

pytestmark = pytest.mark.e2e

YAML = {"Content-Type": "application/yaml"}


class Api:
    """REST with just enough help to read well."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self.url = url
        self.session = session

    async def __call__(self, method: str, path: str, **more: Any) -> tuple[int, Any]:
        async with self.session.request(method, self.url + path, **more) as answer:
            return answer.status, await answer.json(content_type=None)

    async def apply(self, source: str) -> str:
        status, body = await self("POST", "/v1/workflows", data=source.encode(), headers=YAML)
        assert status in (200, 201), body
        return body["name"]

    async def run(self, source: str, **params: Any) -> dict[str, Any]:
        name = await self.apply(source)
        path = f"/v1/workflows/{name}/executions?wait=30s"
        status, body = await self("POST", path, json={"params": params})
        assert status == 200, body
        return body

    async def nodes(self, execution_id: str) -> dict[str, dict[str, Any]]:
        _, body = await self("GET", f"/v1/executions/{execution_id}")
        return {node["id"]: node for node in body["nodes"]}

    async def events(self, execution_id: str, after: int = 0) -> AsyncIterator[dict[str, Any]]:
        """Server-sent events until the stream ends."""
        path = f"{self.url}/v1/executions/{execution_id}/events?after={after}"
        async with self.session.get(path) as answer:
            async for line in answer.content:
                if line.startswith(b"data:"):
                    yield json.loads(line[5:])


@pytest.fixture
async def api(cluster: ClusterFile) -> AsyncIterator[Api]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as session:
        yield Api(cluster.gateway_url, session)


async def test_a_router_runs_the_chosen_branch_and_skips_the_other_whole(api: Api):
    flow = """
flow: 1
id: routed
params: {n: {type: number}}
nodes:
  start: {run: "return { n: params.n };"}
  route:
    needs: [start]
    uses: switch@1
    with: {cases: [{when: "${{ nodes.start.output.n > 10 }}", action: big}], default: small}
  big: {needs: [{node: route, action: big}], run: "return 'big';"}
  bigger: {needs: [big], run: "return payload + 'ger';"}
  small: {needs: [{node: route, action: small}], run: "return 'small';"}
  merged: {needs: [bigger, small], run: "return input.bigger ?? input.small;"}
"""
    body = await api.run(flow, n=11)
    assert body["output"] == "bigger"
    nodes = await api.nodes(body["id"])
    assert nodes["small"]["status"] == "SKIPPED"
    body = await api.run(flow, n=1)
    nodes = await api.nodes(body["id"])
    assert body["output"] == "small"
    assert (nodes["big"]["status"], nodes["bigger"]["status"]) == ("SKIPPED", "SKIPPED")


async def test_a_thrown_error_fails_the_run_and_names_the_place(api: Api):
    body = await api.run(
        "flow: 1\nid: thrower\nnodes:\n  a: {run: 'return 1;'}\n"
        "  b: {needs: [a], run: 'null.x;'}\n  c: {needs: [b], run: 'return 2;'}\n"
    )
    assert body["status"] == "FAILED"
    assert "TypeError" in body["failure"]["message"]
    nodes = await api.nodes(body["id"])
    assert nodes["b"]["status"] == "FAILED"
    assert nodes["c"]["status"] == "CANCELLED"


async def test_continue_hands_the_error_to_the_children_and_on_failure_runs_a_handler(api: Api):
    body = await api.run("""
flow: 1
id: handled
nodes:
  bad: {run: "throw new Error('x');", on_error: continue}
  sees: {needs: [bad], run: "return input.bad.error.message;"}
  worse: {run: "throw new Error('y');"}
  rescue: {needs: [{node: worse, on: failure}], run: "return 'rescued';"}
""")
    assert body["status"] == "COMPLETED", body
    assert "x" in body["output"]["sees"]
    assert body["output"]["rescue"] == "rescued"


async def test_a_sleeping_run_is_cancelled_and_stays_so(api: Api):
    name = await api.apply(
        "flow: 1\nid: sleeper\nnodes:\n  nap: {uses: delay@1, with: {duration: 1h}}\n"
        "  then: {needs: [nap], run: 'return 1;'}\n"
    )
    _, started = await api("POST", f"/v1/workflows/{name}/executions", json={})
    path = f"/v1/executions/{started['id']}"
    status, body = await api("POST", f"{path}/cancel", json={"reason": "enough"})
    assert (status, body["status"]) == (200, "CANCELLED")
    status, body = await api("POST", f"{path}/cancel", json={})
    assert (status, body["status"]) == (200, "CANCELLED")
    nodes = await api.nodes(started["id"])
    assert {node["status"] for node in nodes.values()} == {"CANCELLED"}


async def test_a_signal_wakes_the_node_that_waits_for_it(api: Api):
    name = await api.apply(
        "flow: 1\nid: approval\nnodes:\n  ask: {uses: wait@1, with: {signal: approve}}\n"
        "  then: {needs: [ask], run: 'return payload.by;'}\n"
    )
    _, started = await api("POST", f"/v1/workflows/{name}/executions", json={})
    path = f"/v1/executions/{started['id']}"
    async for message in api.events(started["id"]):
        waiting = "WAITING" in json.dumps(message)
        if waiting:
            status, _ = await api(
                "POST", f"{path}/signals/approve", json={"payload": {"by": "Ada"}}
            )
            assert status in (200, 202)
    _, body = await api("GET", path)
    assert (body["status"], body["output"]) == ("COMPLETED", "Ada")


async def test_a_node_that_waits_says_why_in_one_sentence(api: Api):
    name = await api.apply(
        "flow: 1\nid: why\nnodes:\n  ask: {uses: wait@1, with: {signal: go}}\n"
        "  then: {needs: [ask], run: 'return 1;'}\n"
    )
    _, started = await api("POST", f"/v1/workflows/{name}/executions", json={})
    async for message in api.events(started["id"]):
        if "WAITING" in json.dumps(message):
            break
    nodes = await api.nodes(started["id"])
    assert "go" in nodes["ask"]["waiting_for"]
    assert "ask" in nodes["then"]["waiting_for"]
    await api("POST", f"/v1/executions/{started['id']}/cancel", json={})


async def test_the_same_key_is_one_start_and_other_content_a_conflict(api: Api):
    name = await api.apply(
        "flow: 1\nid: keyed\nparams: {n: {type: number}}\nnodes: {a: {run: 'return params.n;'}}\n"
    )
    path = f"/v1/workflows/{name}/executions?wait=10s"
    key = {"Idempotency-Key": "order-1"}
    answers = [await api("POST", path, json={"params": {"n": 1}}, headers=key) for _ in range(3)]
    assert len({body["id"] for _, body in answers}) == 1
    assert [body["output"] for _, body in answers] == [1, 1, 1]
    status, body = await api("POST", path, json={"params": {"n": 2}}, headers=key)
    assert (status, body["code"]) == (409, "IDEMPOTENCY_CONFLICT")


async def test_many_starts_with_one_key_at_once_are_one_execution(api: Api):
    name = await api.apply("flow: 1\nid: racing\nnodes: {a: {run: 'return 1;'}}\n")
    path = f"/v1/workflows/{name}/executions"
    key = {"Idempotency-Key": "same"}

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(api("POST", path, json={}, headers=key)) for _ in range(30)]
    bodies = [task.result()[1] for task in tasks]
    assert len({body["id"] for body in bodies}) == 1
    assert sum(not body["existing"] for body in bodies) == 1


async def test_pages_of_a_list_show_each_execution_once(api: Api):
    name = await api.apply("flow: 1\nid: paged\nnodes: {a: {run: 'return 1;'}}\n")
    started = set()
    for _ in range(7):
        _, body = await api("POST", f"/v1/workflows/{name}/executions?wait=10s", json={})
        assert "id" in body, body
        started.add(body["id"])
    seen: list[str] = []
    first = f"workflow={name}&status=COMPLETED&limit=3"
    query, cursor = first, ""
    while cursor is not None:
        _, page = await api("GET", f"/v1/executions?{query}")
        seen += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
        query = f"{first}&cursor={cursor}"
    assert sorted(seen) == sorted(started)
    assert seen == sorted(seen, reverse=True)


async def test_events_resume_after_any_sequence_without_gap_or_repeat(api: Api):
    body = await api.run(
        "flow: 1\nid: resumed\nnodes:\n  a: {run: 'return [1,2,3];'}\n"
        "  b: {needs: [a], for_each: '${{ nodes.a.output }}', run: 'return item;'}\n"
    )
    _, history = await api("GET", f"/v1/executions/{body['id']}/history")
    last = history["items"][-1]["seq"]
    assert [item["seq"] for item in history["items"]] == list(range(1, last + 1))
    for after in range(1, last):
        seen = [message["seq"] async for message in api.events(body["id"], after)]
        assert seen == list(range(after + 1, last + 1))


async def test_a_large_value_travels_by_reference_and_is_opened_on_demand(api: Api):
    body = await api.run("""
flow: 1
id: large
nodes:
  make: {run: "return 'x'.repeat(200000);"}
  size: {needs: [make], run: "return input.make.length;"}
""")
    assert body["output"] == 200000
    nodes = await api.nodes(body["id"])
    reference = nodes["make"]["output"]
    assert reference["size"] == 200002
    status, value = await api("GET", f"/v1/payloads/{reference['$ref']}")
    assert (status, value) == (200, "x" * 200000)


async def test_a_loop_without_end_is_killed_and_the_cluster_lives_on(api: Api):
    body = await api.run("flow: 1\nid: endless\nnodes: {spin: {run: 'for (;;) {}', timeout: 1s}}\n")
    assert body["status"] == "FAILED"
    assert "TIMEOUT" in body["failure"]["reason"]
    body = await api.run("flow: 1\nid: after-endless\nnodes: {a: {run: 'return 1;'}}\n")
    assert body["output"] == 1


async def test_a_hungry_script_is_killed_and_the_cluster_lives_on(api: Api):
    body = await api.run(
        "flow: 1\nid: hungry\nnodes: {eat: {run: 'const a = []; for (;;) a.push(new Array(1e6)"
        ".fill(7));', timeout: 20s}}\n"
    )
    assert body["status"] == "FAILED"
    assert "MEMORY" in body["failure"]["reason"]
    body = await api.run("flow: 1\nid: after-hungry\nnodes: {a: {run: 'return 1;'}}\n")
    assert body["output"] == 1


async def test_a_signal_after_the_end_is_refused_unless_it_had_arrived(api: Api):
    name = await api.apply("flow: 1\nid: late\nnodes:\n  ask: {uses: wait@1, with: {signal: go}}\n")
    _, started = await api("POST", f"/v1/workflows/{name}/executions", json={})
    path = f"/v1/executions/{started['id']}/signals"
    status, _ = await api("POST", f"{path}/go", json={"payload": 1, "id": "s-1"})
    assert status in (200, 202)
    async for _ in api.events(started["id"]):
        pass
    status, _ = await api("POST", f"{path}/go", json={"payload": 1, "id": "s-1"})
    assert status in (200, 202)
    status, body = await api("POST", f"{path}/go", json={"payload": 1, "id": "s-2"})
    assert (status, body["code"]) == (409, "CONFLICT")
    assert body["fix"]


async def test_a_choice_that_leads_nowhere_fails_the_node_and_lists_the_choices(api: Api):
    body = await api.run("""
flow: 1
id: mistyped
nodes:
  router: {run: "next('lft');"}
  left: {needs: [{node: router, action: left}], run: "return 1;"}
  right: {needs: [router], run: "return 2;"}
""")
    assert (body["status"], body["failure"]["reason"]) == ("FAILED", "UNKNOWN_CHOICE")
    assert "left, right" in body["failure"]["message"]
