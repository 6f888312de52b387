"""Executions over REST."""

import asyncio
import json

from penstock.api.workflow.v1 import workflow_service_pb2 as api
from support.gateway.fake_cluster import NODES

STARTS = "/v1/workflows/{}/executions"


async def start(gateway, name="echo", query="", headers=None, **body):
    url = STARTS.format(name) + query
    async with gateway.http.post(url, json=body, headers=headers) as answer:
        return answer.status, await answer.json(), answer.headers


async def test_a_start_answers_201_and_where_the_execution_is(gateway):
    status, body, headers = await start(gateway, "slow", params={"a": 1})
    assert status == 201
    assert body["status"] == "RUNNING"
    assert body["existing"] is False
    assert headers["location"] == f"/v1/executions/{body['id']}"
    async with gateway.http.get(headers["location"]) as answer:
        found = await answer.json()
    assert answer.status == 200
    assert found["params"] == {"a": 1}
    assert found["last_seq"] == 1
    assert [node["id"] for node in found["nodes"]] == ["first", "second"]


async def test_waiting_for_an_execution_gives_its_output_as_it_is(gateway):
    params = {"big": 12345678901234567890, "text": "ünï \u2028", "list": [1, None, {"x": []}]}
    status, body, _ = await start(gateway, "echo", "?wait=30s", params=params)
    assert status == 200
    assert body["status"] == "COMPLETED"
    assert body["output"] == params


async def test_waiting_for_an_execution_that_fails_gives_the_failure(gateway):
    status, body, _ = await start(gateway, "broken", "?wait=30s")
    assert status == 200
    assert body["status"] == "FAILED"
    assert body["failure"] == {
        "error_class": "user",
        "reason": "THROWN",
        "message": "it broke",
    }


async def test_when_the_time_to_wait_is_up_the_answer_is_202_with_location(gateway):
    status, body, headers = await start(gateway, "slow", "?wait=20ms")
    assert status == 202
    assert body["status"] == "RUNNING"
    assert headers["location"].endswith(body["id"])


async def test_an_execution_that_ends_while_somebody_waits_is_answered(gateway):
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(start(gateway, "slow", "?wait=30s"))
        while not gateway.cluster.executions:
            await asyncio.sleep(0)
        next(iter(gateway.cluster.executions.values())).end(b'{"done":true}')
    status, body, _ = waiting.result()
    assert (status, body["output"]) == (200, {"done": True})


async def test_a_repeated_start_with_the_same_key_is_the_same_execution(gateway):
    key = {"Idempotency-Key": "order-7"}
    first, second = [await start(gateway, "slow", headers=key) for _ in range(2)]
    assert first[0] == 201
    assert second[0] == 200
    assert second[1]["existing"] is True
    assert first[1]["id"] == second[1]["id"]


async def test_a_workflow_can_be_named_in_the_body(gateway):
    async with gateway.http.post("/v1/executions", json={"workflow": "echo"}) as answer:
        assert answer.status == 201
        assert (await answer.json())["workflow"] == "echo"


async def test_concurrent_starts_travel_together(gateway):
    async with asyncio.TaskGroup() as tasks:
        runs = [tasks.create_task(start(gateway, "echo", "?wait=5s")) for _ in range(50)]
    assert {run.result()[0] for run in runs} == {200}
    assert sum(gateway.cluster.batch_sizes) == 50
    assert len(gateway.cluster.batch_sizes) < 50


async def test_the_trace_of_a_start_travels_with_it(gateway):
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    _, _, headers = await start(gateway, "echo", headers={"traceparent": trace})
    assert gateway.cluster.traces == [trace]
    assert headers["traceparent"] == trace


async def test_every_answer_carries_a_trace_even_if_the_request_has_none(gateway):
    _, _, headers = await start(gateway, "echo")
    assert gateway.cluster.traces == [headers["traceparent"]]
    assert len(headers["traceparent"]) == 55


