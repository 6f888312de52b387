"""Calls of one program as columns, and what becomes of those that do not fit into columns."""

import asyncio
import os
import signal
from collections.abc import Callable
from itertools import pairwise
from typing import Any

from penstock.api.sandbox.v1 import sandbox_service_pb2 as pb
from support.sandbox import Client, jails, loads

SHORT = pb.Limits(wall_ms=150)


async def outputs(client: Client, ids: list[int]) -> list[list[bytes]]:
    return [[one.output_json for one in (await client.result(each)).steps] for each in ids]


async def test_calls_of_a_program_are_answered_in_columns(client: Client):
    program = await client.tell(pb.Program(program_id=3, reads=["a"]), "return payload.n + 1")
    ids = await client.start_batch(program, *[[b'{"n":%d}' % n] for n in range(700)])
    assert await outputs(client, ids) == [[b"%d" % (n + 1)] for n in range(700)]
    assert client.batched == 700


async def test_each_call_gets_what_it_brought(client: Client):
    program = pb.Program(
        program_id=1,
        reads=["a", "b"],
        reads_params=True,
        reads_run=True,
        reads_item=True,
        env_json=b'{"E":"e"}',
    )
    source = "return [nodes.a.output, nodes.b.status, input.b, params, run.id, item, env.E]"
    await client.tell(program, source)
    calls = [
        [b"1", b'"b1"', b'{"p":1}', b'{"id":"x"}', b"[7]"],
        [b"2", b'"b2"', b'{"p":2}', b'{"id":"y"}', b'{"$type":"Set","value":[1]}'],
    ]
    ids = await client.start_batch(program, *calls)
    first, second = [loads(one[0]) for one in await outputs(client, ids)]
    assert first == [1, "COMPLETED", "b1", {"p": 1}, "x", [7], "e"]
    assert second[:5] == [2, "COMPLETED", "b2", {"p": 2}, "y"]
    assert second[5] == {"$type": "Set", "value": [1]}


async def test_steps_hand_on_their_outputs_within_each_call(client: Client):
    program = await client.tell(
        pb.Program(program_id=1, reads_trigger=True),
        "return {n: payload}",
        "payload.n += 1; payload.own = true; return payload",
        "return [payload, nodes.n0.output, nodes.n1.output]",
    )
    ids = await client.start_batch(program, [b"1"], [b"5"])
    found = [loads(one[2]) for one in await outputs(client, ids)]
    assert found == [
        [{"n": n + 1, "own": True}, {"n": n}, {"n": n + 1, "own": True}] for n in (1, 5)
    ]


async def test_nothing_leaks_from_one_call_to_the_next(client: Client):
    program = await client.tell(
        pb.Program(program_id=1, reads=["a"], reads_params=True, env_json=b'{"E":{"x":1}}'),
        "const was = [payload.seen, params.seen, env.E.seen]; "
        "for (const one of [payload, params, env.E]) one.seen = true; "
        "try { globalThis.seen = true } catch { } "
        "return [...was, typeof seen]",
        "return [params.seen, env.E.seen]",
    )
    ids = await client.start_batch(program, *[[b"{}", b"{}"]] * 20)
    expected = [b'[null,null,null,"undefined"]', b"[null,null]"]
    assert await outputs(client, ids) == [expected] * 20


async def test_failures_choices_and_logs_come_as_results_of_their_own(client: Client):
    program = await client.tell(
        pb.Program(program_id=1, reads_item=True),
        "if (item === 1) throw new Error('no'); if (item === 2) next('x'); "
        "if (item === 3) console.log('hi'); return item",
        "return payload + 1",
    )
    ids = await client.start_batch(program, *[[b"%d" % n] for n in range(5)])
    results = [await client.result(each) for each in ids]
    assert client.batched == 2
    assert [[one.output_json for one in results[at].steps] for at in (0, 4)] == [
        [b"0", b"1"],
        [b"4", b"5"],
    ]
    assert "no" in results[1].steps[0].failure.message
    assert list(results[2].steps[0].chosen) == ["x"]
    assert results[3].steps[0].logs[0].message == "hi"
    assert results[3].steps[1].output_json == b"4"


async def test_calls_that_wait_come_when_they_are_done(client: Client):
    program = await client.tell(
        pb.Program(program_id=1, reads_item=True), "if (item) await sleep(item); return item"
    )
    ids = await client.start_batch(program, [b"40"], [b"0"], [b"20"])
    assert await outputs(client, ids) == [[b"40"], [b"0"], [b"20"]]
    assert client.batched == 3


async def test_a_program_takes_no_host_functions(client: Client):
    program = pb.Program(program_id=1)
    await client.tell(program, "return 1")
    program.steps[0].host_functions.append("http")
    program.program_id = 2
    await client.tell(program, "await http.get('x')")
    ids = await client.start_batch(program, [])
    assert "PermissionError" in (await client.result(ids[0])).steps[1].failure.message


