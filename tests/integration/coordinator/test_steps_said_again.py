"""A step of an operation that is made again, by whoever took it over, is told as the first time;
what an operation asks for and is so already counts as done."""

import asyncio

import pytest

from penstock.api.dispatch.v1 import dispatch_service_pb2 as dispatch
from penstock.api.operation.v1 import operation_service_pb2 as op
from penstock.api.operation.v1.operation_service_pb2_grpc import OperationServiceStub
from penstock.api.payload.v1.payload_pb2 import ERROR_CLASS_USER
from penstock.api.workflow.v1 import workflow_service_pb2 as pb
from penstock.common.rpc.channel import call
from penstock.coordinator.shell.operations.operation_steps import Steps
from support.coordinator.memory_worker import complete_all, open_worker
from support.coordinator.sleeping import until

FLOW = """
flow: 1
id: shaky
nodes:
  a: {run: "return 1"}
"""


def fail_all(tasks: dispatch.ExecutionTasks, task: dispatch.Task) -> dispatch.NodeOutcome:
    outcome = dispatch.NodeOutcome(ref=task.ref, started_unix_us=1, finished_unix_us=2)
    outcome.failed.error_class = ERROR_CLASS_USER
    outcome.failed.reason = "BROKE"
    return outcome


@pytest.fixture
async def dead(running, state):
    """Three executions that have failed."""
    await call(running.stub.ApplyWorkflow, pb.ApplyWorkflowRequest(source=FLOW))
    async with open_worker(running.channel, fail_all):
        begun = [
            await call(running.stub.StartExecution, pb.StartExecutionRequest(workflow="shaky"))
            for _ in range(3)
        ]
        await until(lambda: all(state.ended(each.execution_id) for each in begun))
    return [each.execution_id for each in begun]


async def counted(running, task: op.OperationTask) -> tuple[int, int, int]:
    """What an operation counts: done, skipped, failed."""
    stub = OperationServiceStub(running.channel)
    async with asyncio.timeout(20):
        begun = await call(stub.StartOperation, op.StartOperationRequest(task=task))
        found = begun.operation
        while found.state == op.OPERATION_STATE_RUNNING:
            await asyncio.sleep(0.01)
            request = op.GetOperationRequest(operation_id=found.id)
            found = (await call(stub.GetOperation, request)).operation
    return found.done, found.skipped, found.failed


@pytest.mark.parametrize("kind", [op.OPERATION_KIND_RETRY, op.OPERATION_KIND_RERUN])
async def test_one_that_began_another_execution_which_has_ended_since(
    running, state, dead, kind, monkeypatch
):
    make = Steps.make

    async def make_twice(self, work):
        first = await make(self, work)
        await until(lambda: len(state.histories) == 6 and all(map(state.ended, state.histories)))
        assert await make(self, work) == first
        return first

    monkeypatch.setattr(Steps, "make", make_twice)
    task = op.OperationTask(kind=kind, execution_ids=dead)
    if kind == op.OPERATION_KIND_RERUN:
        task.from_nodes.append("a")
    async with open_worker(running.channel, complete_all):
        assert await counted(running, task) == (3, 0, 0)
    assert len(state.histories) == 6


@pytest.mark.parametrize(
    "kind", [op.OPERATION_KIND_RETRY, op.OPERATION_KIND_DISCARD, op.OPERATION_KIND_RESTORE]
)
async def test_a_dead_letter_that_was_dealt_with_so_counts_as_done(running, dead, kind):
    for _ in range(2):
        task = op.OperationTask(kind=kind, execution_ids=dead)
        assert await counted(running, task) == (3, 0, 0)


async def test_a_dead_letter_that_was_dealt_with_otherwise_is_skipped(running, dead):
    for kind, wanted in (
        (op.OPERATION_KIND_DISCARD, (3, 0, 0)),
        (op.OPERATION_KIND_RETRY, (0, 3, 0)),
        (op.OPERATION_KIND_RESTORE, (3, 0, 0)),
        (op.OPERATION_KIND_RETRY, (3, 0, 0)),
        (op.OPERATION_KIND_DISCARD, (0, 3, 0)),
    ):
        assert await counted(running, op.OperationTask(kind=kind, execution_ids=dead)) == wanted


async def test_what_is_so_already_counts_as_done(running, state):
    await call(running.stub.ApplyWorkflow, pb.ApplyWorkflowRequest(source=FLOW))
    begun = await call(running.stub.StartExecution, pb.StartExecutionRequest(workflow="shaky"))
    pause, resume, cancel = (
        op.OPERATION_KIND_PAUSE,
        op.OPERATION_KIND_RESUME,
        op.OPERATION_KIND_CANCEL,
    )
    for kind in (resume, resume, pause, pause, resume, resume, cancel, cancel):
        task = op.OperationTask(kind=kind, execution_ids=[begun.execution_id])
        assert await counted(running, task) == (1, 0, 0)
    for kind in (pause, resume):
        task = op.OperationTask(kind=kind, execution_ids=[begun.execution_id])
        assert await counted(running, task) == (0, 1, 0)
