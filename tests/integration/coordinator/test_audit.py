"""The self-audit finds what must not be, says nothing of what is well, and mends it if told to."""

import pytest

from penstock.api.audit.v1 import audit_service_pb2 as pb
from penstock.api.audit.v1.audit_service_pb2_grpc import AuditServiceStub
from penstock.api.workflow.v1 import workflow_service_pb2 as wf
from penstock.common.rpc.channel import call
from penstock.workflow.execution.values import NodeStatus
from support.coordinator.memory_worker import open_worker
from support.coordinator.sleeping import HOUR_US, SLEEPY, apply_sleepy, sleeper, start, until

NAMED = """
flow: 1
id: named
nodes:
  a: {run: "return 1"}
  set-timer: {needs: [a], run: "return 2"}
"""


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    """The second look follows the first without a pause."""
    monkeypatch.setattr("penstock.coordinator.shell.audit.audit._SECOND_LOOK_S", 0)


@pytest.fixture
async def flow(running):
    await apply_sleepy(running)


@pytest.fixture
def audit(running):
    return AuditServiceStub(running.channel)


async def found(audit) -> list[tuple[str, str]]:
    answer = await call(audit.GetAudit, pb.GetAuditRequest(now=True))
    return [(each.invariant, each.repair) for each in answer.findings]


async def mended(audit) -> list[str]:
    answer = await call(audit.RepairFindings, pb.RepairFindingsRequest())
    return [each.why_not for each in answer.repaired]


async def test_nothing_is_found_where_all_is_well(running, flow, audit):
    for _ in range(3):
        await start(running)
    async with open_worker(running.channel, sleeper(HOUR_US)):
        await until(lambda: any(live.wake_us for live in running.shell.executions.by_id.values()))
        await start(running)
        assert await found(audit) == []
    answer = await call(audit.GetAudit, pb.GetAuditRequest())
    assert answer.rounds == 1
    assert answer.looks >= answer.shards
    assert list(answer.coordinators) == [running.address]


async def test_executions_at_rest_are_looked_at_and_counted(running, flow, audit):
    async with open_worker(running.channel, sleeper(HOUR_US)):
        await start(running)
        await start(running)
        await until(lambda: not running.shell.executions.by_id)
    answer = await call(audit.GetAudit, pb.GetAuditRequest(now=True))
    assert (answer.executions, answer.resting) == (0, 2)


async def test_what_has_just_begun_is_let_be_by_the_audit_that_goes_on(running, flow, monkeypatch):
    await start(running)
    running.shell.release.ready._queues.clear()
    audit, a_moment_s = running.shell.audit, 1e-6
    await audit.go_round(a_moment_s)
    assert not audit.findings.found
    monkeypatch.setattr("penstock.coordinator.shell.audit.audit._SETTLED_US", -1)
    await audit.go_round(a_moment_s)
    assert [each.invariant for each in audit.findings.found.values()] == ["I4"]


async def test_an_attempt_that_nobody_will_run_is_found_and_queued_again(
    running, flow, audit, state
):
    execution_id = (await start(running)).execution_id
    running.shell.release.ready._queues.clear()
    assert await found(audit) == [("I4", "requeue")]
    assert await mended(audit) == [""]
    async with open_worker(running.channel):
        await until(lambda: state.ended(execution_id))
    assert await found(audit) == []


async def test_memory_that_differs_from_the_journal_is_found_and_loaded_again(
    running, flow, audit, state
):
    execution_id = (await start(running)).execution_id
    live = running.shell.executions.by_id[execution_id]
    live.state.status[live.plan.output_node] = NodeStatus.WAITING
    assert ("I6", "reload") in await found(audit)
    assert set(await mended(audit)) == {""}
    async with open_worker(running.channel):
        await until(lambda: state.ended(execution_id))
    assert await found(audit) == []


async def test_an_execution_that_was_forgotten_is_found_and_taken_up_again(
    running, flow, audit, state
):
    execution_id = (await start(running)).execution_id
    running.shell.executions.forget(running.shell.executions.by_id[execution_id])
    assert await found(audit) == [("I1", "reload")]
    assert await mended(audit) == [""]
    async with open_worker(running.channel):
        await until(lambda: state.ended(execution_id))


async def test_a_timer_that_is_not_set_is_found_and_set_again(running, flow, audit):
    async with open_worker(running.channel, sleeper(HOUR_US)):
        execution_id = (await start(running)).execution_id
        live = running.shell.executions.by_id[execution_id]
        await until(lambda: live.wake_us)
        running.shell.turns.timers.set(execution_id, 0)
        assert await found(audit) == [("I4", "rearm")]
        assert await mended(audit) == [""]
        assert running.shell.turns.timers.is_set(execution_id)
        assert await found(audit) == []


async def test_the_name_of_a_node_does_not_choose_the_repair(running, audit, state):
    await call(running.stub.ApplyWorkflow, wf.ApplyWorkflowRequest(source=NAMED))
    request = wf.StartExecutionRequest(workflow="named")
    execution_id = (await call(running.stub.StartExecution, request)).execution_id
    live = running.shell.executions.by_id[execution_id]
    live.state.pending[1] = 0
    assert set(await found(audit)) == {("I4", "reload"), ("I6", "reload")}
    assert set(await mended(audit)) == {""}
    async with open_worker(running.channel):
        await until(lambda: state.ended(execution_id))


async def test_only_the_executions_asked_for_are_mended(running, flow, audit):
    first, second = [(await start(running)).execution_id for _ in range(2)]
    running.shell.release.ready._queues.clear()
    assert await found(audit) == [("I4", "requeue")] * 2
    request = pb.RepairFindingsRequest(execution_id=second)
    (only,) = (await call(audit.RepairFindings, request)).repaired
    assert only.finding.execution_id == second
    answer = await call(audit.GetAudit, pb.GetAuditRequest())
    assert [each.execution_id for each in answer.findings] == [first]


LIMITED = SLEEPY.replace('nap: {run: "return 1"}', 'nap: {run: "return 1", concurrency: 1}')


async def test_an_attempt_that_is_passed_over_is_found_and_given_to_a_worker(
    running, flow, audit, state
):
    running.shell.shards._parting.resume = lambda: None
    execution_id = (await start(running)).execution_id
    running.shell.release.hand_out = lambda: None
    async with open_worker(running.channel):
        del running.shell.release.hand_out
        assert await found(audit) == [("I1", "go_on")]
        assert await mended(audit) == [""]
        await until(lambda: state.ended(execution_id))
    assert await found(audit) == []


async def test_a_wait_under_a_limit_that_nobody_ends_is_found_and_decided(
    running, audit, state, monkeypatch
):
    """As when the loop over limits is not woken by what lets it grant."""
    monkeypatch.setattr("penstock.coordinator.limits.overdue._GRACE_US", 0)
    await call(running.stub.ApplyWorkflow, wf.ApplyWorkflowRequest(source=LIMITED))
    async with open_worker(running.channel):
        first = (await start(running)).execution_id
        await until(lambda: state.ended(first))
        limits = running.shell.limits
        limits.turn = limits._filled.clear
        second = (await start(running)).execution_id
        await until(lambda: list(limits.book))
        assert await found(audit) == [("I11", "go_on")]
        del limits.turn
        assert await mended(audit) == [""]
        await until(lambda: state.ended(second))
