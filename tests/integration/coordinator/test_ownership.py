"""Shards, workers and restarts: who may act, what is adopted, what is repeated."""

import asyncio

import pytest

from penstock.api.dispatch.v1 import dispatch_service_pb2 as dispatch
from penstock.api.dispatch.v1 import dispatch_service_pb2 as pb_dispatch
from penstock.api.journal.v1.journal_pb2 import NodeRef
from penstock.api.workflow.v1 import workflow_service_pb2 as pb
from penstock.common.errors import Unavailable, WrongOwner
from penstock.common.rpc.channel import call
from support.coordinator.memory_worker import completed, keep_all, open_worker

CHAIN = """
flow: 1
id: chain
nodes:
  a: {run: "return 1"}
  b: {needs: [a], run: "return 2"}
"""


async def until(condition) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


async def start(running, **more) -> pb.StartExecutionResponse:
    return await call(
        running.stub.StartExecution, pb.StartExecutionRequest(workflow="chain", **more)
    )


@pytest.fixture
async def applied(running):
    await call(running.stub.ApplyWorkflow, pb.ApplyWorkflowRequest(source=CHAIN))
    return running


async def killed(running) -> None:
    """Leave the way a killed process does: nothing is released."""
    running.shell.shards.held.clear()
    running.shell.shards._membership.leave = nothing


async def nothing() -> None:
    return None


async def test_after_a_restart_what_a_worker_holds_is_adopted(opened, state):
    async with opened(state, address="same:1") as running:
        await call(running.stub.ApplyWorkflow, pb.ApplyWorkflowRequest(source=CHAIN))
        answer = await start(running)
        await killed(running)
    lease = NodeRef(node=0, attempt=1)
    async with (
        opened(state, address="same:1") as running,
        open_worker(running.channel, keep_all, held=((answer.execution_id, lease),)) as worker,
    ):
        report = worker.made(answer.execution_id, lease, [completed(lease)])
        await worker.say(dispatch.WorkRequest(reports=[report]))
        await worker.until(lambda: worker.committed == [1])
        await worker.until(lambda: worker.tasks)
        assert worker.tasks[0][1].ref == NodeRef(node=1, attempt=1)
        assert running.shell.workers.by_id["w1"].free == 99
    assert "attempt_lost" not in state.events(answer.execution_id)


async def test_after_a_restart_what_nobody_holds_is_queued_again(opened, state):
    async with opened(state, address="same:1") as running:
        await call(running.stub.ApplyWorkflow, pb.ApplyWorkflowRequest(source=CHAIN))
        answer = await start(running)
        await killed(running)
    async with (
        opened(state, address="same:1") as running,
        open_worker(running.channel) as worker,
    ):
        await until(lambda: state.ended(answer.execution_id))
        assert worker.tasks[0][1].ref == NodeRef(node=0, attempt=2)
    assert state.events(answer.execution_id).count("attempt_lost") == 1


async def test_a_former_process_at_the_same_address_is_evicted(opened, state):
    state.members["old"] = "same:1"
    state.epochs = dict.fromkeys(range(state.shard_count), 1)
    state.leases = dict.fromkeys(range(state.shard_count), ("old", 1))
    async with opened(state, address="same:1") as running:
        assert "old" not in state.members
        assert len(running.shell.shards) == state.shard_count


async def test_shards_spread_over_two_coordinators_and_come_back(opened, state):
    async with opened(state) as first:
        async with opened(state) as second:
            await until(
                lambda: (
                    len(first.shell.shards) + len(second.shell.shards) == state.shard_count
                    and len(second.shell.shards)
                )
            )
            await call(first.stub.ApplyWorkflow, pb.ApplyWorkflowRequest(source=CHAIN))
            answer = await start(second)
            await until(lambda: first.shell.shards.is_elsewhere(answer.execution_id))
            with pytest.raises(WrongOwner) as told:
                await call(
                    first.stub.CancelExecution,
                    pb.CancelExecutionRequest(execution_id=answer.execution_id),
                )
            assert told.value.facts["owner"] == second.address
        await until(lambda: len(first.shell.shards) == state.shard_count)
        async with open_worker(first.channel):
            await until(lambda: state.ended(answer.execution_id))


async def test_a_fenced_shard_is_dropped_and_what_its_commands_lead_to_never_leaves(applied, state):
    """A first node without effects may have run ahead: it is taken back, its outcome refused."""
    async with open_worker(applied.channel, keep_all) as worker:
        applied.journal.going.clear()
        waiting = asyncio.ensure_future(start(applied))
        await worker.until(lambda: worker.tasks)
        execution_id, task, _ = worker.tasks[0]
        first = pb_dispatch.NodeOutcome(ref=task.ref, completed={"output": {"json": b"1"}})
        await worker.say(
            pb_dispatch.WorkRequest(reports=[worker.made(execution_id, task.ref, [first])])
        )
        shard = applied.journal.sent[-1].writes[0].shard
        state.leases[shard] = ("thief", 99)
        state.members["thief"] = "elsewhere:1"
        applied.journal.going.set()
        with pytest.raises(Unavailable):
            await waiting
        assert shard not in applied.shell.shards.owned
        await worker.until(lambda: worker.refused)
        assert len(worker.tasks) == 1
        assert not worker.committed
        assert len(applied.shell.executions) == 0


