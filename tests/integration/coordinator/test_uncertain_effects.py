"""Effects that may happen only once: written before a worker gets them, asked about when it is
lost."""

import pytest

from penstock.api.workflow.v1 import task_service_pb2 as tasks
from penstock.api.workflow.v1 import workflow_service_pb2 as pb
from penstock.api.workflow.v1.task_service_pb2_grpc import TaskServiceStub
from penstock.common.errors import Conflict
from penstock.common.rpc.channel import call
from support.coordinator.memory_worker import complete_all, keep_all, open_worker
from support.coordinator.sleeping import until

PAY = """
flow: 1
id: pay
nodes:
  pay: {run: "return 1", effects: once}
  note: {needs: [pay], run: "return 2"}
"""


async def started(running) -> str:
    await call(running.stub.ApplyWorkflow, pb.ApplyWorkflowRequest(source=PAY))
    answer = await call(running.stub.StartExecution, pb.StartExecutionRequest(workflow="pay"))
    return answer.execution_id


async def answer(running, task_id: str, decision: str) -> int:
    stub = TaskServiceStub(running.channel)
    request = tasks.AnswerTaskRequest(id=task_id, decision=decision, data_json=b'"paid"', by="ann")
    return (await call(stub.AnswerTask, request)).status


async def open_tasks(running) -> list[tasks.Task]:
    stub = TaskServiceStub(running.channel)
    return list((await call(stub.ListTasks, tasks.ListTasksRequest())).tasks)


async def test_who_gets_it_is_on_disk_before_the_worker_has_it(opened, state):
    async with opened(state) as running, open_worker(running.channel, keep_all) as worker:
        execution_id = await started(running)
        await worker.until(lambda: worker.tasks)
        assert "attempts_handed_over" in state.events(execution_id)


async def test_a_successor_hands_out_what_nobody_had_without_a_question(opened, state):
    async with opened(state) as running:
        execution_id = await started(running)
    async with opened(state) as running, open_worker(running.channel, complete_all):
        await until(lambda: state.ended(execution_id))
    assert state.tasks == {}
    assert "attempt_lost" in state.events(execution_id)


async def test_a_person_says_what_became_of_a_lost_attempt(opened, state):
    async with opened(state) as running, open_worker(running.channel, keep_all) as worker:
        execution_id = await started(running)
        await worker.until(lambda: worker.tasks)
    async with opened(state) as running:
        await until(lambda: state.tasks)
        (task,) = await open_tasks(running)
        assert (task.execution_id, task.node) == (execution_id, "pay")
        await answer(running, task.id, "happened")
        with pytest.raises(Conflict):
            await answer(running, task.id, "happened")
        assert await open_tasks(running) == []
        async with open_worker(running.channel) as worker:
            await until(lambda: state.ended(execution_id))
            assert [ref.node for _, task, _ in worker.tasks for ref in [task.ref]] == [1]


async def test_what_has_not_happened_runs_again_once(opened, state):
    async with opened(state) as running, open_worker(running.channel, keep_all) as worker:
        execution_id = await started(running)
        await worker.until(lambda: worker.tasks)
    async with opened(state, dormant_after_ms=0) as running:
        await until(lambda: state.tasks)
        await until(lambda: len(running.shell.executions) == 0)
        (task,) = await open_tasks(running)
        await answer(running, task.id, "not_happened")
        async with open_worker(running.channel) as worker:
            await until(lambda: state.ended(execution_id))
            ran = [(task.ref.node, task.ref.attempt) for _, task, _ in worker.tasks]
            assert ran == [(0, 2), (1, 1)]
