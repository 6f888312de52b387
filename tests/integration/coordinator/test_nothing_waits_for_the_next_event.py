"""What may go on goes on by itself: nothing else need happen, and no message is waited for that was
lost or came while it could not be heeded."""

import pytest

from penstock.api.workflow.v1 import workflow_service_pb2 as pb
from penstock.common.ids import shard_of
from penstock.common.rpc.channel import call
from penstock.coordinator.limits.permits import make_key
from support.coordinator.memory_worker import keep_all, open_worker
from support.coordinator.sleeping import until

PLAIN = """
flow: 1
id: plain
nodes:
  only: {run: "return 1"}
"""
RATED = """
flow: 1
id: rated
params: {key: {type: string}}
nodes:
  only: {run: "return 1", rate_limit: {key: "${{ params.key }}", limit: 1, per: 1s}}
"""
BESIDE = """
flow: 1
id: beside
params: {text: {type: string}, key: {type: string}}
nodes:
  free: {run: "return 1"}
  held: {run: "return 1", concurrency: {key: "${{ params.key }}", limit: 1}}
"""


async def started(running, source: str, params: bytes = b"") -> str:
    name = source.split("id: ", 1)[1].split("\n", 1)[0]
    await call(running.stub.ApplyWorkflow, pb.ApplyWorkflowRequest(source=source))
    request = pb.StartExecutionRequest(workflow=name, params_json=params)
    return (await call(running.stub.StartExecution, request)).execution_id


class Doubt:
    """A coordinator whose leases may be over: state does not answer in time, until `ended`."""

    def __init__(self, running) -> None:
        self._tenure = running.shell.tenure
        self._renewed = self._tenure.renewed
        self._tenure.renewed = lambda asked_at: None
        self._tenure._until = 0.0

    def ended(self) -> None:
        self._tenure.renewed = self._renewed


@pytest.fixture
async def two(opened, state):
    """Two coordinators that share the shards."""
    async with opened(state) as one, opened(state) as other:
        await until(lambda: len(one.shell.shards) + len(other.shell.shards) == state.shard_count)
        await until(lambda: len(one.shell.shards) and len(other.shell.shards))
        yield one, other


def key_owned_by(running, state) -> str:
    """A rate's key whose shard a coordinator has."""
    owned, count = running.shell.shards.owned, state.shard_count
    keys = (f"k{number}" for number in range(100))
    return next(key for key in keys if shard_of(make_key("rate", "default", key), count) in owned)


async def test_a_worker_that_came_while_the_leases_were_in_doubt_gets_work_once_they_hold(
    running, state
):
    execution_id = await started(running, PLAIN)
    doubt = Doubt(running)
    async with open_worker(running.channel) as worker:
        doubt.ended()
        await until(lambda: state.ended(execution_id))
        assert len(worker.tasks) == 1


async def test_what_was_let_go_while_the_leases_were_in_doubt_goes_once_they_hold(two, state):
    here, there = two
    params = b'{"key": "%s"}' % key_owned_by(there, state).encode()
    async with open_worker(here.channel):
        first = await started(here, RATED, params)
        await until(lambda: state.ended(first))
        second = await started(here, RATED, params)
        doubt = Doubt(here)
        await until(lambda: here.shell.release.ready.waiting)
        doubt.ended()
        await until(lambda: state.ended(second))


async def test_what_is_under_no_limit_does_not_wait_beside_what_is(running):
    """Parameters are fetched before anybody knows under which key a node is; no renewal of the
    leases helps."""
    running.shell.shards._parting.resume = lambda: None
    large = b'{"text": "%s", "key": "shop"}' % (b"x" * 200_000)
    async with open_worker(running.channel, keep_all) as worker:
        first = await started(running, BESIDE, b'{"text": "", "key": "shop"}')
        await worker.until(lambda: len(worker.tasks) == 2)
        second = await started(running, BESIDE, large)
        await worker.until(lambda: len(worker.tasks) == 3)
        given = [(execution_id, task.ref.node) for execution_id, task, _ in worker.tasks]
        assert given == [(first, 0), (first, 1), (second, 0)]
