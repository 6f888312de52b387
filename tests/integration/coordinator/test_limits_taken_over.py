"""Limits where parameters are large, and where attempts are held over a change of coordinator."""

import asyncio

import pytest

from penstock.api.dispatch.v1.dispatch_service_pb2 import WorkRequest
from penstock.api.workflow.v1 import intervention_service_pb2 as hand
from penstock.api.workflow.v1 import workflow_service_pb2 as pb
from penstock.api.workflow.v1.intervention_service_pb2_grpc import InterventionServiceStub
from penstock.common.rpc.channel import call
from penstock.coordinator.limits.permits import make_key
from support.coordinator.memory_worker import completed, keep_all, open_worker
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
ONE_NODE = """
flow: 1
id: pay
nodes:
  charge: {run: "return 1", concurrency: {key: "all", limit: 1}}
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


async def test_what_a_successor_adopts_under_a_fence_hears_of_it_and_goes_on(opened, state):
    source = PLAIN_KEY.replace("params: {text: {type: string}, customer: {type: string}}\n", "")
    async with opened(state) as running, open_worker(running.channel, keep_all) as worker:
        execution_id = await start(running, source)
        await worker.until(lambda: worker.tasks)
        held = ((execution_id, worker.tasks[0][1].ref),)
        running.shell.shards._parting._gate.may_be_settled = lambda shard: False
    async with (
        opened(state) as running,
        open_worker(running.channel, keep_all, held=held) as worker,
    ):
        live = running.shell.executions.by_id[execution_id]
        await until(lambda: live.early is None)
        assert list(live.state.holders.values()) == ["w1"]
        await until(lambda: worker.beats)


@pytest.mark.parametrize(
    "source", [ONE_NODE, ONE_RUN.replace("MODE", "queue")], ids=["node", "whole"]
)
async def test_what_a_worker_still_runs_keeps_its_slot_under_a_successor(opened, state, source):
    """The former owner died, and nobody has told the next one but the journal and the worker."""
    quick = {"limit_fence_ms": 100, "address": "same:1"}
    async with opened(state, **quick) as running, open_worker(running.channel, keep_all) as worker:
        first, second = [await start(running, source) for _ in range(2)]
        await worker.until(lambda: worker.tasks)
        running.shell.shards._parting._gate.may_be_settled = lambda shard: False
    ((_, task, _),) = worker.tasks
    held = ((first, task.ref),)
    key = make_key("concurrency", "default", "all")
    async with (
        opened(state, **quick) as running,
        open_worker(running.channel, keep_all, held=held) as worker,
    ):
        await until(lambda: running.shell.limits.book.is_open(key))
        free = await start(running, FREE)
        await worker.until(lambda: free in (each for each, *_ in worker.tasks))
        assert [each for each, *_ in worker.tasks] == [free]
        report = worker.made(first, task.ref, [completed(task.ref)])
        await worker.say(WorkRequest(reports=[report]))
        await worker.until(lambda: len(worker.tasks) == 2)
        assert worker.tasks[1][0] == second
