"""What is asked of state about an execution that has ended: never all of it."""

import pytest

from penstock.api.debug.v1 import debug_service_pb2 as debug
from penstock.api.debug.v1.debug_service_pb2_grpc import DebugServiceStub
from penstock.api.journal.v1.journal_pb2 import EXECUTION_STATUS_COMPLETED
from penstock.api.scheduling.v1 import scheduling_service_pb2 as scheduling
from penstock.api.scheduling.v1.scheduling_service_pb2_grpc import SchedulingServiceStub
from penstock.api.workflow.v1 import workflow_service_pb2 as api
from penstock.common.errors import PenstockError
from penstock.common.rpc.channel import call
from support.coordinator.memory_worker import open_worker

ONE = "flow: 1\nid: one\nnodes: {a: {run: 'return 1'}}\n"
OUTLINE = "EXECUTION_DETAIL_OUTLINE"
RESULT = "EXECUTION_DETAIL_RESULT"


@pytest.fixture
async def ended(running, state):
    """The id of an execution that has completed, with the calls so far forgotten."""
    await call(running.stub.ApplyWorkflow, api.ApplyWorkflowRequest(source=ONE))
    async with open_worker(running.channel):
        answer = await call(running.stub.StartExecution, start())
    state.calls.clear()
    return answer.execution_id


def start():
    return api.StartExecutionRequest(
        workflow="one", idempotency_key="k", wait_for=api.WAIT_FOR_ENDED
    )


def asked_of(state) -> list[str]:
    return [one for one in state.calls if one == "get_execution" or one.startswith("EXECUTION_")]


async def test_cancelling_it_asks_for_its_outline(running, state, ended):
    request = api.CancelExecutionRequest(execution_id=ended)
    answer = await call(running.stub.CancelExecution, request)
    assert answer.status == EXECUTION_STATUS_COMPLETED
    assert asked_of(state) == [OUTLINE]


async def test_why_it_waits_asks_for_its_outline(running, state, ended):
    stub = SchedulingServiceStub(running.channel)
    request = scheduling.ExplainExecutionRequest(execution_id=ended)
    answer = await call(stub.ExplainExecution, request)
    assert (answer.status, list(answer.nodes)) == (EXECUTION_STATUS_COMPLETED, [])
    assert asked_of(state) == [OUTLINE]


async def test_debugging_it_asks_for_its_outline(running, state, ended):
    stub = DebugServiceStub(running.channel)
    with pytest.raises(PenstockError):
        await call(
            stub.DebugExecution,
            debug.DebugExecutionRequest(execution_id=ended, attach=debug.Attach()),
        )
    assert asked_of(state) == [OUTLINE]


async def test_the_same_start_again_asks_for_its_result(running, state, ended):
    again = await call(running.stub.StartExecution, start())
    assert (again.execution_id, again.existing) == (ended, True)
    assert again.output.json == b"1"
    assert asked_of(state) == [RESULT]
