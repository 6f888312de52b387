"""Sub-workflows between coordinators: starts, ends and cancels arrive once, whoever dies."""

import asyncio
import json
from contextlib import asynccontextmanager

import pytest

from penstock.api.dispatch.v1 import dispatch_service_pb2 as dispatch
from penstock.api.journal.v1.journal_pb2 import NodeRef
from penstock.api.workflow.v1 import workflow_service_pb2 as pb
from penstock.common.ids import keyed_ulid, shard_of
from penstock.common.rpc.channel import call
from support.coordinator.memory_worker import completed, open_worker
from support.coordinator.sleeping import until

PARENT = """
flow: 1
id: parent
params: {of: {type: string, default: child}}
nodes:
  ask: {uses: workflow@1, with: {workflow: "${{ params.of }}"}}
  after: {run: "return 1", needs: ask}
"""
CHILD = """
flow: 1
id: child
params: {n: {type: integer, default: 1}}
nodes:
  work: {run: "return 1"}
"""


def decisions(params=b"{}", **asked):
    """A worker's: `ask` starts a sub-workflow, everything else is done at once."""

    def decide(group, task):
        if json.loads(group.params.json or b"{}").get("of") is None or task.ref.node != 0:
            return completed(task.ref, b'"done"')
        outcome = dispatch.NodeOutcome(ref=task.ref, started_unix_us=1, finished_unix_us=2)
        start = outcome.start_child
        start.workflow = json.loads(group.params.json)["of"]
        start.params.json = params
        start.detached = asked.get("detached", False)
        start.outlives = asked.get("outlives", False)
        return outcome

    return decide


def keeping_children(group, task):
    """As `decisions()`, but what a sub-workflow wants done stays undone."""
    is_parent = json.loads(group.params.json or b"{}").get("of") is not None
    return decisions()(group, task) if is_parent else None


def child_of(parent_id: str, node: int = 0, item: int = 0, attempt: int = 1) -> str:
    return keyed_ulid("child", parent_id, str(node), str(item), str(attempt))


@asynccontextmanager
async def served(coordinator, decide=None, worker_id="w1"):
    async with open_worker(
        coordinator.channel, decide or decisions(), worker_id=worker_id
    ) as worker:
        yield worker


async def apply_both(running) -> None:
    for source in (PARENT, CHILD):
        await call(running.stub.ApplyWorkflow, pb.ApplyWorkflowRequest(source=source))


async def start(running, **params) -> str:
    request = pb.StartExecutionRequest(workflow="parent")
    if params:
        request.params_json = json.dumps(params).encode()
    return (await call(running.stub.StartExecution, request)).execution_id


def last_event(state, execution_id):
    return state.histories[execution_id][-1].events[-1].execution_ended


@pytest.fixture
async def applied(running):
    await apply_both(running)
    return running


async def test_a_node_ends_as_its_sub_workflow_does(applied, state):
    async with served(applied):
        parent = await start(applied)
        await until(lambda: state.ended(parent))
    child = child_of(parent)
    assert state.events(parent) == [
        "execution_started", "nodes_queued", "node_waiting", "node_completed", "nodes_queued",
        "node_completed", "execution_ended",
    ]  # fmt: skip
    started = state.histories[child][0].events[0].execution_started
    assert started.options.parent.execution_id == parent
    assert started.options.parent.depth == 1
    assert [one.execution_id for one in state.children] == [child]
    await until(lambda: not state.notices)


async def test_an_unknown_workflow_fails_the_node_for_good(applied, state):
    async with served(applied):
        parent = await start(applied, of="chidl")
        await until(lambda: state.ended(parent))
    end = last_event(state, parent)
    assert end.failure.reason == "NOT_FOUND"
    assert "chidl" in end.failure.message
    await until(lambda: not state.notices)


async def test_wrong_parameters_fail_the_node_with_every_finding(applied, state):
    async with served(applied, decisions(b'{"n": "x", "m": 1}')):
        parent = await start(applied)
        await until(lambda: state.ended(parent))
    failure = last_event(state, parent).failure
    assert failure.reason == "INVALID_PARAMS"
    assert {issue["path"] for issue in json.loads(failure.details_json)["issues"]} == {
        "params.n",
        "params.m",
    }
    assert "params.n: " in failure.message
    assert "params.m: " in failure.message


