"""Shards that are given back in good order: whoever takes them gives slots at once, unless
something may still run."""

import pytest

from penstock.api.dispatch.v1 import dispatch_service_pb2 as dispatch
from penstock.api.workflow.v1 import workflow_service_pb2 as pb
from penstock.common.clock import SystemClock
from penstock.common.rpc.channel import call
from penstock.coordinator.settings import Settings
from penstock.coordinator.shell.coordinator import open_coordinator
from penstock.coordinator.shell.starts.one_start import OneStart
from penstock.coordinator.shell.starts.starts import Call
from penstock.nodes import catalog
from support.coordinator.memory_worker import completed, keep_all, open_worker
from support.coordinator.sleeping import until

PATIENT = {"limit_fence_ms": 60_000}
"""Nobody waits in a test until a worker must have stopped by itself."""
NODE = """
flow: 1
id: pay
nodes:
  charge: {run: "return 1", concurrency: {key: bank, limit: 1}}
"""
WHOLE = """
flow: 1
id: pay
concurrency: {key: bank, limit: 1}
nodes:
  charge: {run: "return 1"}
"""


async def started(running, source: str) -> str:
    await call(running.stub.ApplyWorkflow, pb.ApplyWorkflowRequest(source=source))
    answer = await call(running.stub.StartExecution, pb.StartExecutionRequest(workflow="pay"))
    return answer.execution_id


def said(cancel: dispatch.Cancel) -> dispatch.WorkRequest:
    """Stopped."""
    held = dispatch.HeldAttempt(execution_id=cancel.execution_id, ref=cancel.ref)
    return dispatch.WorkRequest(stopped=[held])


@pytest.mark.parametrize("source", [NODE, WHOLE])
async def test_what_waited_for_a_worker_gets_its_slot_at_once(opened, state, source: str):
    async with opened(state, **PATIENT) as running:
        both = [await started(running, source) for _ in range(2)]
        await until(lambda: running.shell.release.ready.depth == 1)
    async with opened(state, **PATIENT) as running, open_worker(running.channel):
        await until(lambda: all(state.ended(each) for each in both))


@pytest.mark.parametrize("source", [NODE, WHOLE])
@pytest.mark.parametrize("reports", [False, True])
async def test_what_ran_runs_again_at_once_if_its_worker_stopped_it(
    opened, state, source: str, reports: bool
):
    async with (
        opened(state, **PATIENT) as running,
        open_worker(running.channel, keep_all) as worker,
    ):

        def answered(cancel: dispatch.Cancel) -> dispatch.WorkRequest:
            """It is done with it, one way or the other."""
            if not reports:
                return said(cancel)
            done = worker.made(cancel.execution_id, cancel.ref, [completed(cancel.ref)])
            return dispatch.WorkRequest(reports=[done])

        worker.on_cancel = answered
        both = [await started(running, source) for _ in range(2)]
        await worker.until(lambda: len(worker.tasks) == 1)
        await running.shell.close()
    async with opened(state, **PATIENT) as running, open_worker(running.channel):
        await until(lambda: all(state.ended(each) for each in both))


async def test_what_ran_stands_before_what_came_while_its_shard_was_taken(opened, state):
    """It is not known yet what workers have when the first new starts come."""
    async with (
        opened(state, **PATIENT) as running,
        open_worker(running.channel, keep_all) as worker,
    ):
        worker.on_cancel = said
        first = await started(running, WHOLE)
        await worker.until(lambda: worker.tasks)
        await running.shell.close()
    settings, clock = Settings(audit_period_ms=0, **PATIENT), SystemClock()
    async with open_coordinator(settings, state.ports(), catalog(), clock) as shell:
        shell.join("127.0.0.1:1")
        await until(lambda: shell.executions.get(first) is not None)
        late = OneStart(waits=False)
        shell.starts.start(Call("default", pb.StartExecutionRequest(workflow="pay"), "", late))
        await late.done
        assert shell.executions.get(first).early is not None
        await until(lambda: shell.release.ready.depth)
        assert [live.id for live in shell.executions.by_id.values() if live.permits.admitted] == [
            first
        ]
        await shell.close()


@pytest.mark.parametrize("source", [NODE, WHOLE])
async def test_if_a_worker_does_not_say_that_it_stopped_slots_come_back_when_it_must_have(
    opened, state, source: str
):
    quick = {"limit_fence_ms": 500}
    async with (
        opened(state, **quick) as running,
        open_worker(running.channel, keep_all) as worker,
    ):
        first, second = [await started(running, source) for _ in range(2)]
        await worker.until(lambda: len(worker.tasks) == 1)
        shard = state.shard_of[worker.tasks[0][0]]
        await running.shell.close()
        assert state.settled == set(range(state.shard_count)) - {shard}
    async with opened(state, **quick) as running, open_worker(running.channel):
        await until(lambda: state.ended(first) and state.ended(second))


async def test_nothing_under_a_limit_is_given_away_while_its_shard_leaves(opened, state):
    """A worker that stops something has room again."""
    async with (
        opened(state, **PATIENT) as running,
        open_worker(running.channel, keep_all, credit_count=1) as worker,
    ):
        worker.on_cancel = said
        for _ in range(8):
            await started(running, NODE.replace("limit: 1", "limit: 8"))
        await worker.until(lambda: len(worker.tasks) == 1)
        await until(lambda: running.shell.release.ready.depth == 7)
        await running.shell.close()
        await worker.ended.wait()
        assert len(worker.tasks) == 1
        assert state.settled == set(range(state.shard_count))
