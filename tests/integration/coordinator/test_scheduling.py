"""Who gets what, through the public service and workers' streams; and why something waits."""

import pytest

from penstock.api.dispatch.v1 import dispatch_service_pb2 as dispatch
from penstock.api.journal.v1.journal_pb2 import NodeRef
from penstock.api.scheduling.v1 import scheduling_service_pb2 as pb
from penstock.api.scheduling.v1.scheduling_service_pb2_grpc import SchedulingServiceStub
from penstock.api.workflow.v1 import workflow_service_pb2 as api
from penstock.common.errors import NotFound
from penstock.common.rpc.channel import call
from support.coordinator.memory_worker import completed, keep_all, open_worker
from support.coordinator.sleeping import until

GPU = """
flow: 1
id: gpu
nodes:
  train: {resources: {gpu: 1}, effects: idempotent, run: "return 1"}
  tell: {needs: [train], run: "return 2"}
"""

PLAIN = "flow: 1\nid: plain\nnodes: {one: {run: 'return 1'}}\n"
URGENT = "flow: 1\nid: urgent\npriority: critical\nnodes: {one: {run: 'return 1'}}\n"
EU = "flow: 1\nid: eu\nnodes: {one: {labels: {region: eu}, run: 'return 1'}}\n"


async def apply(running, *sources: str) -> None:
    for source in sources:
        await call(running.stub.ApplyWorkflow, api.ApplyWorkflowRequest(source=source))


async def start(running, workflow: str) -> str:
    request = api.StartExecutionRequest(workflow=workflow)
    return (await call(running.stub.StartExecution, request)).execution_id


async def why(running, execution_id: str, tenant: str = "default") -> dict[str, str]:
    stub = SchedulingServiceStub(running.channel)
    request = pb.ExplainExecutionRequest(execution_id=execution_id)
    answer = await call(stub.ExplainExecution, request, tenant=tenant)
    return {reason.node: reason.why for reason in answer.nodes}


async def queues(running, tenant: str = "default") -> pb.ListQueuesResponse:
    stub = SchedulingServiceStub(running.channel)
    return await call(stub.ListQueues, pb.ListQueuesRequest(), tenant=tenant)


def ledger_of(running, worker: str = "w1"):
    return running.shell.workers.by_id[worker].ledger


async def test_what_a_node_asks_is_held_until_it_has_ended(running):
    await apply(running, GPU)
    async with open_worker(running.channel, keep_all, resources={"gpu": 1}) as worker:
        first, second = [await start(running, "gpu") for _ in range(2)]
        await worker.until(lambda: worker.tasks)
        assert [one[0] for one in worker.tasks] == [first]
        report = worker.made(first, worker.tasks[0][1].ref, [completed(worker.tasks[0][1].ref)])
        await worker.say(dispatch.WorkRequest(reports=[report]))
        await worker.until(lambda: len(worker.tasks) == 3)
        assert {one[0] for one in worker.tasks[1:]} == {first, second}
        assert len(ledger_of(running).held) == 1


async def test_a_cancel_gives_back_what_was_held(running):
    await apply(running, GPU)
    async with open_worker(running.channel, keep_all, resources={"gpu": 1}) as worker:
        first, second = [await start(running, "gpu") for _ in range(2)]
        await worker.until(lambda: worker.tasks)
        await call(running.stub.CancelExecution, api.CancelExecutionRequest(execution_id=first))
        await worker.until(lambda: len(worker.tasks) == 2)
        assert worker.tasks[1][0] == second
        await call(running.stub.CancelExecution, api.CancelExecutionRequest(execution_id=second))
        await until(lambda: not ledger_of(running).held)
        assert set(ledger_of(running).used.values()) == {0}


