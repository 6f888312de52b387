"""Timers: back-offs and sleeps, and a wall clock that cannot be trusted."""

import asyncio

from penstock.api.dispatch.v1 import dispatch_service_pb2 as dispatch
from penstock.api.workflow.v1 import workflow_service_pb2 as pb
from penstock.common.rpc.channel import call
from penstock.coordinator.core.inputs import TimePassed
from support.coordinator.memory_worker import completed, open_worker

RETRIED = """
flow: 1
id: retried
nodes:
  a: {run: "return 1", retry: {max_attempts: 3, initial_delay: 20ms, on: [transient]}}
"""


def fails_once(group, task):
    if task.ref.attempt > 1:
        return completed(task.ref)
    outcome = dispatch.NodeOutcome(ref=task.ref, started_unix_us=1, finished_unix_us=2)
    outcome.failed.error_class = 1
    outcome.failed.reason = "HTTP_503"
    outcome.failed.message = "busy"
    return outcome


def sleeps(group, task):
    outcome = dispatch.NodeOutcome(ref=task.ref, started_unix_us=1, finished_unix_us=2)
    outcome.waiting.duration_us = 50_000
    outcome.waiting.output.json = b'"awake"'
    return outcome


async def run(running, decide):
    await call(running.stub.ApplyWorkflow, pb.ApplyWorkflowRequest(source=RETRIED))
    request = pb.StartExecutionRequest(workflow="retried", wait_for=pb.WAIT_FOR_ENDED)
    async with open_worker(running.channel, decide) as worker:
        answer = await call(running.stub.StartExecution, request)
        return answer, worker


async def test_a_failed_attempt_is_repeated_after_its_back_off(running, state):
    answer, worker = await run(running, fails_once)
    assert answer.status == 2
    assert [task.ref.attempt for _, task, _ in worker.tasks] == [1, 2]
    assert len(running.shell.turns.timers) == 0


async def test_a_sleep_ends_with_its_output(running, state):
    answer, _ = await run(running, sleeps)
    assert answer.output.json == b'"awake"'


async def test_a_timer_that_the_core_finds_too_early_is_set_again(running, state):
    await call(running.stub.ApplyWorkflow, pb.ApplyWorkflowRequest(source=RETRIED))
    async with open_worker(running.channel, sleeps):
        answer = await call(
            running.stub.StartExecution, pb.StartExecutionRequest(workflow="retried")
        )
        live = running.shell.executions.get(answer.execution_id)
        async with asyncio.timeout(5):
            while not live.wake_us:
                await asyncio.sleep(0)
        due_us = live.wake_us
        running.shell.turns.timers.take_due(due_us)
        assert len(running.shell.turns.timers) == 0
        live.wake_us = 0
        running.shell.turns.put(live, TimePassed())
        async with asyncio.timeout(5):
            while not state.ended(answer.execution_id):
                await asyncio.sleep(0.005)