async def test_who_starts_itself_is_stopped_by_the_depth(opened, state):
    async with opened(state, depth_max=3) as running:
        await apply_both(running)

        def decide(group, task):
            outcome = dispatch.NodeOutcome(ref=task.ref, started_unix_us=1, finished_unix_us=2)
            outcome.start_child.workflow = "parent"
            outcome.start_child.params.json = b"{}"
            return outcome

        async with served(running, decide):
            top = await start(running)
            await until(lambda: state.ended(top))
    assert len(state.histories) == 4
    assert "SUBWORKFLOW_TOO_DEEP" in last_event(state, top).failure.details_json.decode()


async def test_a_detached_one_goes_its_own_way(applied, state):
    async with served(applied, decisions(detached=True)):
        parent = await start(applied)
        await until(lambda: state.ended(parent))
        child = child_of(parent)
        await until(lambda: state.ended(child))
    output = state.histories[parent][1].events[0].node_completed.output.json
    assert json.loads(output) == {"execution_id": child, "workflow": "child"}


async def test_cancelling_the_parent_cancels_the_sub_workflow(applied, state):
    async with served(applied, keeping_children):
        parent = await start(applied)
        child = child_of(parent)
        await until(lambda: "nodes_queued" in state.events(child))
        await call(applied.stub.CancelExecution, pb.CancelExecutionRequest(execution_id=parent))
        await until(lambda: state.ended(child))
    assert last_event(state, child).failure.reason == "CANCELLED"
    await until(lambda: not state.notices)


async def test_cancelling_the_sub_workflow_fails_the_node(applied, state):
    async with served(applied, keeping_children):
        parent = await start(applied)
        child = child_of(parent)
        await until(lambda: "nodes_queued" in state.events(child))
        await call(applied.stub.CancelExecution, pb.CancelExecutionRequest(execution_id=child))
        await until(lambda: state.ended(parent))
    assert last_event(state, parent).failure.reason == "CHILD_CANCELLED"
    assert child in last_event(state, parent).failure.message


async def test_who_waits_for_a_sub_workflow_only_leaves_memory_and_is_told(opened, state):
    async with opened(state, dormant_after_ms=20) as running:
        await apply_both(running)
        async with served(running, keeping_children) as worker:
            parent = await start(running)
            child = child_of(parent)
            await until(lambda: worker.tasks and parent not in running.shell.executions.by_id)
            await until(lambda: any(task[0] == child for task in worker.tasks))
            ref = NodeRef(node=0, attempt=1)
            report = worker.made(child, ref, [completed(ref)])
            await worker.say(dispatch.WorkRequest(reports=[report]))
            await until(lambda: "node_completed" in state.events(parent))


async def test_parent_and_sub_workflow_may_live_with_different_coordinators(opened, state):
    async with opened(state) as one:
        await apply_both(one)
        async with opened(state) as other:
            await until(lambda: len(one.shell.shards) == len(other.shell.shards) == 4)
            async with (
                served(one),
                served(other, worker_id="w2"),
                asyncio.timeout(20),
            ):
                parents = [await start(one) for _ in range(20)]
                for parent in parents:
                    await until(lambda parent=parent: state.ended(parent))
            owners = {shard_of(child_of(parent), 8) in one.shell.shards.owned for parent in parents}
            assert owners == {True, False}, "no child lived elsewhere: the test tests nothing"
            await until(lambda: not state.notices)
    assert all(last_event(state, parent).status == 2 for parent in parents)


async def test_a_notice_that_was_not_delivered_is_read_by_the_next_owner(opened, state):
    async with opened(state, address="same:1") as running:
        await apply_both(running)
        running.shell.turns.appends.on_owed = lambda owed: None
        async with served(running):
            parent = await start(running)
            await until(lambda: "node_waiting" in state.events(parent))
        assert len(state.notices) == 1
        running.shell.shards.held.clear()
    async with opened(state, address="same:1") as running, served(running):
        await until(lambda: state.ended(parent))
        await until(lambda: not state.notices)


async def test_notices_that_come_again_change_nothing(opened, state):
    async with opened(state) as running:
        await apply_both(running)

        async def forgets(arrived, refused):
            return None

        running.shell.outbox._stored.settle = forgets
        async with served(running):
            parent = await start(running)
            await until(lambda: state.ended(parent))
        rows = state.rows
        assert len(state.notices) == 2
    async with opened(state) as running, served(running):
        await until(lambda: not state.notices)
    assert state.rows == rows
