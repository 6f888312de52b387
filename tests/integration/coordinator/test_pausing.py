"""A paused execution: workers get nothing of it, it leaves memory, and a successor keeps it so."""

import pytest

from penstock.api.journal.v1 import journal_pb2 as journal
from penstock.api.workflow.v1 import intervention_service_pb2 as hands
from penstock.api.workflow.v1 import workflow_service_pb2 as pb
from penstock.api.workflow.v1.intervention_service_pb2_grpc import InterventionServiceStub
from penstock.common.errors import Conflict, InvalidArgument, NotFound
from penstock.common.rpc.channel import call
from support.coordinator.memory_worker import keep_all, open_worker
from support.coordinator.sleeping import until

AT_ONCE = {"dormant_after_ms": 0}
TWO = """
flow: 1
id: two
nodes:
  a: {run: "return 1"}
  b: {needs: [a], run: "return 2"}
"""


async def started(running) -> str:
    await call(running.stub.ApplyWorkflow, pb.ApplyWorkflowRequest(source=TWO))
    answer = await call(running.stub.StartExecution, pb.StartExecutionRequest(workflow="two"))
    return answer.execution_id


async def pause(running, execution_id: str, said: str = "") -> int:
    stub = InterventionServiceStub(running.channel)
    request = hands.PauseExecutionRequest(execution_id=execution_id, by="ann", request_id=said)
    return (await call(stub.PauseExecution, request)).status


async def resume(running, execution_id: str, said: str = "") -> int:
    stub = InterventionServiceStub(running.channel)
    request = hands.ResumeExecutionRequest(execution_id=execution_id, request_id=said)
    return (await call(stub.ResumeExecution, request)).status


async def intervene(running, execution_id: str, **more) -> hands.InterveneNodeResponse:
    stub = InterventionServiceStub(running.channel)
    request = hands.InterveneNodeRequest(execution_id=execution_id, **more)
    return await call(stub.InterveneNode, request)


async def test_an_execution_that_is_paused_before_a_worker_comes_gets_none(opened, state):
    async with opened(state, **AT_ONCE) as running:
        execution_id = await started(running)
        assert await pause(running, execution_id) == journal.EXECUTION_STATUS_PAUSED
        await until(lambda: len(running.shell.executions) == 0)
        async with open_worker(running.channel) as worker:
            assert await pause(running, execution_id) == journal.EXECUTION_STATUS_PAUSED
            assert worker.tasks == []
            assert await resume(running, execution_id) == journal.EXECUTION_STATUS_RUNNING
            await until(lambda: state.ended(execution_id))
            assert [task.ref.attempt for _, task, _ in worker.tasks] == [1, 1]


async def test_a_pause_that_is_said_again_is_known_after_its_resume_and_after_the_end(
    opened, state
):
    async with opened(state) as running:
        execution_id = await started(running)
        assert await pause(running, execution_id, "p") == journal.EXECUTION_STATUS_PAUSED
        assert await resume(running, execution_id, "r") == journal.EXECUTION_STATUS_RUNNING
    async with opened(state) as running:
        assert await pause(running, execution_id, "p") == journal.EXECUTION_STATUS_RUNNING
        async with open_worker(running.channel):
            await until(lambda: state.ended(execution_id))
        for said, again in ((pause, "p"), (resume, "r")):
            assert await said(running, execution_id, again) == journal.EXECUTION_STATUS_COMPLETED
            with pytest.raises(Conflict, match="it is COMPLETED"):
                await said(running, execution_id, "another")
        with pytest.raises(InvalidArgument):
            await pause(running, execution_id, "x" * 1_001)
    assert state.events(execution_id).count("execution_paused") == 1


async def test_a_successor_keeps_the_pause(opened, state):
    async with opened(state) as running:
        execution_id = await started(running)
        await pause(running, execution_id)
    async with opened(state) as running, open_worker(running.channel) as worker:
        assert await pause(running, execution_id) == journal.EXECUTION_STATUS_PAUSED
        assert worker.tasks == []
        await resume(running, execution_id)
        await until(lambda: state.ended(execution_id))
        assert {task.ref.attempt for _, task, _ in worker.tasks} == {1}


async def test_an_attempt_is_handed_out_once_though_pauses_queued_it_again(opened, state):
    async with opened(state) as running:
        execution_id = await started(running)
        for _ in range(3):
            await pause(running, execution_id)
            await resume(running, execution_id)
        async with open_worker(running.channel) as worker:
            await until(lambda: state.ended(execution_id))
            assert len(worker.tasks) == 2


async def test_a_retry_by_hand_takes_the_attempt_from_its_worker(opened, state):
    async with opened(state) as running, open_worker(running.channel, keep_all) as worker:
        execution_id = await started(running)
        await worker.until(lambda: worker.tasks)
        now = await intervene(running, execution_id, node="a", operation=journal.INTERVENTION_RETRY)
        assert (now.status, now.attempt) == (journal.NODE_STATUS_QUEUED, 2)
        await worker.until(lambda: worker.cancels and len(worker.tasks) == 2)
        assert worker.tasks[1][1].ref.attempt == 2


async def test_an_intervention_that_is_said_again_is_done_once(opened, state):
    async with opened(state) as running, open_worker(running.channel, keep_all) as worker:
        execution_id = await started(running)
        await worker.until(lambda: worker.tasks)
        for _ in range(2):
            now = await intervene(
                running,
                execution_id,
                node="a",
                operation=journal.INTERVENTION_RETRY,
                intervention_id="x",
            )
            assert now.attempt == 2


async def test_an_intervention_is_known_again_after_the_end(opened, state):
    complete = journal.INTERVENTION_COMPLETE
    async with opened(state) as running:
        execution_id = await started(running)
        for node in ("b", "a"):
            last = {"node": node, "operation": complete, "intervention_id": f"done {node}"}
            await intervene(running, execution_id, **last)
        assert state.ended(execution_id)
        await intervene(running, execution_id, **last)
        with pytest.raises(Conflict, match="it is COMPLETED"):
            await intervene(running, execution_id, **{**last, "intervention_id": "another"})


async def test_what_cannot_be_done_is_refused_with_the_reason(opened, state):
    async with opened(state) as running:
        execution_id = await started(running)
        with pytest.raises(Conflict, match="has not begun"):
            await intervene(running, execution_id, node="b", operation=journal.INTERVENTION_RETRY)
        with pytest.raises(NotFound, match="no node"):
            await intervene(running, execution_id, node="x", operation=journal.INTERVENTION_SKIP)
        for node in ("b", "a"):
            await intervene(
                running, execution_id, node=node, operation=journal.INTERVENTION_COMPLETE
            )
        with pytest.raises(Conflict, match="it is COMPLETED"):
            await intervene(running, execution_id, node="a", operation=journal.INTERVENTION_SKIP)


async def test_an_edited_input_travels_with_the_next_attempt(opened, state):
    async with opened(state) as running, open_worker(running.channel, keep_all) as worker:
        execution_id = await started(running)
        await intervene(
            running,
            execution_id,
            node="b",
            operation=journal.INTERVENTION_EDIT,
            value_json=b'{"a": 41}',
        )
        await intervene(running, execution_id, node="a", operation=journal.INTERVENTION_COMPLETE)
        await worker.until(lambda: len(worker.tasks) == 2)
        assert worker.tasks[1][1].input.json == b'{"a": 41}'
