"""A for-each of sub-workflows: what they owe each other goes in batches, and none is lost."""

import json
from collections import Counter

from penstock.api.dispatch.v1 import dispatch_service_pb2 as dispatch
from penstock.api.workflow.v1 import workflow_service_pb2 as pb
from penstock.common.rpc.channel import call
from support.coordinator.memory_worker import completed, open_worker
from support.coordinator.sleeping import until

PARENT = """
flow: 1
id: wide
nodes:
  each: {for_each: "${{ [1] }}", uses: workflow@1, with: {workflow: child}}
"""
CHILD = """
flow: 1
id: child
params: {n: {type: integer}}
nodes:
  work: {run: "return params.n"}
"""
WIDTH = 1_000


def decide(group, task):
    """The list has many items, each is a sub-workflow that gives its number."""
    params = json.loads(group.params.json or b"{}")
    if "n" in params:
        return completed(task.ref, json.dumps(params["n"]).encode())
    outcome = dispatch.NodeOutcome(ref=task.ref, started_unix_us=1, finished_unix_us=2)
    if not task.ref.item:
        outcome.fanned_out.count = WIDTH
        outcome.fanned_out.items_json.extend([b"0"] * WIDTH)
    else:
        outcome.start_child.workflow = "child"
        outcome.start_child.params.json = json.dumps({"n": task.ref.item}).encode()
    return outcome


async def run_wide(running, state):
    for source in (PARENT, CHILD):
        await call(running.stub.ApplyWorkflow, pb.ApplyWorkflowRequest(source=source))
    request = pb.StartExecutionRequest(workflow="wide")
    parent = (await call(running.stub.StartExecution, request)).execution_id
    await until(lambda: state.ended(parent))
    end = state.histories[parent][-1].events[-1].execution_ended
    assert json.loads(end.output.json) == list(range(1, WIDTH + 1))
    assert Counter(one.ref.item for one in state.children) == dict.fromkeys(range(1, WIDTH + 1), 1)


async def test_children_begin_and_end_in_batches(opened, state):
    async with opened(state) as running, open_worker(running.channel, decide):
        await run_wide(running, state)
        await until(lambda: not state.notices)
    assert {"read_events", "get_execution"}.isdisjoint(state.calls)
    assert state.calls.count("known") < WIDTH // 20
    assert state.appends < WIDTH // 5


async def test_children_of_several_coordinators_too(opened, state):
    async with opened(state) as one, opened(state) as other:
        await until(lambda: len(one.shell.shards) == len(other.shell.shards) == 4)
        async with open_worker(one.channel, decide), open_worker(other.channel, decide):
            await run_wide(one, state)
            await until(lambda: not state.notices)
    assert "read_events" not in state.calls
    assert state.calls.count("known") < WIDTH // 20


async def test_children_that_are_asked_for_again_begin_once(opened, state):
    async with opened(state) as running, open_worker(running.channel, decide):

        async def forgets(arrived, refused):
            return None

        running.shell.outbox._stored.settle = forgets
        await run_wide(running, state)
    rows, children = state.rows, len(state.children)
    assert len(state.notices) == 2 * WIDTH
    async with opened(state) as running, open_worker(running.channel, decide):
        await until(lambda: not state.notices)
    assert (state.rows, len(state.children)) == (rows, children)
