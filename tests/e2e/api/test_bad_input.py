"""Input that is wrong in ways nobody means: each is refused with a problem, and nothing breaks."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiohttp
import grpc
import pytest

from penstock.api.workflow.v1 import workflow_service_pb2 as pb
from penstock.api.workflow.v1 import workflow_service_pb2_grpc as rpc
from penstock.common.errors import (
    InvalidArgument,
    InvalidWorkflow,
    LimitExceeded,
    PenstockError,
)
from penstock.common.rpc.channel import call, open_channel
from penstock.embedded import ClusterFile

pytestmark = pytest.mark.e2e

FLOW = "flow: 1\nid: bad-input\nparams: {n: {default: 1}}\nnodes: {a: {run: 'return params.n;'}}\n"
WAITS = "flow: 1\nid: bad-input-waits\nnodes: {w: {uses: wait@1, with: {signal: go}}}\n"
STARTS = "/v1/workflows/bad-input/executions"
JSON = {"Content-Type": "application/json"}


def nested(levels: int) -> bytes:
    return b"[" * levels + b"]" * levels


@pytest.fixture
async def session(cluster: ClusterFile) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(cluster.gateway_url) as opened:
        async with opened.post("/v1/workflows", data=FLOW, headers={"Content-Type": "text/yaml"}):
            pass
        yield opened


@pytest.fixture
async def stub(cluster: ClusterFile) -> AsyncIterator[rpc.WorkflowServiceStub]:
    async with open_channel(cluster.coordinator_address) as channel:
        stub = rpc.WorkflowServiceStub(channel)
        for source in (FLOW, WAITS):
            await call(stub.ApplyWorkflow, pb.ApplyWorkflowRequest(source=source))
        yield stub


async def is_well(session: aiohttp.ClientSession) -> bool:
    async with session.post(f"{STARTS}?wait=20s", json={"params": {"n": 7}}) as answer:
        body = await answer.json()
        return answer.status == 200 and body["output"] == 7


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"params": {"n": %s}}' % nested(201), 400),
        (b'{"params": {"n": %s}}' % nested(500), 400),
        (b'{"params": {"n": %s}}' % nested(100_000), 400),
        (b'{"trigger": %s}' % nested(900), 400),
        (b'{"params": {"n": 1e999}}', 400),
        (b'{"params": {"n": %s}}' % (b"9" * 5000), 400),
        (b'{"params": {"n": NaN}}', 400),
        (b'{"params": {"n": "\\ud800"}}', 400),
        (b'{"params": {"__proto__": {}}}', 422),
        (b'{"tags": [""]}', 400),
        (b"null", 400),
        (b"{}{}", 400),
    ],
)
async def test_a_body_that_cannot_be_carried_is_refused_and_harms_nobody(
    session: aiohttp.ClientSession, body: bytes, status: int
):
    async with session.post(STARTS, data=body, headers=JSON) as answer:
        problem = json.loads(await answer.read())
    assert (answer.status, answer.content_type) == (status, "application/problem+json")
    assert problem["errors"][0]["path"]
    assert problem.get("fix") or status == 422
    assert await is_well(session)


async def test_values_nested_as_deep_as_allowed_come_back_whole(session: aiohttp.ClientSession):
    deep = nested(199)
    body = b'{"params": {"n": %s}}' % deep[1:-1]
    async with session.post(f"{STARTS}?wait=20s", data=body, headers=JSON) as answer:
        assert json.loads(await answer.read())["output"] == json.loads(deep[1:-1])


@pytest.mark.parametrize(
    "path",
    [
        "/v1/workflows/%00",
        "/v1/workflows/%00/versions",
        "/v1/executions?workflow=%00",
        "/v1/executions?tag=%00",
    ],
)
async def test_a_nul_in_a_name_is_the_callers_mistake(session: aiohttp.ClientSession, path: str):
    async with session.get(path) as answer:
        problem = await answer.json(content_type=None)
    assert answer.status == 400
    assert problem["errors"][0]["fix"] == "Remove it."


async def test_a_nul_in_a_description_is_pointed_at(stub: rpc.WorkflowServiceStub):
    source = 'flow: 1\nid: nul\ndescription: "a\\0b"\nnodes: {a: {run: return 1}}\n'
    with pytest.raises(InvalidWorkflow) as told:
        await call(stub.ApplyWorkflow, pb.ApplyWorkflowRequest(source=source))
    [issue] = told.value.issues
    assert (issue["code"], issue["line"], issue["column"]) == ("BAD_CHARACTER", 3, 14)


def bad_starts() -> Iterator[pb.StartExecutionRequest]:
    for values in (
        {"params_json": b'{"n": %s}' % nested(500)},
        {"trigger_json": nested(5000)},
        {"trigger_json": b"{"},
        {"trigger_json": b'"\xff"'},
        {"params_json": b"[]"},
        {"idempotency_key": "k" * 256},
        {"tags": ["t"] * 51},
    ):
        yield pb.StartExecutionRequest(workflow="bad-input", **values)


async def test_a_bad_start_in_a_stream_leaves_the_others_alone(stub: rpc.WorkflowServiceStub):
    batch = pb.StartExecutionsRequest()
    for number, start in enumerate(bad_starts(), 100):
        batch.starts.add(correlation_id=number, start=start)
    batch.starts.add(correlation_id=1, start=pb.StartExecutionRequest(workflow="bad-input"))
    told: dict[int, Any] = {}
    async for response in stub.StartExecutions(iter([batch])):
        for answer in response.answers:
            told[answer.correlation_id] = answer
    assert told.pop(1).response.execution_id
    assert {one.refused.reason for one in told.values()} == {"INVALID_ARGUMENT"}
    assert len(told) == 7


async def test_a_signal_must_be_json_within_limits(stub: rpc.WorkflowServiceStub):
    started = await call(stub.StartExecution, pb.StartExecutionRequest(workflow="bad-input-waits"))
    good = {"execution_id": started.execution_id, "name": "go", "payload_json": b"1"}
    for wrong in (
        {"payload_json": b"{"},
        {"payload_json": b'"\xff"'},
        {"payload_json": nested(300)},
        {"name": ""},
        {"name": "x" * 256},
        {"signal_id": "x" * 256},
    ):
        with pytest.raises(InvalidArgument) as told:
            await call(stub.SignalExecution, pb.SignalExecutionRequest(**{**good, **wrong}))
        assert told.value.fix
    long = pb.CancelExecutionRequest(execution_id=started.execution_id, reason="r" * 1001)
    with pytest.raises(InvalidArgument):
        await call(stub.CancelExecution, long)
    await call(stub.SignalExecution, pb.SignalExecutionRequest(**good))
    kinds = await watched(stub, started.execution_id, 0)
    assert kinds[-1] == "execution_ended"


async def watched(stub: rpc.WorkflowServiceStub, execution_id: str, after: int) -> list[str]:
    request = pb.WatchEventsRequest(execution_id=execution_id, after_seq=after)
    async with asyncio.timeout(20):
        return [
            event.WhichOneof("kind")
            async for response in stub.WatchEvents(request)
            for event in response.batch.events
        ]


async def test_watching_beyond_the_end_ends(stub: rpc.WorkflowServiceStub):
    ended = pb.StartExecutionRequest(workflow="bad-input", wait_for=pb.WAIT_FOR_ENDED)
    over = await call(stub.StartExecution, ended)
    assert await watched(stub, over.execution_id, 10**9) == []
    live = await call(stub.StartExecution, pb.StartExecutionRequest(workflow="bad-input-waits"))
    async with asyncio.TaskGroup() as group:
        watching = group.create_task(watched(stub, live.execution_id, 10**9))
        cancel = pb.CancelExecutionRequest(execution_id=live.execution_id)
        await call(stub.CancelExecution, cancel)
    assert watching.result()[-1:] in ([], ["execution_ended"])


async def test_a_message_above_the_limit_is_refused(stub: rpc.WorkflowServiceStub):
    huge = pb.ApplyWorkflowRequest(source="x" * (65 * 1024 * 1024))
    with pytest.raises((PenstockError, grpc.aio.AioRpcError)):
        await call(stub.ApplyWorkflow, huge)


async def test_a_sleep_without_end_times_out_and_leaves_its_jail_alive(
    session: aiohttp.ClientSession,
):
    source = (
        "flow: 1\nid: endless-sleep\nnodes:\n"
        "  a: {run: 'await sleep(1e300)', timeout: 300ms, on_error: continue}\n"
        "  b: {run: 'await sleep(Infinity)', timeout: 300ms, on_error: continue}\n"
        "  c: {needs: [a, b], run: 'return input;'}\n"
    )
    yaml = {"Content-Type": "application/yaml"}
    async with session.post("/v1/workflows", data=source, headers=yaml) as answer:
        assert answer.ok
    path = "/v1/workflows/endless-sleep/executions?wait=20s"
    async with session.post(path, json={}) as answer:
        body = await answer.json()
    reasons = {body["output"][node]["error"]["reason"] for node in "ab"}
    assert body["status"] == "COMPLETED"
    assert reasons <= {"SANDBOX_TIMEOUT", "NODE_TIMEOUT"}


async def test_signals_that_nobody_waits_for_are_refused_when_too_many(
    stub: rpc.WorkflowServiceStub,
):
    started = await call(stub.StartExecution, pb.StartExecutionRequest(workflow="bad-input-waits"))
    useless = pb.SignalExecutionRequest(execution_id=started.execution_id, name="other")

    async def send() -> bool:
        try:
            await call(stub.SignalExecution, useless)
        except LimitExceeded:
            return False
        return True

    taken = await asyncio.gather(*(send() for _ in range(1010)))
    assert taken.count(True) == 1000
    wanted = pb.SignalExecutionRequest(execution_id=started.execution_id, name="go")
    await call(stub.SignalExecution, wanted)
    assert (await watched(stub, started.execution_id, 0))[-1] == "execution_ended"


async def test_values_that_grow_too_deep_fail_their_node_only(session: aiohttp.ClientSession):
    nodes: dict[str, Any] = {"n0": {"run": "return [];"}}
    for number in range(1, 30):
        value: Any = f"${{{{ nodes.n{number - 1}.output }}}}"
        for _ in range(40):
            value = [value]
        nodes[f"n{number}"] = {"uses": "set@1", "with": {"value": value}}
    source = json.dumps({"flow": 1, "id": "grows-deep", "nodes": nodes})
    yaml = {"Content-Type": "application/yaml"}
    async with session.post("/v1/workflows", data=source, headers=yaml) as answer:
        assert answer.ok, await answer.text()
    path = "/v1/workflows/grows-deep/executions?wait=20s"
    async with session.post(path, json={}) as answer:
        failure = (await answer.json())["failure"]
    assert (failure["error_class"], failure["reason"]) == ("user", "OUTPUT_NOT_JSON")
    assert await is_well(session)
