"""Attempts of single nodes over real streams: conditions, lists, payloads, limits, faults."""

import asyncio

import msgspec
import pytest

from penstock.api.dispatch.v1 import dispatch_service_pb2 as dispatch_pb
from penstock.api.payload.v1 import payload_pb2 as payload_pb
from penstock.api.sandbox.v1 import sandbox_service_pb2 as sandbox_pb
from support.worker_world import jail_died, open_world

BIG = "x" * 70_000


@pytest.fixture
async def world():
    async with open_world(drain_s=0.2) as opened:
        opened.sandbox.scripts["return 1"] = lambda *_: 1
        yield opened


def encoded(*values):
    return b"[" + b",".join(msgspec.json.encode(value) for value in values) + b"]"


async def test_a_condition_that_does_not_hold_is_told(world):
    plan = world.flow(
        'params: {n: {type: number}}\nnodes: {a: {run: "return 1", when: "${{ params.n > 1 }}"}}'
    )
    world.dispatch(plan, "a", params={"n": 1})
    assert (await world.outcome()).HasField("condition_false")
    world.dispatch(plan, "a", params={"n": 2}, execution="E2")
    assert await world.output() == 1


async def test_a_list_becomes_items_inline(world):
    plan = world.flow(
        """
nodes:
  a: {run: "return 1"}
  b: {needs: [a], for_each: "${{ nodes.a.output.rows }}", run: "return 1"}
"""
    )
    world.dispatch(plan, "b", inputs={"a": {"rows": [1, {"k": 2}, "z"]}})
    fanned = (await world.outcome()).fanned_out
    assert (fanned.count, list(fanned.items_json)) == (3, [b"1", b'{"k":2}', b'"z"'])


async def test_a_long_list_in_chunks_is_stored(world):
    plan = world.flow(
        """
nodes:
  a: {run: "return 1"}
  b: {needs: [a], for_each: "${{ nodes.a.output }}", batch: 3, run: "return 1"}
"""
    )
    rows = [f"{place}{'x' * 20_000}" for place in range(7)]
    world.dispatch(plan, "b", inputs={"a": world.state.store(msgspec.json.encode(rows))})
    fanned = (await world.outcome()).fanned_out
    assert fanned.count == 3
    stored = msgspec.json.decode(world.state.payloads[fanned.items.ref.digest])
    assert stored == [rows[:3], rows[3:6], rows[6:]]


async def test_what_is_no_list_fails(world):
    plan = world.flow('params: {n: {}}\nnodes: {a: {for_each: "${{ params.n }}", run: "return 1"}}')
    world.dispatch(plan, "a", params={"n": 5})
    failed = (await world.outcome()).failed
    assert (failed.reason, failed.error_class) == ("NOT_A_LIST", payload_pb.ERROR_CLASS_USER)


async def test_an_item_runs_with_its_value_under_its_name(world):
    plan = world.flow(
        """
params: {l: {}}
nodes:
  a: {for_each: "${{ params.l }}", item: order, run: "return order"}
"""
    )
    seen = []

    def script(call, step, outputs):
        seen.append((step.item_name, step.item_json))
        return msgspec.json.decode(step.item_json)

    world.sandbox.scripts["return order"] = script
    world.dispatch(plan, "a", item=2, task={"item_json": b'{"id":7}'})
    outcome = await world.outcome()
    assert (outcome.ref.item, outcome.completed.output.json) == (2, b'{"id":7}')
    items = world.state.store(encoded("a", "b", "c"))
    world.dispatch(plan, "a", item=3, task={"items": items})
    assert await world.output() == "c"
    assert seen[1] == ("order", b'"c"')


async def test_a_large_output_is_stored(world):
    plan = world.flow('nodes: {a: {run: "return big"}}')
    world.sandbox.scripts["return big"] = lambda *_: BIG
    world.dispatch(plan, "a")
    ref = (await world.outcome()).completed.output.ref
    assert msgspec.json.decode(world.state.payloads[ref.digest]) == BIG
    assert ref.size_bytes == len(BIG) + 2