async def test_a_failure_and_an_attempt_handed_back_give_back_too(running):
    await apply(running, GPU)

    def hand_back(group, task):
        outcome = dispatch.NodeOutcome(ref=task.ref)
        if task.ref.attempt == 1:
            outcome.lost.cause = "not begun"
        elif task.ref.attempt == 2:
            outcome.failed.error_class, outcome.failed.reason = 4, "BROKEN"
        return outcome if task.ref.attempt < 3 else None

    async with open_worker(running.channel, hand_back, resources={"gpu": 1}) as worker:
        await start(running, "gpu")
        await until(lambda: not running.shell.executions.by_id)
        assert [task.ref.attempt for _, task, _ in worker.tasks] == [1, 2]
        assert not ledger_of(running).held


async def test_a_worker_that_comes_back_still_holds_what_its_attempts_took(running):
    await apply(running, GPU)
    async with open_worker(running.channel, keep_all, resources={"gpu": 1}) as worker:
        first = await start(running, "gpu")
        await worker.until(lambda: worker.tasks)
        lease = worker.tasks[0][1].ref
        worker.lose_connection()
        await until(lambda: running.shell.workers.by_id["w1"].broken_at)
    held = ((first, lease),)
    async with open_worker(running.channel, keep_all, resources={"gpu": 1}, held=held) as again:
        await start(running, "gpu")
        assert len(ledger_of(running).held) == 1
        report = again.made(first, lease, [completed(lease)])
        await again.say(dispatch.WorkRequest(reports=[report]))
        await again.until(lambda: len(again.tasks) == 2)


async def test_after_a_restart_order_and_resources_are_as_they_were(opened, state):
    async with opened(state, address="same:1") as running:
        await apply(running, GPU, PLAIN, URGENT)
        async with open_worker(running.channel, keep_all, resources={"gpu": 1}) as worker:
            first = await start(running, "gpu")
            await worker.until(lambda: worker.tasks)
            lease = NodeRef(node=0, attempt=1)
        for _ in range(3):
            await start(running, "plain")
        second = await start(running, "gpu")
        urgent = await start(running, "urgent")
        state.down = True
    state.down = False
    async with opened(state, address="same:1") as running:
        held, gpu = ((first, lease),), {"gpu": 1.0}
        async with open_worker(
            running.channel, keep_all, resources=gpu, held=held, credit_count=1
        ) as worker:
            await until(lambda: running.shell.release.ready.depth == 5)
            assert not worker.tasks
            assert ledger_of(running).held.keys() == {(first, 0, 0)}
            report = worker.made(first, lease, [completed(lease)])
            await worker.say(dispatch.WorkRequest(reports=[report]))
            await worker.until(lambda: worker.tasks)
            assert [one[0] for one in worker.tasks] == [urgent]
            assert not ledger_of(running).held
        assert second in running.shell.executions.by_id


async def test_the_reason_names_what_is_missing(running):
    await apply(running, GPU, EU, PLAIN)
    gpu, eu, plain = [await start(running, name) for name in ("gpu", "eu", "plain")]
    assert (await why(running, plain))["one"] == (
        "Waits for a worker in pool default: none is there. It is the next one."
    )
    async with open_worker(running.channel, keep_all, credit_count=1, types=("js@1",)) as worker:
        await worker.until(lambda: worker.tasks)
        assert await why(running, plain) == {
            "one": "Is with worker w1, which begins as soon as it can."
        }
        assert await why(running, gpu) == {
            "train": "Waits for a worker in pool default that has 1 gpu left: none of the 1 there "
            "ever has that much. It is the next one.",
            "tell": "Waits for train to end.",
        }
        assert (await why(running, eu))["one"].startswith(
            "Waits for a worker in pool default with region=eu: none of the 1 there has these"
        )
        other = await start(running, "plain")
        last = await start(running, "plain")
        assert (await why(running, other))["one"] == (
            "Waits for a free worker in pool default: the one there is full. It is the next one."
        )
        assert (await why(running, last))["one"].endswith("Before it: 1.")


async def test_the_reason_counts_what_is_more_urgent(running):
    await apply(running, PLAIN, URGENT)
    plain = await start(running, "plain")
    for _ in range(2):
        await start(running, "urgent")
    await start(running, "plain")
    assert (await why(running, plain))["one"].endswith(
        "Before it: 2, 2 of them of higher priority."
    )


