"""Slots of attempts that nobody works on any more come back, though nothing else happens."""

from penstock.api.journal.v1 import journal_pb2 as journal
from penstock.api.workflow.v1 import intervention_service_pb2 as hands
from penstock.api.workflow.v1 import workflow_service_pb2 as pb
from penstock.api.workflow.v1.intervention_service_pb2_grpc import InterventionServiceStub
from penstock.common.rpc.channel import call
from penstock.coordinator.limits.permits import make_key
from support.coordinator.memory_worker import keep_all, open_worker
from support.coordinator.sleeping import until

QUICK = {"limit_fence_ms": 100}
KEY = make_key("concurrency", "default", "bank")
ONE = """
flow: 1
id: pay
nodes:
  charge: {run: "return 1", concurrency: {key: bank, limit: 1}}
  later: {uses: wait@1, with: {signal: go}}
"""
OTHER = """
flow: 1
id: pay
nodes:
  other: {run: "return 1"}
"""


async def started(running, source: str = ONE) -> str:
    await call(running.stub.ApplyWorkflow, pb.ApplyWorkflowRequest(source=source))
    answer = await call(running.stub.StartExecution, pb.StartExecutionRequest(workflow="pay"))
    return answer.execution_id


async def intervene(running, execution_id: str, operation: journal.Intervention) -> None:
    request = hands.InterveneNodeRequest(
        execution_id=execution_id, node="charge", operation=operation, by="ann"
    )
    await call(InterventionServiceStub(running.channel).InterveneNode, request)


def charged(worker) -> list[str]:
    return [each for each, task, _ in worker.tasks if task.ref.node == 0]


async def test_one_that_was_cancelled_gives_its_slot_back_though_its_worker_says_nothing(
    opened, state
):
    async with opened(state, **QUICK) as running, open_worker(running.channel, keep_all) as worker:
        first, second = [await started(running) for _ in range(2)]
        await worker.until(lambda: charged(worker) == [first])
        request = pb.CancelExecutionRequest(execution_id=first)
        await call(running.stub.CancelExecution, request)
        await worker.until(lambda: charged(worker) == [first, second])


async def test_a_slot_is_not_kept_by_an_attempt_that_was_tried_again_before_it_ran(opened, state):
    async with opened(state, **QUICK) as running:
        execution_id = await started(running)
        await until(lambda: running.shell.release.ready.depth == 2)
        await intervene(running, execution_id, journal.INTERVENTION_RETRY)
        async with open_worker(running.channel, keep_all) as worker:
            await worker.until(lambda: charged(worker) == [execution_id])
            assert [task.ref.attempt for _, task, _ in worker.tasks if task.ref.node == 0] == [2]


async def test_a_slot_is_not_kept_by_what_never_got_to_its_worker_and_was_skipped(opened, state):
    async with opened(state, **QUICK) as running:
        async with open_worker(running.channel, keep_all, credit_count=2) as worker:
            execution_id = await started(running)
            await worker.until(lambda: len(worker.tasks) == 2)
            other_id = await started(running, OTHER)
        (later,) = [(each, task.ref) for each, task, _ in worker.tasks if task.ref.node == 1]
        async with open_worker(running.channel, keep_all, held=(later,)) as returned:
            await returned.until(lambda: charged(returned) == [other_id])
            await intervene(running, execution_id, journal.INTERVENTION_SKIP)
            await until(lambda: running.shell.limits.book.find(KEY) is None)
            assert running.shell.executions.get(execution_id) is not None
            assert charged(returned) == [other_id]
