"""Limits on a coordinator over real streams, with state in memory: nodes and workflows."""

import asyncio

import pytest

from penstock.api.dispatch.v1 import dispatch_service_pb2 as dispatch
from penstock.api.limits.v1 import limits_service_pb2 as limits
from penstock.api.limits.v1.limits_service_pb2_grpc import LimitsServiceStub
from penstock.api.workflow.v1 import intervention_service_pb2 as hand
from penstock.api.workflow.v1 import workflow_service_pb2 as pb
from penstock.api.workflow.v1.intervention_service_pb2_grpc import InterventionServiceStub
from penstock.common.rpc.channel import call
from penstock.coordinator.limits.permits import make_key
from penstock.coordinator.shell.limits.entrance import PORTION
from support.coordinator.memory_worker import completed, keep_all, open_worker

WAITED = make_key("concurrency", "default", "c-ada")
ONE_AT_A_TIME = """
flow: 1
id: pay
params: {customer: {type: string}}
nodes:
  charge: {run: "return 1", concurrency: {key: "c-${{ params.customer }}", limit: 2}}
"""
RATED = """
flow: 1
id: pay
nodes:
  charge: {run: "return 1", rate_limit: {limit: 3, per: 1h}}
"""
WHOLE = """
flow: 1
id: pay
concurrency: {limit: 1, on_full: MODE}
nodes:
  a: {run: "return 1"}
  b: {needs: [a], run: "return 1"}
"""
BREAKER = """
flow: 1
id: pay
nodes:
  charge: {run: "return 1", retry: none, breaker: {key: shop, failure_threshold: 2, on_open: fail}}
"""
ITEMS = """
flow: 1
id: pay
nodes:
  each: {for_each: "${{ [1, 2] }}", run: "return item", concurrency: {key: "k", limit: 2}}
"""


WIDE = 20_000


async def test_a_wide_fan_out_comes_to_the_gate_in_portions(running):
    await apply(running, ITEMS.replace("run:", f"max_parallel: {WIDE}, run:"))
    entered: list[int] = []
    enter = running.shell.gate._enter

    def count(*args) -> None:
        entered[-1] += 1
        enter(*args)

    running.shell.gate._enter = count

    async def look() -> None:
        while True:
            entered.append(0)
            await asyncio.sleep(0)

    def decide(group, task):
        if task.ref.item:
            return None
        outcome = completed(task.ref)
        outcome.fanned_out.count = WIDE
        outcome.fanned_out.items_json.extend([b"1"] * WIDE)
        return outcome

    entered.append(0)
    looking = asyncio.ensure_future(look())
    try:
        async with open_worker(running.channel, decide) as worker:
            await start(running)
            await until(lambda: sum(entered) == WIDE)
            await worker.until(lambda: len(worker.tasks) == 3)
    finally:
        looking.cancel()
    assert max(entered) <= PORTION


async def apply(running, source: str) -> None:
    await call(running.stub.ApplyWorkflow, pb.ApplyWorkflowRequest(source=source))


async def start(running, params: bytes = b"", **more) -> pb.StartExecutionResponse:
    request = pb.StartExecutionRequest(workflow="pay", params_json=params, **more)
    return await call(running.stub.StartExecution, request)


async def until(condition) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


async def answer(worker, at: int, outcome=None) -> None:
    """Report the task that came as number `at`."""
    execution_id, task, _ = worker.tasks[at]
    made = worker.made(execution_id, task.ref, [outcome or completed(task.ref)])
    await worker.say(dispatch.WorkRequest(reports=[made]))


def failed(ref) -> dispatch.NodeOutcome:
    outcome = dispatch.NodeOutcome(ref=ref, started_unix_us=1, finished_unix_us=2)
    outcome.failed.error_class = 1  # transient
    outcome.failed.reason = "HTTP_ERROR"
    return outcome


async def nothing_more(worker, count: int) -> None:
    """Several rounds of messages bring no further task."""
    for _ in range(20):
        await asyncio.sleep(0.005)
    assert len(worker.tasks) == count


async def test_no_more_attempts_than_the_limit_go_to_workers_at_once(running):
    await apply(running, ONE_AT_A_TIME)
    async with open_worker(running.channel, keep_all) as worker:
        for _ in range(4):
            await start(running, b'{"customer": "ada"}')
        await worker.until(lambda: len(worker.tasks) == 2)
        await nothing_more(worker, 2)
        await answer(worker, 0)
        await worker.until(lambda: len(worker.tasks) == 3)
        await nothing_more(worker, 3)


async def test_keys_are_counted_apart(running):
    await apply(running, ONE_AT_A_TIME)
    async with open_worker(running.channel, keep_all) as worker:
        for name in (b"ada", b"bob"):
            for _ in range(3):
                await start(running, b'{"customer": "%s"}' % name)
        await worker.until(lambda: len(worker.tasks) == 4)
        await nothing_more(worker, 4)


