"""Attempts under a limit whose execution is paused: they hold no slot and get one at the resume."""

import asyncio

from penstock.api.dispatch.v1 import dispatch_service_pb2 as dispatch
from penstock.api.workflow.v1 import intervention_service_pb2 as hands
from penstock.api.workflow.v1 import workflow_service_pb2 as pb
from penstock.api.workflow.v1.intervention_service_pb2_grpc import InterventionServiceStub
from penstock.common.rpc.channel import call
from support.coordinator.memory_worker import completed, keep_all, open_worker
from support.coordinator.sleeping import until

AT_ONCE = {"dormant_after_ms": 0}
ONE = """
flow: 1
id: pay
nodes:
  charge: {run: "return 1", concurrency: {key: bank, limit: 1}}
"""


async def started(running) -> str:
    await call(running.stub.ApplyWorkflow, pb.ApplyWorkflowRequest(source=ONE))
    answer = await call(running.stub.StartExecution, pb.StartExecutionRequest(workflow="pay"))
    return answer.execution_id


async def pause(running, execution_id: str) -> None:
    stub = InterventionServiceStub(running.channel)
    await call(stub.PauseExecution, hands.PauseExecutionRequest(execution_id=execution_id))


async def resume(running, execution_id: str) -> None:
    stub = InterventionServiceStub(running.channel)
    await call(stub.ResumeExecution, hands.ResumeExecutionRequest(execution_id=execution_id))


async def end(worker, execution_id: str) -> None:
    """Report what the worker has of an execution."""
    task = next(task for each, task, _ in worker.tasks if each == execution_id)
    made = worker.made(execution_id, task.ref, [completed(task.ref)])
    await worker.say(dispatch.WorkRequest(reports=[made]))


async def test_who_is_paused_at_the_gate_is_passed_over_and_goes_after_the_resume(opened, state):
    async with opened(state) as running, open_worker(running.channel, keep_all) as worker:
        first, second, third = [await started(running) for _ in range(3)]
        await worker.until(lambda: len(worker.tasks) == 1)
        await pause(running, second)
        await end(worker, first)
        await worker.until(lambda: len(worker.tasks) == 2)
        assert worker.tasks[1][0] == third
        await resume(running, second)
        await end(worker, third)
        await worker.until(lambda: len(worker.tasks) == 3)
        await end(worker, second)
        await until(lambda: state.ended(second))


async def test_what_waited_for_a_worker_before_a_pause_does_not_go_beside_the_limit(opened, state):
    async with opened(state) as running:
        first = await started(running)
        ready = running.shell.release.ready
        await until(lambda: ready.depth == 1)
        await pause(running, first)
        second = await started(running)
        await until(lambda: ready.depth == 2)
        await resume(running, first)
        async with open_worker(running.channel, keep_all) as worker:
            await worker.until(lambda: worker.tasks)
            for _ in range(20):
                await asyncio.sleep(0.005)
            assert [each for each, _, _ in worker.tasks] == [second]
            await end(worker, second)
            await worker.until(lambda: len(worker.tasks) == 2)
            await end(worker, first)
            await until(lambda: state.ended(first))


async def test_who_is_paused_with_a_slot_but_without_a_worker_gets_one_later(opened, state):
    async with opened(state) as running:
        execution_id = await started(running)
        await until(lambda: running.shell.release.ready.depth == 1)
        await pause(running, execution_id)
        async with open_worker(running.channel) as worker:
            await asyncio.sleep(0)
            assert worker.tasks == []
            await resume(running, execution_id)
            await until(lambda: state.ended(execution_id))


async def test_who_left_memory_in_a_pause_gets_a_slot_at_the_resume(opened, state):
    async with opened(state, **AT_ONCE) as running:
        execution_id = await started(running)
        await pause(running, execution_id)
        await until(lambda: len(running.shell.executions) == 0)
        async with open_worker(running.channel):
            await resume(running, execution_id)
            await until(lambda: state.ended(execution_id))


async def test_a_successor_gives_what_was_paused_a_slot_at_the_resume(opened, state):
    async with opened(state, limit_fence_ms=1) as running:
        execution_id = await started(running)
        await pause(running, execution_id)
    async with opened(state, limit_fence_ms=1) as running, open_worker(running.channel):
        await resume(running, execution_id)
        await until(lambda: state.ended(execution_id))
