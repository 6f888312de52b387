"""The worker and its streams: lost connections, answers, cancels, drains."""

import asyncio
from functools import partial

import msgspec
import pytest

from penstock.api.dispatch.v1 import dispatch_service_pb2 as pb
from penstock.api.dispatch.v1 import dispatch_service_pb2_grpc as pb_grpc
from penstock.api.journal.v1 import journal_pb2 as journal_pb
from penstock.common.rpc.server import open_server
from support.worker_world import FakeCoordinator, ids, open_world

ONE = 'nodes: {a: {run: "return 1"}}'


@pytest.fixture
async def world():
    async with open_world(drain_s=0.2) as opened:
        opened.sandbox.scripts["return 1"] = lambda *_: 1
        yield opened


async def until(condition):
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


async def test_hello_tells_who_is_there(world):
    hello = world.coordinator.hellos[0]
    assert len(hello.worker_id) == 26
    assert (hello.pool, hello.credits) == ("default", 2000)
    assert {"js@1", "http@1"} <= set(hello.node_types)


async def test_a_definition_is_fetched_once(world):
    plan = world.flow(ONE)
    for name in ("E1", "E2", "E3"):
        world.dispatch(plan, "a", execution=name)
    assert {(await world.report()).execution_id for _ in range(3)} == {"E1", "E2", "E3"}
    world.dispatch(plan, "a", execution="E4")
    await world.report()
    assert world.state.fetched == [plan.definition_hash]


async def test_a_definition_that_is_missing_fails_the_attempt(world):
    plan = world.flow(ONE)
    world.state.definitions.clear()
    world.dispatch(plan, "a")
    assert (await world.outcome()).failed.reason == "DEFINITION_UNUSABLE"


async def test_an_idle_worker_gives_signs_of_life(world):
    async with asyncio.timeout(20):
        await world.coordinator.heartbeats.wait()


async def test_a_long_attempt_is_told_to_be_running(world):
    plan = world.flow(ONE)
    world.sandbox.hold = True
    world.dispatch(plan, "a")
    async with asyncio.timeout(20):
        started = await world.coordinator.started.get()
    assert (started.execution_id, started.ref.attempt) == ("E1", 1)


async def test_unanswered_reports_are_sent_again_after_a_reconnection(world):
    plan = world.flow(ONE)
    world.coordinator.commits = False
    world.dispatch(plan, "a")
    first = await world.report()
    world.coordinator.break_now.set()
    again = await world.report()
    assert again.report_id == first.report_id
    held = world.coordinator.hellos[1].held
    assert [(one.execution_id, one.ref.attempt) for one in held] == [("E1", 1)]
    assert world.coordinator.hellos[0].worker_id == world.coordinator.hellos[1].worker_id


async def test_an_answered_report_is_not_sent_again(world):
    plan = world.flow(ONE)
    world.dispatch(plan, "a")
    await world.report()
    world.dispatch(plan, "a", execution="E2")
    await world.report()
    world.coordinator.break_now.set()
    await until(lambda: len(world.coordinator.hellos) == 2)
    world.dispatch(plan, "a", execution="E3")
    told = {(await world.report()).execution_id}
    while "E3" not in told:
        told.add((await world.report()).execution_id)
    assert "E1" not in told  # answered before E2 was handed out


async def test_work_goes_on_while_the_coordinator_is_away(world):
    plan = world.flow(ONE)
    world.sandbox.hold = True
    world.dispatch(plan, "a")
    await until(lambda: world.sandbox.calls)
    world.coordinator.break_now.set()
    await until(lambda: len(world.coordinator.hellos) == 2)
    assert len(world.coordinator.hellos[1].held) == 1
    from penstock.api.sandbox.v1 import sandbox_service_pb2 as sandbox_pb

    result = world.sandbox.run(world.sandbox.calls[0])
    world.sandbox.out.put_nowait(sandbox_pb.RunResponse(results=[result]))
    assert (await world.report()).execution_id == "E1"


async def test_the_same_attempt_handed_out_twice_runs_once(world):
    plan = world.flow(ONE)
    world.coordinator.send(tasks=[world.group(plan, "a"), world.group(plan, "a")])
    await world.report()
    world.dispatch(plan, "a", execution="E2")
    assert (await world.report()).execution_id == "E2"
    assert len(world.sandbox.calls) == 2


async def test_what_is_handed_out_again_beside_the_refusal_of_its_report_runs_again(world):
    plan = world.flow(ONE)
    world.coordinator.commits = False
    world.dispatch(plan, "a")
    refused = await world.report()
    world.coordinator.send(tasks=[world.group(plan, "a")], refused=[refused.report_id])
    assert (await world.report()).report_id != refused.report_id