async def test_items_of_a_fan_out_are_counted_and_its_list_is_not(running):
    await apply(running, ITEMS)

    def decide(group, task):
        if task.ref.item:
            return None
        outcome = dispatch.NodeOutcome(ref=task.ref, started_unix_us=1, finished_unix_us=2)
        outcome.fanned_out.count = 3
        outcome.fanned_out.items_json.extend([b"1", b"2", b"3"])
        return outcome

    async with open_worker(running.channel, decide) as worker:
        await start(running)
        await worker.until(lambda: len(worker.tasks) == 3)
        await nothing_more(worker, 3)
        await answer(worker, 1)
        await worker.until(lambda: len(worker.tasks) == 4)
        assert [task.ref.item for _, task, _ in worker.tasks] == [0, 1, 2, 3]


async def test_no_more_begin_than_the_rate_allows(running):
    await apply(running, RATED)
    async with open_worker(running.channel) as worker:
        for _ in range(5):
            await start(running)
        await worker.until(lambda: len(worker.tasks) == 3)
        await nothing_more(worker, 3)


async def test_an_execution_waits_until_another_one_has_ended(running, state):
    await apply(running, WHOLE.replace("MODE", "queue"))
    async with open_worker(running.channel, keep_all) as worker:
        first = await start(running)
        second = await start(running)
        await worker.until(lambda: len(worker.tasks) == 1)
        await nothing_more(worker, 1)
        await answer(worker, 0)
        await worker.until(lambda: len(worker.tasks) == 2)
        assert worker.tasks[1][0] == first.execution_id
        await answer(worker, 1)
        await worker.until(lambda: len(worker.tasks) == 3)
        assert worker.tasks[2][0] == second.execution_id


async def test_an_execution_that_is_skipped_ends_at_once_and_says_so(running, state):
    await apply(running, WHOLE.replace("MODE", "skip"))
    async with open_worker(running.channel, keep_all) as worker:
        await start(running)
        await worker.until(lambda: worker.tasks)
        skipped = await start(running, wait_for=pb.WAIT_FOR_ENDED)
        assert skipped.failure.reason == "CONCURRENCY_SKIPPED"
        assert state.ended(skipped.execution_id)
        assert len(worker.tasks) == 1


async def test_a_new_execution_takes_the_place_of_the_oldest(running, state):
    await apply(running, WHOLE.replace("MODE", "cancel"))
    async with open_worker(running.channel, keep_all) as worker:
        first = await start(running)
        await worker.until(lambda: worker.tasks)
        second = await start(running)
        await until(lambda: state.ended(first.execution_id))
        await worker.until(lambda: worker.cancels)
        assert len(worker.tasks) == 1, "the old one may still be at it"
        stopped = dispatch.HeldAttempt(execution_id=first.execution_id, ref=worker.tasks[0][1].ref)
        await worker.say(dispatch.WorkRequest(stopped=[stopped]))
        await worker.until(lambda: len(worker.tasks) == 2)
        assert worker.tasks[1][0] == second.execution_id
    end = state.histories[first.execution_id][-1].events[-1].execution_ended
    assert end.failure.reason == "CONCURRENCY_REPLACED"


async def test_failures_in_a_row_open_the_breaker(running, state):
    await apply(running, BREAKER)
    async with open_worker(running.channel, lambda group, task: failed(task.ref)) as worker:
        for _ in range(2):
            await start(running, wait_for=pb.WAIT_FOR_ENDED)
        refused = await start(running, wait_for=pb.WAIT_FOR_ENDED)
        assert refused.failure.reason == "CIRCUIT_OPEN"
        assert len(worker.tasks) == 2


async def test_what_a_worker_was_told_to_stop_counts_until_it_has_stopped(running):
    await apply(running, ONE_AT_A_TIME)
    async with open_worker(running.channel, keep_all) as worker:
        started = [await start(running, b'{"customer": "ada"}') for _ in range(3)]
        await worker.until(lambda: len(worker.tasks) == 2)
        gone = next(s for s in started if s.execution_id == worker.tasks[0][0])
        request = pb.CancelExecutionRequest(execution_id=gone.execution_id)
        await call(running.stub.CancelExecution, request)
        await worker.until(lambda: worker.cancels)
        await nothing_more(worker, 2)
        ref = worker.tasks[0][1].ref
        stopped = dispatch.HeldAttempt(execution_id=gone.execution_id, ref=ref)
        await worker.say(dispatch.WorkRequest(stopped=[stopped]))
        await worker.until(lambda: len(worker.tasks) == 3)


