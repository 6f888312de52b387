"""A worker has the last word about its resources, whoever gives it attempts that ask for some."""

import asyncio

import pytest

from penstock.api.dispatch.v1 import dispatch_service_pb2 as pb
from penstock.api.dispatch.v1 import dispatch_service_pb2_grpc as pb_grpc
from penstock.common.rpc.server import open_server
from support.worker_world import FakeCoordinator, open_world

GPU = 'nodes: {a: {resources: {gpu: 1}, run: "return 1"}}'


@pytest.fixture
async def world():
    async with open_world(drain_s=0.2, resources="gpu=1", labels="region=eu") as opened:
        opened.sandbox.scripts["return 1"] = lambda *_: 1
        yield opened


@pytest.fixture
async def second(world):
    """Another coordinator, which the worker has joined as well."""
    other = FakeCoordinator("C2")

    def register(server) -> None:
        pb_grpc.add_DispatchServiceServicer_to_server(other, server)

    async with open_server("127.0.0.1:0", register, services=[]) as server:
        world.coordinator.send(coordinators=[world.address, server.address])
        async with asyncio.timeout(20):
            await other.joined.wait()
        yield other


async def until(condition) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


async def test_hello_tells_labels_and_resources(world):
    hello = world.coordinator.hellos[0]
    assert dict(hello.resources) == {"gpu": 1.0}
    assert dict(hello.labels) == {"region": "eu"}


async def test_attempts_of_two_coordinators_never_take_more_than_there_is(world, second):
    plan = world.flow(GPU)
    world.sandbox.hold = True
    world.dispatch(plan, "a", execution="E1")
    await until(lambda: len(world.sandbox.calls) == 1)
    second.out.put_nowait(pb.WorkResponse(tasks=[world.group(plan, "a", execution="E2")]))
    await until(lambda: second.elsewhere[-1] == {"gpu": 1.0})
    await until(lambda: world.coordinator.elsewhere[-1] == {"gpu": 1.0})
    assert len(world.sandbox.calls) == 1
    world.coordinator.send(cancels=[pb.Cancel(execution_id="E1")])
    await until(lambda: len(world.sandbox.calls) == 2)
    await until(lambda: second.elsewhere[-1] == {})


async def test_what_waits_for_room_is_handed_back_as_not_begun(world):
    plan = world.flow(GPU)
    world.sandbox.hold = True
    for name in ("E1", "E2"):
        world.dispatch(plan, "a", execution=name)
    await until(lambda: len(world.sandbox.calls) == 1)
    world.stop.set()
    reports = [await world.report() for _ in range(2)]
    begun = {one.execution_id: bool(one.outcomes[0].started_unix_us) for one in reports}
    assert begun == {"E1": True, "E2": False}
    assert len(world.sandbox.calls) == 1


async def test_the_next_one_begins_when_one_has_ended(world):
    plan = world.flow(GPU)
    for name in ("E1", "E2", "E3"):
        world.dispatch(plan, "a", execution=name)
    assert {(await world.report()).execution_id for _ in range(3)} == {"E1", "E2", "E3"}