async def test_a_cancel_that_was_fenced_gives_the_place_back_all_the_same(applied, state):
    async with open_worker(applied.channel, keep_all, credit_count=3) as worker:
        started = await start(applied)
        await worker.until(lambda: worker.tasks)
        applied.journal.going.clear()
        request = pb.CancelExecutionRequest(execution_id=started.execution_id)
        cancel = asyncio.create_task(call(applied.stub.CancelExecution, request))
        await until(lambda: len(applied.shell.turns.appends))
        for number in list(applied.shell.shards.held):
            applied.shell.shards.drop(number, "a test wants it")
        assert applied.shell.workers.by_id["w1"].free == 2
        applied.journal.going.set()
        with pytest.raises(Unavailable):
            await cancel
        await until(lambda: applied.shell.workers.by_id["w1"].free == 3)
        await worker.until(lambda: worker.cancels)


async def test_without_a_renewed_lease_nothing_is_handed_out(applied, state):
    async with open_worker(applied.channel, keep_all) as worker:
        applied.shell.tenure._until = 0.0
        state.down = True
        waiting = asyncio.ensure_future(start(applied, version=1))
        state.down = False
        await until(lambda: state.histories)
        applied.shell.tenure._until = 0.0
        assert not worker.tasks
        await waiting
        await worker.until(lambda: worker.tasks)


async def test_a_worker_that_comes_back_keeps_its_attempts(applied, state):
    async with open_worker(applied.channel, keep_all) as worker:
        answer = await start(applied)
        await worker.until(lambda: worker.tasks)
        lease = worker.tasks[0][1].ref
        worker.lose_connection()
        await until(lambda: applied.shell.workers.by_id["w1"].broken_at)
    held = ((answer.execution_id, lease),)
    async with open_worker(applied.channel, keep_all, held=held) as worker:
        report = worker.made(answer.execution_id, lease, [completed(lease)])
        await worker.say(dispatch.WorkRequest(reports=[report]))
        await worker.until(lambda: worker.committed)
    assert "attempt_lost" not in state.events(answer.execution_id)


async def test_a_task_that_never_reached_its_worker_is_handed_out_again(applied, state):
    async with open_worker(applied.channel, keep_all) as worker:
        await start(applied)
        await worker.until(lambda: worker.tasks)
        worker.lose_connection()
        await until(lambda: applied.shell.workers.by_id["w1"].broken_at)
    async with open_worker(applied.channel, keep_all) as worker:
        await worker.until(lambda: worker.tasks)
        assert worker.tasks[0][1].ref == NodeRef(node=0, attempt=1)
        assert applied.shell.workers.by_id["w1"].free == 99


async def test_a_continued_attempt_survives_a_lost_acknowledgement(applied, state):
    async with open_worker(applied.channel, keep_all) as worker:
        answer = await start(applied)
        await worker.until(lambda: worker.tasks)
        lease, follows = worker.tasks[0][1].ref, NodeRef(node=1, attempt=1)
        report = worker.made(answer.execution_id, lease, [completed(lease)], follows)
        await worker.say(dispatch.WorkRequest(reports=[report]))
        await worker.until(lambda: worker.committed)
        worker.lose_connection()
        await until(lambda: applied.shell.workers.by_id["w1"].broken_at)
    held = ((answer.execution_id, lease),)
    async with open_worker(applied.channel, keep_all, held=held) as worker:
        await worker.say(dispatch.WorkRequest(reports=[report]))
        await worker.until(lambda: worker.committed == [1])
        last = worker.made(answer.execution_id, follows, [completed(follows)])
        await worker.say(dispatch.WorkRequest(reports=[last]))
        await until(lambda: state.ended(answer.execution_id))
        assert not worker.tasks


async def test_work_of_a_worker_that_is_gone_goes_to_another(applied, state):
    async with open_worker(applied.channel, keep_all, worker_id="dying") as dying:
        answer = await start(applied)
        await dying.until(lambda: dying.tasks)
    async with open_worker(applied.channel, worker_id="other") as other:
        applied.shell.workers.by_id["dying"].broken_at -= 10
        await until(lambda: state.ended(answer.execution_id))
        assert other.tasks[0][1].ref == NodeRef(node=0, attempt=2)
    assert "attempt_lost" in state.events(answer.execution_id)


async def test_what_another_coordinator_gave_is_not_waited_for_here(applied, state):
    async with open_worker(applied.channel, keep_all) as worker:
        answer = await start(applied)
        await worker.until(lambda: worker.tasks)
        lease = worker.tasks[0][1].ref
        worker.lose_connection()
        await until(lambda: applied.shell.workers.by_id["w1"].broken_at)
    held = ((answer.execution_id, lease),)
    async with open_worker(applied.channel, keep_all, held=held, giver="another") as worker:
        await worker.until(lambda: worker.tasks)
        assert worker.tasks[0][0] == answer.execution_id
