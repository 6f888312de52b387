"""Limits that kill, and what becomes of the calls around the guilty one."""

import os
import signal
from collections.abc import Callable
from typing import Any

import pytest

from penstock.api.payload.v1 import payload_pb2
from penstock.api.sandbox.v1 import sandbox_service_pb2 as pb
from support.sandbox import Client, jails

LOOP = "for (;;);"
ASK = "await http.get('x'); return 1"
SHORT = pb.Limits(wall_ms=150)
EATERS = [
    "const a = []; for (;;) a.push({x: [1, 2, 3]})",
    "const a = []; for (;;) a.push(new Uint8Array(1e6).fill(1))",
    "const a = []; for (;;) { try { a.push(new Uint8Array(1e7).fill(1)) } catch { } }",
    "return new Array(1e8).fill(0)",
    "let s = 'ab'; for (;;) s = s.repeat(2) + s.slice(1)",
]


async def test_an_endless_loop_is_killed_and_the_service_goes_on(client: Client):
    failure = (await client.run(LOOP, limits=SHORT)).jail_failure
    assert failure.reason == "SANDBOX_TIMEOUT"
    assert failure.error_class == payload_pb2.ERROR_CLASS_USER
    assert "0.15 s" in failure.message
    assert (await client.run("return 1")).steps[0].output_json == b"1"


@pytest.mark.parametrize(
    "source",
    [
        "await null; for (;;);",
        "for (;;) await null;",
        "await sleep(1); for (;;);",
        "return {get x() { for (;;); }}",
        "throw {get message() { for (;;); }}",
        "/(a+)+$/.exec('a'.repeat(40) + 'b')",
        "return {then(resolve) { for (;;); }}",
    ],
)
async def test_endless_code_of_every_kind_is_killed(client: Client, source: str):
    failure = (await client.run(source, limits=SHORT)).jail_failure
    assert failure.reason == "SANDBOX_TIMEOUT"


async def test_only_the_guilty_call_of_a_batch_fails(client: Client):
    calls = [["return 1"]] * 30 + [[LOOP]] + [["return 2"]] * 30
    ids = await client.start_many(calls, limits=SHORT)
    results = [await client.result(call_id) for call_id in ids]
    failed = [at for at, one in enumerate(results) if one.HasField("jail_failure")]
    assert failed == [30]
    assert [one.steps[0].output_json for one in results[:30]] == [b"1"] * 30
    assert [one.steps[0].output_json for one in results[31:]] == [b"2"] * 30


async def test_only_the_guilty_call_fails_among_asynchronous_ones(client: Client):
    calls = [["await null; return 1"]] * 10 + [["await null; for (;;);"]]
    ids = await client.start_many(calls + [["await null; return 2"]] * 10, limits=SHORT)
    results = [await client.result(call_id) for call_id in ids]
    failed = [at for at, one in enumerate(results) if one.HasField("jail_failure")]
    assert failed == [10]
    assert results[10].jail_failure.reason == "SANDBOX_TIMEOUT"


async def test_a_call_that_asked_the_host_is_not_run_again(client: Client):
    waiting = await client.start(ASK, hosts=["http"])
    await client.host_call()
    guilty = await client.start(LOOP, limits=SHORT)
    assert (await client.result(guilty)).jail_failure.reason == "SANDBOX_TIMEOUT"
    failure = (await client.result(waiting)).jail_failure
    assert failure.reason == "SANDBOX_CRASHED"
    assert failure.error_class == payload_pb2.ERROR_CLASS_SYSTEM


async def test_a_call_that_waits_too_long_ends_without_its_jail(client: Client):
    other = await client.start(ASK, hosts=["http"])
    asked = await client.host_call()
    failure = (await client.run(ASK, hosts=["http"], limits=SHORT)).jail_failure
    assert failure.reason == "SANDBOX_TIMEOUT"
    assert failure.error_class == payload_pb2.ERROR_CLASS_TRANSIENT
    answer = pb.HostResult(call_id=asked.call_id, host_call_id=1, value_json=b"{}")
    await client.send(pb.RunRequest(host_results=[answer]))
    assert (await client.result(other)).steps[0].output_json == b"1"


async def test_a_cancelled_call_that_runs_on_is_killed_all_the_same(client: Client):
    guilty = await client.start(LOOP, limits=SHORT)
    await client.send(pb.RunRequest(cancelled_calls=[guilty]))
    assert (await client.run("return 1")).steps[0].output_json == b"1"


@pytest.mark.parametrize("source", EATERS)
async def test_code_that_eats_memory_is_stopped(serve: Callable[..., Any], source: str):
    client = await (await serve(memory_mb=32))()
    result = await client.run(source, limits=pb.Limits(wall_ms=20_000))
    if result.HasField("jail_failure"):
        assert result.jail_failure.reason == "SANDBOX_MEMORY"
        assert result.jail_failure.error_class == payload_pb2.ERROR_CLASS_USER
    else:
        # V8 refused a buffer or a string before the process grew too large.
        assert "RangeError" in result.steps[0].failure.message
    assert (await client.run("return 1")).steps[0].output_json == b"1"


async def test_others_survive_one_that_eats_memory(client: Client):
    calls = [["return 1"]] * 20 + [["return new Array(1e8).fill(0)"]] + [["return 2"]] * 20
    ids = await client.start_many(calls)
    results = [await client.result(call_id) for call_id in ids]
    failed = [at for at, one in enumerate(results) if one.HasField("jail_failure")]
    assert failed == [20]
    assert results[20].jail_failure.reason == "SANDBOX_MEMORY"


async def test_calls_of_a_jail_that_is_killed_by_a_stranger_run_again(client: Client):
    waiting = await client.start_many([["await sleep(100); return 1"]] * 5)
    assert (await client.run("return 2")).steps[0].output_json == b"2"
    for pid in jails():
        os.kill(pid, signal.SIGKILL)
    for call_id in waiting:
        assert (await client.result(call_id)).steps[0].output_json == b"1"