@pytest.mark.parametrize("count", [3])
async def test_two_coordinators_hold_one_limit(opened, state, count):
    quick = {"limit_fence_ms": 100}
    async with opened(state, **quick) as one, opened(state, **quick) as two:
        await until(lambda: len(one.shell.shards) + len(two.shell.shards) == state.shard_count)
        await until(lambda: len(one.shell.shards) and len(two.shell.shards))
        await apply(one, ONE_AT_A_TIME)
        async with (
            open_worker(one.channel, keep_all, worker_id="w1") as left,
            open_worker(two.channel, keep_all, worker_id="w2") as right,
        ):
            for running in (one, two) * count:
                await start(running, b'{"customer": "ada"}')
            await until(lambda: len(left.tasks) + len(right.tasks) == 2)
            for _ in range(40):
                await asyncio.sleep(0.005)
            assert len(left.tasks) + len(right.tasks) == 2
            done = {id(left): 0, id(right): 0}
            for ended in range(2 * count):
                worker = left if done[id(left)] < len(left.tasks) else right
                await answer(worker, done[id(worker)])
                done[id(worker)] += 1
                expected = min(2 * count, ended + 3)
                await until(lambda n=expected: len(left.tasks) + len(right.tasks) == n)


async def test_what_waits_says_for_what_and_who_has_it(running):
    await apply(running, ONE_AT_A_TIME.replace("limit: 2", "limit: 1"))
    async with open_worker(running.channel, keep_all) as worker:
        first = await start(running, b'{"customer": "ada"}')
        await worker.until(lambda: worker.tasks)
        second = await start(running, b'{"customer": "ada"}')
        live = running.shell.executions.get(second.execution_id)
        await until(lambda: running.shell.limits.book.find(WAITED).line)
        (reason,) = running.shell.explaining.explain(live)
        assert reason.why == (
            "Waits for a place under the limit 'c-ada' (1 at once). "
            f"Held by pay/charge of {first.execution_id}. It is next."
        )


async def test_an_operator_frees_what_an_execution_holds(running):
    await apply(running, ONE_AT_A_TIME.replace("limit: 2", "limit: 1"))
    stub = LimitsServiceStub(running.channel)
    async with open_worker(running.channel, keep_all) as worker:
        first = await start(running, b'{"customer": "ada"}')
        await worker.until(lambda: worker.tasks)
        second = await start(running, b'{"customer": "ada"}')
        await until(lambda: running.shell.limits.book.find(WAITED).line)
        listed = await call(stub.ListLimits, limits.ListLimitsRequest())
        (limit,) = listed.limits
        assert (limit.kind, limit.key, limit.used, limit.waiting) == ("concurrency", "c-ada", 1, 1)
        assert limit.holders[0].execution_id == first.execution_id
        assert limit.line[0].execution_id == second.execution_id
        stranger = await call(stub.ListLimits, limits.ListLimitsRequest(), tenant="other")
        assert not stranger.limits
        request = limits.ReleasePermitsRequest(execution_id=first.execution_id)
        refused = await call(stub.ReleasePermits, request, tenant="other")
        assert refused.released == 0
        await call(stub.ReleasePermits, request)
        await worker.until(lambda: len(worker.tasks) == 2)


async def test_an_operator_opens_and_closes_a_breaker(running):
    await apply(running, BREAKER)
    stub = LimitsServiceStub(running.channel)
    async with open_worker(running.channel, lambda group, task: failed(task.ref)) as worker:
        for _ in range(2):
            await start(running, wait_for=pb.WAIT_FOR_ENDED)
        (breaker,) = (await call(stub.ListLimits, limits.ListLimitsRequest())).limits
        assert (breaker.key, breaker.state) == ("shop", "open")
        closing = limits.SetBreakerRequest(key="shop")
        assert (await call(stub.SetBreaker, closing)).found
        await start(running, wait_for=pb.WAIT_FOR_ENDED)
        assert len(worker.tasks) == 3
        await call(stub.SetBreaker, limits.SetBreakerRequest(key="shop", open=True))
        again = await start(running, wait_for=pb.WAIT_FOR_ENDED)
        assert again.failure.reason == "CIRCUIT_OPEN"


async def test_a_paused_execution_leaves_the_line_and_comes_back(running):
    await apply(running, ONE_AT_A_TIME.replace("limit: 2", "limit: 1"))
    hands = InterventionServiceStub(running.channel)
    async with open_worker(running.channel, keep_all) as worker:
        await start(running, b'{"customer": "ada"}')
        await worker.until(lambda: worker.tasks)
        paused = await start(running, b'{"customer": "ada"}')
        third = await start(running, b'{"customer": "ada"}')
        request = hand.PauseExecutionRequest(execution_id=paused.execution_id)
        await call(hands.PauseExecution, request)
        await answer(worker, 0)
        await worker.until(lambda: len(worker.tasks) == 2)
        assert worker.tasks[1][0] == third.execution_id
        resume = hand.ResumeExecutionRequest(execution_id=paused.execution_id)
        await call(hands.ResumeExecution, resume)
        await answer(worker, 1)
        await worker.until(lambda: len(worker.tasks) == 3)
        assert worker.tasks[2][0] == paused.execution_id