async def test_executions_are_listed_in_pages_newest_first(gateway):
    ids = [(await start(gateway, "echo", tags=["t"]))[1]["id"] for _ in range(5)]
    seen, cursor = [], ""
    while True:
        url = f"/v1/executions?limit=2&status=completed&tag=t&cursor={cursor}"
        async with gateway.http.get(url) as answer:
            page = await answer.json()
        seen += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == sorted(ids, reverse=True)
    assert "nodes" not in page["items"][0]


async def test_an_execution_is_cancelled_with_a_reason(gateway):
    _, body, _ = await start(gateway, "slow")
    url = f"/v1/executions/{body['id']}/cancel"
    async with gateway.http.post(url, json={"reason": "a mistake"}) as answer:
        assert await answer.json() == {"id": body["id"], "status": "CANCELLED"}
    events = gateway.cluster.executions[body["id"]].batches[1].events
    assert events[0].cancel_requested.reason == "a mistake"


async def test_a_signal_reaches_the_execution(gateway):
    _, body, _ = await start(gateway, "slow")
    url = f"/v1/executions/{body['id']}/signals/approve"
    async with gateway.http.post(url, json={"payload": {"by": "me"}, "id": "s1"}) as answer:
        assert answer.status == 200
    (signal,) = gateway.cluster.signals
    assert signal == api.SignalExecutionRequest(
        execution_id=body["id"],
        name="approve",
        payload_json=signal.payload_json,
        signal_id="s1",
    )
    assert json.loads(signal.payload_json) == {"by": "me"}


async def test_the_history_is_paged_by_sequence(gateway):
    _, body, _ = await start(gateway, "slow")
    execution = gateway.cluster.executions[body["id"]]
    execution.complete(0, b"1")
    execution.complete(1, b"2")
    execution.end(b"3")
    seen, after = [], 0
    while after is not None:
        url = f"/v1/executions/{body['id']}/history?after={after}&limit=2"
        async with gateway.http.get(url) as answer:
            page = await answer.json()
        assert len(page["items"]) <= 2
        seen += page["items"]
        after = page["next_after"]
    assert [item["seq"] for item in seen] == [1, 2, 3, 4, 5, 6]
    assert seen[-1]["event"]["kind"] == "execution_ended"


async def test_a_large_output_is_shown_as_a_link_and_opened_on_demand(gateway):
    _, body, _ = await start(gateway, "slow")
    execution = gateway.cluster.executions[body["id"]]
    text = json.dumps(["x" * 100] * 1000).encode()
    payload = gateway.cluster.put_payload(text)
    execution.end(b"null")
    execution.ended.output.CopyFrom(payload)
    async with gateway.http.get(f"/v1/executions/{body['id']}") as answer:
        output = (await answer.json())["output"]
    assert output == {"$ref": payload.ref.digest, "size": len(text)}
    async with gateway.http.get(f"/v1/payloads/{output['$ref']}") as answer:
        assert await answer.read() == text
        assert answer.content_type == "application/json"


async def test_questions_that_need_no_outputs_do_not_carry_them(gateway):
    _, body, _ = await start(gateway, "slow")
    execution, asked = gateway.cluster.executions[body["id"]], gateway.cluster.details
    execution.end(b"3")
    for path, detail in {
        "history": api.EXECUTION_DETAIL_NAMES,
        "derived": api.EXECUTION_DETAIL_OUTLINE,
        "events?after=0": api.EXECUTION_DETAIL_NAMES,
    }.items():
        asked.clear()
        async with gateway.http.get(f"/v1/executions/{body['id']}/{path}") as answer:
            assert answer.status == 200
            await answer.read()
        assert asked == [detail], path


async def test_one_node_is_read_by_itself(gateway):
    _, body, _ = await start(gateway, "slow")
    async with gateway.http.get(f"/v1/executions/{body['id']}/nodes/{NODES[1]}") as answer:
        assert answer.status == 200
        assert (await answer.json())["id"] == NODES[1]
    async with gateway.http.get(f"/v1/executions/{body['id']}/nodes/{NODES[1]}?x=1") as answer:
        assert answer.status == 400