async def test_a_cancelled_attempt_is_abandoned_without_a_report(world):
    plan = world.flow(ONE)
    world.sandbox.hold = True
    world.dispatch(plan, "a")
    await until(lambda: world.sandbox.calls)
    ref = journal_pb.NodeRef(node=0, attempt=1)
    world.coordinator.send(cancels=[pb.Cancel(execution_id="E1", ref=ref)])
    await until(lambda: world.sandbox.cancelled)
    world.sandbox.hold = False
    world.dispatch(plan, "a", execution="E2")
    assert (await world.report()).execution_id == "E2"


async def test_cancelling_an_execution_abandons_all_its_attempts(world):
    plan = world.flow(
        'nodes: {a: {run: "return 1"}, w: {uses: http@1, with: {url: "http://127.0.0.1:9/"}}}'
    )
    world.sandbox.hold = True
    world.dispatch(plan, "a")
    await until(lambda: world.sandbox.calls)
    world.coordinator.send(cancels=[pb.Cancel(execution_id="E1")])
    await until(lambda: world.sandbox.cancelled)
    assert world.coordinator.reports.empty()


async def test_a_broken_sandbox_stream_repeats_pure_calls(world):
    plan = world.flow(ONE)
    world.sandbox.hold = True
    world.dispatch(plan, "a")
    await until(lambda: world.sandbox.calls)
    world.sandbox.hold = False
    world.sandbox.break_now.set()
    assert ids(plan, await world.report()) == ["a"]
    assert world.sandbox.streams == 2
    assert world.sandbox.sent_scripts == ["return 1", "return 1"]


async def test_a_drain_hands_back_what_does_not_end_in_time(world):
    plan = world.flow(ONE)
    world.sandbox.hold = True
    world.dispatch(plan, "a")
    await until(lambda: world.sandbox.calls)
    world.stop.set()
    outcome = await world.outcome()
    assert outcome.lost.cause == "the worker is shutting down"
    assert world.coordinator.draining.is_set()


async def test_what_was_handed_back_before_its_definition_came_never_begins():
    async with asyncio.timeout(30), open_world(drain_s=0.2) as world:
        world.state.away = True
        world.coordinator.commits = False
        world.dispatch(world.flow(ONE), "a")
        await until(lambda: world.state.fetched)
        world.stop.set()
        assert (await world.outcome()).HasField("lost")
        world.state.away = False
    assert world.sandbox.calls == []


async def test_a_drain_waits_for_what_ends_in_time():
    async with open_world(drain_s=20) as world:
        plan = world.flow(ONE)
        world.sandbox.scripts["return 1"] = lambda *_: 1
        world.sandbox.hold = True
        world.dispatch(plan, "a")
        await until(lambda: world.sandbox.calls)
        world.stop.set()
        async with asyncio.timeout(20):
            await world.coordinator.draining.wait()
        from penstock.api.sandbox.v1 import sandbox_service_pb2 as sandbox_pb

        result = world.sandbox.run(world.sandbox.calls[0])
        world.sandbox.out.put_nowait(sandbox_pb.RunResponse(results=[result]))
        assert await world.output() == 1


async def test_a_coordinator_under_a_second_name_takes_its_session_along(world):
    plan = world.flow(ONE)
    world.sandbox.hold = True
    world.dispatch(plan, "a")
    await until(lambda: world.sandbox.calls)
    alias = world.address.replace("127.0.0.1", "localhost")
    world.coordinator.send(coordinators=[alias])
    await until(lambda: len(world.coordinator.hellos) == 2)
    assert len(world.coordinator.hellos[1].held) == 1


async def test_a_worker_whose_coordinators_are_all_gone_asks_where_it_asked_first(world):
    """Those that come after them are where its settings say, and nobody is left to tell it."""
    others = FakeCoordinator("C2")
    register = partial(pb_grpc.add_DispatchServiceServicer_to_server, others)
    async with open_server("127.0.0.1:0", register, services=[]) as server:
        world.coordinator.send(coordinators=[server.address])
        await until(lambda: others.hellos)
        others.send(coordinators=[server.address])
        world.dispatch(world.flow(ONE), "a")
        await world.report()
        world.coordinator.break_now.set()
        await asyncio.sleep(1)
        assert len(world.coordinator.hellos) == 1
    await until(lambda: len(world.coordinator.hellos) == 2)


def test_fakes_speak_json():
    assert FakeCoordinator().name == "C1"
    assert msgspec.json.encode(1) == b"1"