async def test_a_reason_is_given_to_the_own_account_only(running):
    await apply(running, PLAIN)
    execution = await start(running, "plain")
    with pytest.raises(NotFound):
        await why(running, execution, tenant="other")


async def test_queues_tell_what_waits_of_the_own_account(running):
    await apply(running, GPU, PLAIN)
    for _ in range(3):
        await start(running, "gpu")
    await start(running, "plain")
    async with open_worker(running.channel, keep_all, types=("http@1",)):
        answer = await queues(running)
    by_size = sorted(answer.queues, key=lambda queue: queue.waiting)
    assert [queue.waiting for queue in by_size] == [1, 3]
    assert by_size[1].resources == {"gpu": 1.0}
    assert by_size[1].why == (
        "Waits for a worker in pool default that has 1 gpu left: none of the 1 there runs js@1."
    )
    assert [(pool.pool, pool.workers, pool.waiting) for pool in answer.pools] == [("default", 1, 4)]
    assert list(answer.coordinators) == [running.address]
    assert not (await queues(running, tenant="other")).queues


async def test_metrics_tell_what_waits_of_all_accounts_by_pool_and_type(running):
    await apply(running, GPU, PLAIN)
    for _ in range(2):
        await start(running, "gpu")
    await start(running, "plain")
    async with open_worker(running.channel, pool="other"):
        registry = running.shell.measures.registry
        kind = {"pool": "default", "node_type": "js@1"}
        assert registry.get_sample_value("penstock_coordinator_queue_attempts", kind) == 3
        assert registry.get_sample_value("penstock_coordinator_queue_oldest_seconds", kind) > 0
        name = "penstock_coordinator_pool_workers"
        assert registry.get_sample_value(name, {"pool": "other"}) == 1


async def test_what_other_coordinators_use_of_a_worker_is_left_to_them(running):
    await apply(running, GPU)
    async with open_worker(running.channel, keep_all, resources={"gpu": 1}) as worker:
        used = {"gpu": 1.0}
        await worker.say(dispatch.WorkRequest(heartbeat=True, elsewhere_resources=used))
        await until(lambda: ledger_of(running).elsewhere)
        execution = await start(running, "gpu")
        assert (await why(running, execution))["train"] == (
            "Waits for a free worker in pool default that has 1 gpu left: what the one there had "
            "is in use. It is the next one."
        )
        await worker.say(dispatch.WorkRequest(heartbeat=True))
        await worker.until(lambda: worker.tasks)
        assert worker.tasks[0][0] == execution


LIMITED = """
flow: 1
id: limited
nodes:
  pay: {concurrency: {key: shop, limit: 1}, run: "return 1"}
"""
WIDE = """
flow: 1
id: wide
nodes:
  each: {for_each: "${{ [1, 2, 3, 4, 5] }}", max_parallel: 3, run: "return item"}
"""


async def test_a_node_that_a_limit_holds_back_names_it(running):
    await apply(running, LIMITED)
    async with open_worker(running.channel, keep_all) as worker:
        first = await start(running, "limited")
        await worker.until(lambda: worker.tasks)
        second = await start(running, "limited")
        assert await why(running, second) == {
            "pay": "Waits for a place under the limit 'shop' (1 at once). "
            f"Held by limited/pay of {first}. It is next."
        }


async def test_a_fan_out_says_what_its_items_do(running):
    await apply(running, WIDE)

    def fan(group, task):
        if task.ref.item:
            return completed(task.ref) if task.ref.item == 1 else None
        outcome = dispatch.NodeOutcome(ref=task.ref, started_unix_us=1, finished_unix_us=2)
        outcome.fanned_out.count = 5
        outcome.fanned_out.items_json.extend([b"1", b"2", b"3", b"4", b"5"])
        return outcome

    async with open_worker(running.channel, fan, credit_count=2) as worker:
        execution = await start(running, "wide")
        await worker.until(lambda: len(worker.tasks) == 4)
        assert (await why(running, execution))["each"] == (
            "1 of 5 items are done, 2 are with workers, 1 follow (3 at once). "
            "1 wait. Waits for a free worker in pool default: the one there is full."
        )