async def test_a_stored_input_is_opened_only_by_who_reads_it(world):
    plan = world.flow(
        """
nodes:
  a: {run: "return 1"}
  b: {needs: [a], run: "return 1"}
  c: {needs: [a], run: "return payload.length"}
"""
    )
    world.sandbox.scripts["return payload.length"] = lambda call, step, seen: len(seen["a"])
    stored = world.state.store(msgspec.json.encode(BIG))
    world.dispatch(plan, "b", inputs={"a": stored})
    assert await world.output() == 1
    assert stored.ref.digest not in world.state.fetched
    world.dispatch(plan, "c", inputs={"a": stored})
    assert await world.output() == len(BIG)
    world.dispatch(plan, "c", inputs={"a": stored}, execution="E2")
    assert await world.output() == len(BIG)
    assert world.state.fetched.count(stored.ref.digest) == 1


async def test_a_reference_to_an_output_passes_through_unread(world):
    plan = world.flow(
        """
nodes:
  a: {run: "return 1"}
  b: {needs: [a], uses: set@1, with: {value: "${{ nodes.a.output }}"}}
"""
    )
    odd = b'{ "n" : 1.50,\n "big" : 123456789012345678901 }'
    world.dispatch(plan, "b", inputs={"a": payload_pb.Payload(json=odd)})
    assert (await world.outcome()).completed.output.json == odd


async def test_expressions_beyond_paths_are_one_crossing(world):
    plan = world.flow(
        """
params: {n: {type: number}}
nodes:
  a:
    uses: set@1
    with:
      value:
        a: "${{ [params.n].map(x => x + 1) }}"
        b: "${{ params.n }}"
        c: "n=${{ Math.max(params.n, 3) }}"
"""
    )

    def both(call, step, seen):
        return [{"v": [5]}, {"v": 4}]

    source = "return [{v: (\n[params.n].map(x => x + 1)\n)}, {v: (\nMath.max(params.n, 3)\n)}];"
    world.sandbox.scripts[source] = both
    world.dispatch(plan, "a", params={"n": 4})
    assert await world.output() == {"a": [5], "b": 4, "c": "n=4"}
    assert len(world.sandbox.calls) == 1


async def test_an_expression_that_throws_names_itself(world):
    plan = world.flow(
        'params: {n: {}}\nnodes: {a: {uses: set@1, with: {value: "${{ params.n.x.y }}"}}}'
    )
    world.dispatch(plan, "a", params={"n": {}})
    failed = (await world.outcome()).failed
    assert failed.reason == "EXPRESSION_ERROR"
    assert "Cannot read properties of undefined (reading 'y')" in failed.message


async def test_an_attempt_that_takes_too_long_fails_as_transient(world):
    plan = world.flow(
        'nodes: {a: {run: "return 1", when: "${{ slow() }}", timeout: 50ms}}'.replace(
            "slow()", "[1].length"
        )
    )
    world.sandbox.hold = True
    world.dispatch(plan, "a")
    failed = (await world.outcome()).failed
    assert (failed.reason, failed.error_class) == (
        "NODE_TIMEOUT",
        payload_pb.ERROR_CLASS_TRANSIENT,
    )


async def test_a_deadline_that_has_passed_ends_the_attempt_at_once(world):
    plan = world.flow("nodes: {a: {uses: log@1, with: {message: hi}}}")
    world.dispatch(plan, "a", task={"deadline_unix_us": 1})
    assert (await world.outcome()).failed.reason == "NODE_TIMEOUT"


async def test_a_killed_jail_is_the_nodes_failure(world):
    plan = world.flow('nodes: {a: {run: "return 1"}}')
    world.sandbox.scripts["return 1"] = lambda *_: jail_died("SANDBOX_MEMORY")
    world.dispatch(plan, "a")
    assert (await world.outcome()).failed.reason == "SANDBOX_MEMORY"


async def test_log_lines_travel_with_the_outcome(world):
    plan = world.flow('nodes: {a: {uses: log@1, with: {message: "hi ${{ run.id }}"}}}')
    world.dispatch(plan, "a")
    outcome = await world.outcome()
    assert [(line.level, line.message) for line in outcome.logs] == [("info", "hi E1")]


