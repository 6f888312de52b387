"""An operation that somebody stops: what was under way is finished and counted."""

import asyncio

import pytest

from penstock.api.operation.v1 import operation_service_pb2 as op
from penstock.api.operation.v1.operation_service_pb2_grpc import OperationServiceStub
from penstock.api.workflow.v1 import workflow_service_pb2 as pb
from penstock.common.errors import NotFound, Unavailable
from penstock.common.rpc.channel import call
from penstock.coordinator.shell.operations.operation_steps import Steps

LONG = """
flow: 1
id: long
nodes:
  a: {uses: wait@1, with: {signal: go}}
"""


@pytest.fixture
async def forty(running):
    """Forty executions that nobody works on."""
    await call(running.stub.ApplyWorkflow, pb.ApplyWorkflowRequest(source=LONG))
    for _ in range(40):
        await call(running.stub.StartExecution, pb.StartExecutionRequest(workflow="long"))


@pytest.fixture
def service(running):
    return OperationServiceStub(running.channel)


async def begin(service, rate_per_s):
    task = op.OperationTask(kind=op.OPERATION_KIND_CANCEL, query="workflow:long")
    task.rate_per_s = rate_per_s
    begun = await call(service.StartOperation, op.StartOperationRequest(task=task))
    return begun.operation.id


async def cancel(service, operation_id, **more):
    request = op.CancelOperationRequest(operation_id=operation_id)
    return (await call(service.CancelOperation, request, **more)).operation


async def get(service, operation_id):
    request = op.GetOperationRequest(operation_id=operation_id)
    return (await call(service.GetOperation, request)).operation


async def until_some_have_ended(state):
    async with asyncio.timeout(10):
        while not any(map(state.ended, state.histories)):
            await asyncio.sleep(0)


async def test_it_stops_and_says_so_again(service, state, forty):
    operation_id = await begin(service, 1)
    stopped = await cancel(service, operation_id)
    assert stopped.state == op.OPERATION_STATE_CANCELLED
    assert stopped.ended_unix_us
    assert await cancel(service, operation_id) == stopped
    assert not all(map(state.ended, state.histories))
    with pytest.raises(NotFound):
        await cancel(service, operation_id, tenant="other")


async def test_what_was_under_way_is_counted(service, state, forty, monkeypatch):
    make = Steps.make

    async def make_slowly(self, work):
        made = await make(self, work)
        await asyncio.sleep(0.2)
        return made

    monkeypatch.setattr(Steps, "make", make_slowly)
    operation_id = await begin(service, 5_000)
    await until_some_have_ended(state)
    stopped = await cancel(service, operation_id)
    assert stopped.state == op.OPERATION_STATE_CANCELLED
    assert stopped.done == sum(map(state.ended, state.histories)) == 16
    assert await get(service, operation_id) == stopped


async def test_what_takes_long_is_waited_for_a_while_and_counted_all_the_same(
    service, state, forty, monkeypatch
):
    monkeypatch.setattr("penstock.coordinator.shell.operations.operations._PATIENCE_S", 0.05)
    make, going = Steps.make, asyncio.Event()

    async def make_late(self, work):
        made = await make(self, work)
        await going.wait()
        return made

    monkeypatch.setattr(Steps, "make", make_late)
    operation_id = await begin(service, 5_000)
    await until_some_have_ended(state)
    with pytest.raises(Unavailable):
        await cancel(service, operation_id)
    going.set()
    async with asyncio.timeout(10):
        while (found := await get(service, operation_id)).state == op.OPERATION_STATE_RUNNING:
            await asyncio.sleep(0.01)
    assert (found.state, found.done) == (op.OPERATION_STATE_CANCELLED, 16)
    assert sum(map(state.ended, state.histories)) == 16


async def test_a_cancel_that_cannot_be_written_yet_is_once_it_can(
    service, running, state, forty, monkeypatch
):
    monkeypatch.setattr("penstock.coordinator.shell.operations.operations._PATIENCE_S", 0.05)
    operation_id = await begin(service, 40)

    async def refuse(stored):
        raise Unavailable("no database")

    with monkeypatch.context() as patch:
        patch.setattr(running.shell.operations._store, "save", refuse)
        with pytest.raises(Unavailable):
            await cancel(service, operation_id)
    async with asyncio.timeout(10):
        while (found := await get(service, operation_id)).state == op.OPERATION_STATE_RUNNING:
            await asyncio.sleep(0.01)
    assert found.state == op.OPERATION_STATE_CANCELLED
    assert found.done == sum(map(state.ended, state.histories)) < 40


async def test_one_that_nobody_carries_out_is_cancelled_too(service, running, state):
    late = op.Operation(id=running.shell.starts.fresh_id()[0], state=op.OPERATION_STATE_RUNNING)
    late.task.kind = op.OPERATION_KIND_CANCEL
    late.task.execution_ids.append("01J00000000000000000000000")
    await state.operations.create("default", late)
    stopped = await cancel(service, late.id)
    assert (stopped.state, stopped.skipped) == (op.OPERATION_STATE_CANCELLED, 0)
