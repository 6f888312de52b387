"""A question that an earlier version left on the list: taken back by whoever loads the run."""

import asyncio

from penstock.api.dispatch.v1 import dispatch_service_pb2 as dispatch
from penstock.api.journal.v1.journal_pb2 import TASK_KIND_APPROVAL
from penstock.api.payload.v1.payload_pb2 import ERROR_CLASS_USER
from penstock.api.state.v1.state_service_pb2 import TaskNews
from penstock.api.workflow.v1 import workflow_service_pb2 as pb
from penstock.common.rpc.channel import call
from support.coordinator.memory_worker import complete_all, open_worker
from support.coordinator.sleeping import until

FLOW = """
flow: 1
id: asks
on_failure: tidy
nodes:
  ask: {run: "return 1"}
  work: {needs: [], run: "throw new Error('no')"}
  tidy: {run: "return 2"}
"""
ASK, WORK, TIDY = range(3)


def ask_and_fail(tasks: dispatch.ExecutionTasks, task: dispatch.Task):
    """`ask` asks a person, `work` fails a little later, `tidy` is kept."""
    outcome = dispatch.NodeOutcome(ref=task.ref, started_unix_us=1, finished_unix_us=2)
    if task.ref.node == ASK:
        outcome.waiting.task.kind = TASK_KIND_APPROVAL
        outcome.waiting.task.title = "Ship?"
        return outcome
    return None


async def fail(worker, execution_id):
    ref = next(task.ref for _, task, _ in worker.tasks if task.ref.node == WORK)
    outcome = dispatch.NodeOutcome(ref=ref, started_unix_us=1, finished_unix_us=2)
    outcome.failed.error_class = ERROR_CLASS_USER
    outcome.failed.reason = "BROKE"
    report = worker.made(execution_id, ref, [outcome])
    await worker.say(dispatch.WorkRequest(reports=[report]))


async def test_what_nobody_asks_any_more_goes_with_the_next_commit_of_a_loaded_run(opened, state):
    async with opened(state) as running, open_worker(running.channel, ask_and_fail) as worker:
        await call(running.stub.ApplyWorkflow, pb.ApplyWorkflowRequest(source=FLOW))
        begun = await call(running.stub.StartExecution, pb.StartExecutionRequest(workflow="asks"))
        await until(lambda: state.tasks)
        left_over = {key: _copy(news) for key, news in state.tasks.items()}
        await fail(worker, begun.execution_id)
        await until(lambda: not state.tasks)
        await worker.until(lambda: any(task.ref.node == TIDY for _, task, _ in worker.tasks))
    state.tasks.update(left_over)
    async with opened(state) as running, open_worker(running.channel, complete_all):
        await until(lambda: state.ended(begun.execution_id))
        async with asyncio.timeout(5):
            await until(lambda: not state.tasks)


def _copy(news: TaskNews) -> TaskNews:
    copy = TaskNews()
    copy.CopyFrom(news)
    return copy
