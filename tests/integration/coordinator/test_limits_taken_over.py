"""Limits where parameters are large, and where attempts are held over a change of coordinator."""

import asyncio

from penstock.api.workflow.v1 import intervention_service_pb2 as hand
from penstock.api.workflow.v1 import workflow_service_pb2 as pb
from penstock.api.workflow.v1.intervention_service_pb2_grpc import InterventionServiceStub
from penstock.common.rpc.channel import call
from support.coordinator.memory_worker import keep_all, open_worker
from support.coordinator.sleeping import until

LARGE = b'{"text": "%s", "customer": "ada"}' % (b"x" * 200_000)
PLAIN_KEY = """
flow: 1
id: pay
params: {text: {type: string}, customer: {type: string}}
nodes:
  charge: {run: "return 1", concurrency: {key: "k", limit: 2}}
"""
WITH_WHOLE = """
flow: 1
id: pay
concurrency: {key: "all", limit: 5}
nodes:
  charge: {run: "return 1", concurrency: {key: "k", limit: 1}}
"""


async def start(running, source: str, params: bytes = b"") -> str:
    await call(running.stub.ApplyWorkflow, pb.ApplyWorkflowRequest(source=source))
    request = pb.StartExecutionRequest(workflow="pay", params_json=params)
    return (await call(running.stub.StartExecution, request)).execution_id


async def test_a_limit_whose_key_reads_no_parameters_bears_large_ones(opened, state):
    async with opened(state) as running, open_worker(running.channel) as worker:
        execution_id = await start(running, PLAIN_KEY, LARGE)
        await worker.until(lambda: worker.tasks)
        await until(lambda: state.ended(execution_id))


async def test_a_successor_takes_over_what_waits_under_a_key_of_large_parameters(opened, state):
    source = PLAIN_KEY.replace('"k"', '"c-${{ params.customer }}"')
    quick = {"limit_fence_ms": 100}
    async with opened(state, **quick) as running:
        execution_id = await start(running, source, LARGE)
    async with opened(state, **quick) as running, open_worker(running.channel):
        async with asyncio.timeout(20):
            await until(lambda: state.ended(execution_id))


async def test_what_a_pause_held_is_let_go_by_a_successor_too(opened, state):
    quick = {"limit_fence_ms": 100}
    async with opened(state, **quick) as running:
        execution_id = await start(running, WITH_WHOLE)
        request = hand.PauseExecutionRequest(execution_id=execution_id)
        await call(InterventionServiceStub(running.channel).PauseExecution, request)
    async with opened(state, **quick) as running, open_worker(running.channel):
        request = hand.ResumeExecutionRequest(execution_id=execution_id)
        await call(InterventionServiceStub(running.channel).ResumeExecution, request)
        await until(lambda: state.ended(execution_id))


ONE_RUN = """
flow: 1
id: pay
concurrency: {key: "all", limit: 1, on_full: MODE}
nodes:
  charge: {run: "return 1"}
"""
FREE = """
flow: 1
id: pay
nodes:
  charge: {run: "return 1"}
"""


async def test_a_run_that_waits_for_a_slot_waits_on_under_every_successor(opened, state):
    quick = {"limit_fence_ms": 100}
    source = ONE_RUN.replace("MODE", "queue")
    async with opened(state, **quick) as running, open_worker(running.channel, keep_all) as worker:
        first, second = [await start(running, source) for _ in range(2)]
        await worker.until(lambda: worker.tasks)
    ((_, task, _),) = worker.tasks
    for _ in range(2):
        held = ((first, task.ref),)
        async with (
            opened(state, **quick) as running,
            open_worker(running.channel, keep_all, held=held) as worker,
        ):
            live = running.shell.executions.by_id[second]
            await until(lambda live=live: live.early is None)
            free = await start(running, FREE)
            given = worker.tasks
            await worker.until(lambda free=free, given=given: free in (x for x, *_ in given))
            assert second not in [execution_id for execution_id, *_ in given]


async def test_a_run_is_not_skipped_for_the_slot_that_it_had_before_its_coordinator_died(
    opened, state
):
    quick = {"limit_fence_ms": 100}
    source = ONE_RUN.replace("MODE", "skip")
    async with opened(state, **quick) as running, open_worker(running.channel, keep_all) as worker:
        execution_id = await start(running, source)
        await worker.until(lambda: worker.tasks)
    async with opened(state, **quick) as running, open_worker(running.channel) as worker:
        await worker.until(lambda: worker.tasks)
        await until(lambda: state.ended(execution_id))