async def test_a_program_under_a_number_in_use_is_the_new_one_for_later_batches(client: Client):
    first = await client.tell(pb.Program(program_id=1), "return 1")
    ids = await client.start_batch(first, [])
    second = await client.tell(pb.Program(program_id=1, reads_trigger=True), "return payload")
    ids += await client.start_batch(second, [b"2"])
    assert await outputs(client, ids) == [[b"1"], [b"2"]]


async def test_a_batch_that_fits_no_program_is_refused(client: Client):
    unknown = await client.start_batch(pb.Program(program_id=9), [], [])
    program = await client.tell(pb.Program(program_id=1, reads_params=True), "return 1")
    short = await client.start_batch(program, [b"1"], [])
    for call_id in (*unknown, *short):
        failure = (await client.result(call_id)).steps[0].failure
        assert failure.reason == "INVALID_ARGUMENT"


async def test_a_payload_that_is_not_json_fails_its_own_call_only(client: Client):
    program = await client.tell(pb.Program(program_id=1, reads=["a"]), "return payload")
    for broken in (b"{", b"1,2", b"", b"\xff", b"1],[2"):
        ids = await client.start_batch(program, [b"1"], [broken], [b"3"])
        results = [await client.result(each) for each in ids]
        assert [results[at].steps[0].output_json for at in (0, 2)] == [b"1", b"3"], broken
        if broken:
            assert results[1].steps[0].failure.reason == "INVALID_ARGUMENT"


async def test_only_the_guilty_call_of_a_batch_fails(client: Client):
    program = pb.Program(program_id=1, reads_item=True, limits=SHORT)
    await client.tell(program, "while (item === 7); return item")
    ids = await client.start_batch(program, *[[b"%d" % n] for n in range(15)])
    results = [await client.result(each) for each in ids]
    failed = [at for at, one in enumerate(results) if one.HasField("jail_failure")]
    assert failed == [7]
    assert results[7].jail_failure.reason == "SANDBOX_TIMEOUT"
    assert results[8].steps[0].output_json == b"8"


async def test_the_calls_of_a_batch_whose_jail_was_killed_run_again(client: Client):
    program = await client.tell(
        pb.Program(program_id=1, reads_item=True), "await sleep(item); return item"
    )
    ids = await client.start_batch(program, [b"0"], [b"100"], [b"101"])
    assert await outputs(client, ids[:1]) == [[b"0"]]
    for pid in jails():
        os.kill(pid, signal.SIGKILL)
    assert await outputs(client, ids[1:]) == [[b"100"], [b"101"]]


async def test_calls_of_a_batch_can_be_cancelled_one_by_one(client: Client):
    program = await client.tell(
        pb.Program(program_id=1, reads_item=True), "await sleep(item); return item"
    )
    ids = await client.start_batch(program, [b"60000"], [b"1"], [b"60000"])
    assert await outputs(client, ids[1:2]) == [[b"1"]]
    await client.send(pb.RunRequest(cancelled_calls=[ids[0], ids[2]]))
    again = await client.start_batch(program, [b"2"])
    assert await outputs(client, again) == [[b"2"]]
    await client.end()


async def test_a_call_of_a_batch_that_waits_too_long_fails(client: Client):
    program = pb.Program(program_id=1, reads_item=True, limits=SHORT)
    await client.tell(program, "await sleep(item); return item")
    ids = await client.start_batch(program, [b"60000"], [b"1"])
    assert await outputs(client, ids[1:]) == [[b"1"]]
    assert (await client.result(ids[0])).jail_failure.reason == "SANDBOX_TIMEOUT"


async def test_slow_calls_run_side_by_side(serve: Callable[..., Any]):
    client = await (await serve(max_size=2))()
    spin = "const at = Date.now(); while (Date.now() < at + 60); return [at, Date.now()]"
    program = await client.tell(pb.Program(program_id=1), spin)
    async with asyncio.timeout(60):
        side_by_side = False
        while not side_by_side:  # at first there is one jail
            ids = await client.start_batch(program, *[[]] * 20)
            spans = sorted(loads(one[0]) for one in await outputs(client, ids))
            side_by_side = any(later[0] < earlier[1] for earlier, later in pairwise(spans))


async def test_streams_do_not_mix(serve: Callable[..., Any]):
    connect = await serve()
    one, two = await connect(), await connect()
    first = await one.tell(pb.Program(program_id=1, reads_item=True), "return ['one', item]")
    second = await two.tell(pb.Program(program_id=1, reads_item=True), "return ['two', item]")
    calls = [[b"%d" % n] for n in range(50)]
    here = await one.start_batch(first, *calls)
    there = await two.start_batch(second, *calls)
    assert here == there
    assert await outputs(one, here) == [[b'["one",%d]' % n] for n in range(50)]
    assert await outputs(two, there) == [[b'["two",%d]' % n] for n in range(50)]
