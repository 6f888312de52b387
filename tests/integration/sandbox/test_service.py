"""The service from outside: streams, batches, host calls, cancels, health."""

import asyncio
from collections.abc import Callable
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from penstock.api.payload.v1 import payload_pb2
from penstock.api.sandbox.v1 import sandbox_service_pb2 as pb
from penstock.common.errors import Unavailable
from penstock.sandbox.rpc import SERVICE
from penstock.sandbox.service import open_sandbox
from penstock.sandbox.settings import Settings
from support.sandbox import Client, loads, script, step

ASK = "const r = await http.post('http://x', {a: 1}, {headers: {b: 'c'}}); return r.status"


async def test_a_call_is_answered(client: Client):
    result = await client.run("return {a: 1}")
    assert loads(result.steps[0].output_json) == {"a": 1}
    assert result.steps[0].duration_us > 0


async def test_many_calls_of_many_steps_are_answered(client: Client):
    ids = await client.start_many(
        [["return payload", "return payload + 1"]] * 1000, trigger_json=b"1"
    )
    for call_id in ids:
        assert [one.output_json for one in (await client.result(call_id)).steps] == [b"1", b"2"]


async def test_a_host_call_goes_out_and_its_answer_comes_back(client: Client):
    await client.start(ASK, hosts=["http"])
    asked = await client.host_call()
    assert (asked.function, asked.step, asked.host_call_id) == ("http.request", 0, 1)
    assert loads(asked.args_json) == [
        {"headers": {"b": "c"}, "method": "POST", "url": "http://x", "body": {"a": 1}}
    ]
    answer = pb.HostResult(call_id=asked.call_id, host_call_id=1, value_json=b'{"status":201}')
    await client.send(pb.RunRequest(host_results=[answer]))
    assert (await client.result(asked.call_id)).steps[0].output_json == b"201"


async def test_a_failure_of_the_host_that_nobody_catches_stays_what_it_is(client: Client):
    await client.start(ASK, hosts=["http"])
    asked = await client.host_call()
    failure = payload_pb2.Failure(
        error_class=payload_pb2.ERROR_CLASS_TRANSIENT,
        reason="HTTP_503",
        message="busy",
        details_json=b'{"status":503}',
    )
    answer = pb.HostResult(call_id=asked.call_id, host_call_id=1, failure=failure)
    await client.send(pb.RunRequest(host_results=[answer]))
    told = (await client.result(asked.call_id)).steps[0].failure
    assert (told.error_class, told.reason) == (failure.error_class, "HTTP_503")
    assert told.details_json == b'{"status":503}'


async def test_a_failure_of_the_host_can_be_caught(client: Client):
    source = "try { await http.get('x') } catch (e) { return [e.reason, e.details.status] }"
    await client.start(source, hosts=["http"])
    asked = await client.host_call()
    failure = payload_pb2.Failure(reason="R", message="m", details_json=b'{"status":5}')
    answer = pb.HostResult(call_id=asked.call_id, host_call_id=1, failure=failure)
    await client.send(pb.RunRequest(host_results=[answer]))
    assert loads((await client.result(asked.call_id)).steps[0].output_json) == ["R", 5]


async def test_host_calls_are_numbered_within_a_call_across_steps(client: Client):
    await client.start("await a.b(1); return 1", "await a.b(2); return 2", hosts=["a.b"])
    for number in (1, 2):
        asked = await client.host_call()
        assert (asked.host_call_id, asked.step, asked.function) == (number, number - 1, "a.b")
        answer = pb.HostResult(call_id=asked.call_id, host_call_id=number, value_json=b"null")
        await client.send(pb.RunRequest(host_results=[answer]))
    assert len((await client.result(1)).steps) == 2


async def test_sleepers_wake_in_order_of_time(client: Client):
    source = (
        "await Promise.all([30, 10, 20].map(async (ms) => { await sleep(ms); order.push(ms) }))"
    )
    result = await client.run(f"const order = []; {source}; return order")
    assert loads(result.steps[0].output_json) == [10, 20, 30]


async def test_a_waiting_call_holds_up_no_other(client: Client):
    waiting = await client.start(ASK, hosts=["http"])
    await client.host_call()
    assert (await client.run("return 1")).steps[0].output_json == b"1"
    await client.send(pb.RunRequest(cancelled_calls=[waiting]))