async def test_delay_sleeps_and_wait_listens(world):
    plan = world.flow(
        """
nodes:
  a: {uses: delay@1, with: {duration: 5s, value: 3}}
  b: {uses: wait@1, with: {signal: go, timeout: 1m}}
"""
    )
    world.dispatch(plan, "a")
    waiting = (await world.outcome()).waiting
    assert (waiting.duration_us, waiting.output.json) == (5_000_000, b"3")
    world.dispatch(plan, "b")
    waiting = (await world.outcome()).waiting
    assert (waiting.signal, waiting.duration_us) == ("go", 60_000_000)


async def test_a_call_that_had_acted_outside_is_lost_with_the_sandbox(world):
    plan = world.flow('nodes: {a: {run: "return http.get(1)"}}')
    world.sandbox.hold = True
    world.dispatch(plan, "a")
    async with asyncio.timeout(20):
        while not world.sandbox.calls:
            await asyncio.sleep(0.01)
    call = world.sandbox.calls[0]
    assert list(call.steps[0].host_functions) == ["http"]
    asked = sandbox_pb.HostCall(
        call_id=call.call_id, host_call_id=1, function="http.request", args_json=b"[{}]"
    )
    world.sandbox.out.put_nowait(sandbox_pb.RunResponse(host_calls=[asked]))
    async with asyncio.timeout(20):
        answer = await world.sandbox.host_results.get()
    assert answer.failure.reason == "BAD_URL"
    world.sandbox.break_now.set()
    assert (await world.outcome()).HasField("lost")


async def test_a_host_function_that_is_not_allowed_is_refused(world):
    plan = world.flow('nodes: {a: {run: "return http.get(1)"}}')
    world.sandbox.hold = True
    world.dispatch(plan, "a")
    async with asyncio.timeout(20):
        while not world.sandbox.calls:
            await asyncio.sleep(0.01)
    asked = sandbox_pb.HostCall(
        call_id=world.sandbox.calls[0].call_id, host_call_id=1, function="db.query"
    )
    world.sandbox.out.put_nowait(sandbox_pb.RunResponse(host_calls=[asked]))
    async with asyncio.timeout(20):
        answer = await world.sandbox.host_results.get()
    assert answer.failure.reason == "HOST_FUNCTION_DENIED"


async def test_a_host_call_stops_with_its_attempt(world):
    plan = world.flow('nodes: {a: {run: "return http.get(1)"}}')
    world.sandbox.hold = True
    world.dispatch(plan, "a")
    async with asyncio.timeout(20):
        while not world.sandbox.calls:
            await asyncio.sleep(0.01)
    asked = asyncio.Event()

    async def never(reader, writer):
        asked.set()
        await reader.read()
        gone.set()
        writer.close()

    gone = asyncio.Event()
    server = await asyncio.start_server(never, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    options = msgspec.json.encode([{"url": f"http://127.0.0.1:{port}/"}])
    call_id = world.sandbox.calls[0].call_id
    request = sandbox_pb.HostCall(
        call_id=call_id, host_call_id=1, function="http.request", args_json=options
    )
    world.sandbox.out.put_nowait(sandbox_pb.RunResponse(host_calls=[request]))
    async with asyncio.timeout(20):
        await asked.wait()
        world.coordinator.send(cancels=[dispatch_pb.Cancel(execution_id="E1")])
        await gone.wait()
    server.close()
    await server.wait_closed()


async def test_a_crash_after_a_host_call_hands_the_attempt_back(world):
    plan = world.flow('nodes: {a: {run: "return http.get(1)"}}')
    world.sandbox.hold = True
    world.dispatch(plan, "a")
    async with asyncio.timeout(20):
        while not world.sandbox.calls:
            await asyncio.sleep(0.01)
    call_id = world.sandbox.calls[0].call_id
    request = sandbox_pb.HostCall(
        call_id=call_id, host_call_id=1, function="http.request", args_json=b"[{}]"
    )
    world.sandbox.out.put_nowait(sandbox_pb.RunResponse(host_calls=[request]))
    async with asyncio.timeout(20):
        await world.sandbox.host_results.get()
    died = jail_died("SANDBOX_CRASHED")
    died.call_id = call_id
    world.sandbox.out.put_nowait(sandbox_pb.RunResponse(results=[died]))
    assert (await world.outcome()).HasField("lost")
