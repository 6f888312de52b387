"""Rates and quotas that operators set, on coordinators over real streams."""

import asyncio

import pytest
from prometheus_client import generate_latest

from penstock.api.dispatch.v1 import dispatch_service_pb2 as dispatch
from penstock.api.limits.v1 import limits_service_pb2 as limits
from penstock.api.limits.v1.limits_service_pb2_grpc import LimitsServiceStub
from penstock.api.workflow.v1 import workflow_service_pb2 as pb
from penstock.common.clock import SystemClock
from penstock.common.errors import LimitExceeded
from penstock.common.rpc.channel import call
from penstock.coordinator.limits.permits import make_key
from penstock.coordinator.shell.starts.one_start import OneStart
from penstock.coordinator.shell.starts.starts import Call
from support.coordinator.memory_worker import completed, keep_all, open_worker


class Turned(SystemClock):
    """Runs `ahead` by some seconds."""

    ahead = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead

    def now_us(self) -> int:
        return super().now_us() + round(self.ahead * 1e6)


FLOW = """
flow: 1
id: pay
nodes:
  charge: {run: "return 1"}
  note: {needs: [charge], run: "return 1"}
"""


async def apply(running, source: str = FLOW, tenant: str = "default") -> None:
    request = pb.ApplyWorkflowRequest(source=source)
    await call(running.stub.ApplyWorkflow, request, tenant=tenant)


def start_of(workflow: str, **more) -> pb.StartExecutionRequest:
    return pb.StartExecutionRequest(workflow=workflow, **more)


async def start(running, tenant: str = "default", **more) -> pb.StartExecutionResponse:
    request = start_of(more.pop("workflow", "pay"), **more)
    return await call(running.stub.StartExecution, request, tenant=tenant)


async def until(condition) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


async def end(worker, at: int) -> None:
    """Report the node that came as number `at` as done."""
    execution_id, task, _ = worker.tasks[at]
    made = worker.made(execution_id, task.ref, [completed(task.ref)])
    await worker.say(dispatch.WorkRequest(reports=[made]))


async def test_an_account_is_held_to_the_rate_that_is_set_for_it(opened, state):
    async with opened(state, rate_limits="tenant=3/h, tenant:acme=1/h") as running:
        await apply(running)
        await apply(running, tenant="acme")
        async with open_worker(running.channel, keep_all) as worker:
            for _ in range(5):
                await start(running)
                await start(running, "acme")
            await worker.until(lambda: len(worker.tasks) == 4)
            stub = LimitsServiceStub(running.channel)
            (own,) = (await call(stub.ListLimits, limits.ListLimitsRequest())).limits
            assert (own.kind, own.limit, own.used, own.waiting) == ("tenant_rate", 3, 3, 2)


async def test_next_nodes_count_too(opened, state):
    async with opened(state, rate_limits="tenant=2/h") as running:
        await apply(running)
        async with open_worker(running.channel, keep_all) as worker:
            await start(running)
            await worker.until(lambda: len(worker.tasks) == 1)
            await start(running)
            await worker.until(lambda: len(worker.tasks) == 2)
            await end(worker, 0)
            key = make_key("tenant_rate", "default", "all attempts")
            await until(lambda: running.shell.limits.book.find(key).line)
            assert len(worker.tasks) == 2
            assert not any(group.may_continue for _, _, group in worker.tasks)


async def test_a_rate_over_all_accounts_is_shared_and_shows_nobody_to_others(opened, state):
    async with opened(state, rate_limits="type:js@1=1/h") as running:
        await apply(running)
        await apply(running, tenant="acme")
        async with open_worker(running.channel, keep_all) as worker:
            await start(running, "acme")
            await worker.until(lambda: len(worker.tasks) == 1)
            waits = await start(running)
            stub = LimitsServiceStub(running.channel)
            (shared,) = (await call(stub.ListLimits, limits.ListLimitsRequest())).limits
            assert (shared.kind, shared.key, shared.used) == ("type_rate", "js@1", 1)
            assert not shared.line
            live = running.shell.executions.get(waits.execution_id)
            why = running.shell.explaining.explain(live)[0].why
            assert why.startswith("Waits for the cluster's rate limit for js@1 (1 in 3600 s).")


async def test_a_start_over_the_quota_of_live_executions_is_refused_until_one_ends(opened, state):
    async with opened(state, quotas="tenant.live=2") as running:
        await apply(running)
        async with open_worker(running.channel, keep_all):
            first = await start(running, idempotency_key="k1")
            second = await start(running)
            with pytest.raises(LimitExceeded) as refused:
                await start(running)
            assert refused.value.message == (
                "this account has 2 executions that have not ended; its quota tenant.live allows 2"
            )
            assert int(refused.value.facts["retry_after_s"]) == 1
            again = await start(running, idempotency_key="k1")
            assert (again.execution_id, again.existing) == (first.execution_id, True)
            with pytest.raises(LimitExceeded):
                await start(running, idempotency_key="k2")
            owed = Call("default", start_of("pay"), "", OneStart(waits=False), owed=True)
            running.shell.starts.start(owed)
            assert (await owed.listener.done).execution_id, "the engine keeps what it owes"
            metrics = generate_latest(running.shell.measures.registry).decode()
            assert (
                'penstock_coordinator_limit_refusals_total{kind="quota tenant.live"} 2.0' in metrics
            )
            for over in (first, second):
                request = pb.CancelExecutionRequest(execution_id=over.execution_id)
                await call(running.stub.CancelExecution, request)
            await start(running)


async def test_starts_in_a_time_are_counted_by_workflow_and_come_back_with_it(opened, state):
    clock = Turned()
    async with opened(state, clock=clock, quotas="workflow.starts=2/h") as running:
        await apply(running)
        await apply(running, FLOW.replace("id: pay", "id: other"))
        await start(running)
        await start(running)
        with pytest.raises(
            LimitExceeded, match="'pay' has started 2 executions within the last hour"
        ):
            await start(running)
        await start(running, workflow="other")
        clock.ahead = 2.0
        with pytest.raises(LimitExceeded) as refused:
            await start(running)
        assert 3_590 <= int(refused.value.facts["retry_after_s"]) <= 3_600


async def test_what_other_coordinators_started_counts_and_no_restart_forgets_it(opened, state):
    async with opened(state, quotas="tenant.starts=3/d") as one:
        await apply(one)
        await start(one)
        await start(one)
    async with opened(state, quotas="tenant.starts=3/d") as two:
        await start(two)
        with pytest.raises(LimitExceeded):
            await start(two)


async def test_nothing_is_counted_where_no_quota_is_set(opened, state):
    async with opened(state) as running:
        await apply(running)
        await start(running)
        assert not {"live", "started"} & set(state.calls)