async def test_an_answer_to_a_cancelled_call_is_ignored(client: Client):
    call_id = await client.start(ASK, hosts=["http"])
    asked = await client.host_call()
    await client.send(pb.RunRequest(cancelled_calls=[call_id]))
    answer = pb.HostResult(call_id=asked.call_id, host_call_id=1, value_json=b"{}")
    await client.send(pb.RunRequest(host_results=[answer]))
    assert (await client.run("return 2")).steps[0].output_json == b"2"


async def test_a_payload_that_is_not_json_fails_its_own_call_only(client: Client):
    good = pb.Call(call_id=1001, tenant="t", steps=[step("return 1")])
    scripts = [script("return 1")]
    broken = [
        pb.Call(call_id=1002, tenant="t", steps=[step("return 1")], trigger_json=b'{"a":'),
        pb.Call(call_id=1003, tenant="t", steps=[step("return 1")], params_json=b'"\xff"'),
        pb.Call(call_id=1004, tenant="t", steps=[step("return 1", item_json=b"nope")]),
    ]
    await client.send(pb.RunRequest(scripts=scripts, calls=[broken[0], good, *broken[1:]]))
    assert (await client.result(1001)).steps[0].output_json == b"1"
    for call_id, name in ((1002, "trigger"), (1003, "params"), (1004, "item")):
        failure = (await client.result(call_id)).steps[0].failure
        assert failure.reason == "INVALID_ARGUMENT"
        assert name in failure.message


async def test_an_answer_that_is_not_json_is_thrown_in_user_code(client: Client):
    await client.start(ASK, hosts=["http"])
    asked = await client.host_call()
    answer = pb.HostResult(call_id=asked.call_id, host_call_id=1, value_json=b"<html>")
    await client.send(pb.RunRequest(host_results=[answer]))
    assert (await client.result(asked.call_id)).steps[0].failure.reason == "INTERNAL"


async def test_a_syntax_error_is_told_with_its_line(client: Client):
    failure = (await client.run("const a = 1;\nconst b = ;\n")).steps[0].failure
    assert failure.reason == "SCRIPT_SYNTAX"
    assert failure.message == "SyntaxError: Unexpected token ';' (line 2)"


async def test_calls_of_a_stream_that_sends_no_more_are_still_answered(client: Client):
    call_id = await client.start("await sleep(20); return 1")
    await client.end()
    assert (await client.result(call_id)).steps[0].output_json == b"1"


async def test_calls_of_a_broken_stream_are_dropped(serve: Callable[..., Any]):
    connect = await serve()
    first, second = await connect(), await connect()
    await first.start(ASK, hosts=["http"])
    await first.host_call()
    await first.close()
    assert (await second.run("return 1")).steps[0].output_json == b"1"


async def test_two_streams_may_use_the_same_call_ids(serve: Callable[..., Any]):
    connect = await serve()
    first, second = await connect(), await connect()
    one = await first.start("await sleep(5); return 1")
    two = await second.start("return 2")
    assert one == two
    assert (await first.result(one)).steps[0].output_json == b"1"
    assert (await second.result(two)).steps[0].output_json == b"2"


async def test_a_full_queue_refuses_calls_that_may_be_tried_again(serve: Callable[..., Any]):
    client = await (await serve(queue_max=10))()
    results = []
    for call_id in await client.start_many([["return 1"]] * 30):
        results.append((await client.result(call_id)).steps[0])
    refused = [one.failure for one in results if one.HasField("failure")]
    assert {one.reason for one in refused} == {"LIMIT_EXCEEDED"}
    assert {one.error_class for one in refused} == {payload_pb2.ERROR_CLASS_TRANSIENT}
    assert len(results) - len(refused) == 10


async def test_health_is_serving_once_a_jail_is_warm():
    async with (
        open_sandbox(Settings(listen="127.0.0.1:0", max_size=1)) as server,
        grpc.aio.insecure_channel(server.address) as channel,
    ):
        stub = health_pb2_grpc.HealthStub(channel)
        answer = await stub.Check(health_pb2.HealthCheckRequest(service=SERVICE))
    assert answer.status == health_pb2.HealthCheckResponse.SERVING


async def test_without_the_npm_package_it_says_how_to_install_it(tmp_path: Any):
    settings = Settings(listen="127.0.0.1:0", node_modules=str(tmp_path))
    with pytest.raises(ExceptionGroup) as caught:
        async with asyncio.timeout(5), open_sandbox(settings):
            pass
    error = caught.value.exceptions[0]
    assert isinstance(error, Unavailable)
    assert "penstock.sandbox.install" in str(error.fix)
