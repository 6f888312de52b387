"""A worker is given up and comes back before it is decided what becomes of what it had: its places
are counted right, and it stops what it was given in its former life."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from penstock.api.dispatch.v1 import dispatch_service_pb2 as dispatch
from penstock.api.workflow.v1 import workflow_service_pb2 as pb
from penstock.common.rpc.channel import call
from support.coordinator.memory_worker import MemoryWorker, completed, keep_all, open_worker
from support.coordinator.sleeping import until

FENCED = """
flow: 1
id: plain
nodes:
  only: {run: "return 1", concurrency: {key: bank, limit: 10}}
"""
CREDITS = 100


async def start(running) -> str:
    answer = await call(running.stub.StartExecution, pb.StartExecutionRequest(workflow="plain"))
    return answer.execution_id


@asynccontextmanager
async def undecided(running) -> AsyncIterator[None]:
    """Nothing is decided in the block: an append is on its way."""
    running.journal.going.clear()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(start(running))
        await until(lambda: len(running.shell.turns.appends))
        yield
        running.journal.going.set()


def give_up(running) -> None:
    running.shell.workers.by_id["w1"].broken_at = 1e-9
    running.shell.floor.give_up_lost()


def is_counted_right(running) -> bool:
    """Every place of the worker is free, or taken by something that it holds."""
    holders = [live.state.holders for live in running.shell.executions.by_id.values()]
    held = sum(each == "w1" for one in holders for each in one.values())
    return running.shell.workers.by_id["w1"].free == CREDITS - held


@pytest.fixture
async def working(running) -> AsyncIterator[MemoryWorker]:
    """A worker that was given an attempt."""
    await call(running.stub.ApplyWorkflow, pb.ApplyWorkflowRequest(source=FENCED))
    async with open_worker(running.channel, keep_all) as worker:
        await start(running)
        await worker.until(lambda: worker.tasks)
        yield worker


async def test_what_it_reported_before_gives_no_place_of_its_new_life_back(running, working):
    execution_id, task, _ = working.tasks[0]
    async with undecided(running):
        report = working.made(execution_id, task.ref, [completed(task.ref)])
        await working.say(dispatch.WorkRequest(reports=[report]))
        await until(lambda: running.shell.turns.waiting)
        give_up(running)
        async with open_worker(running.channel, keep_all) as returned:
            running.journal.going.set()
            await returned.until(lambda: len(returned.tasks) == 2)
            assert is_counted_right(running)


async def test_what_it_never_got_is_not_taken_back_when_it_comes_a_second_time(running, working):
    execution_id, *_ = working.tasks[0]
    async with undecided(running):
        give_up(running)
        async with open_worker(running.channel, keep_all):
            pass
        async with open_worker(running.channel, keep_all) as returned:
            assert is_counted_right(running)
            running.journal.going.set()
            await returned.until(lambda: len(returned.tasks) == 2)
            assert is_counted_right(running)
            given = [task.ref.attempt for each, task, _ in returned.tasks if each == execution_id]
            assert given == [2]


async def test_it_is_told_to_stop_what_it_still_runs(running, working):
    execution_id, task, _ = working.tasks[0]
    async with undecided(running):
        give_up(running)
        held = ((execution_id, task.ref),)
        async with open_worker(running.channel, keep_all, held=held) as returned:
            await returned.until(lambda: returned.cancels)
            assert returned.cancels[0].ref == task.ref
            running.journal.going.set()
            await returned.until(lambda: len(returned.tasks) == 2)
            assert is_counted_right(running)
