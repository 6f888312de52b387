"""An execution that breaks the engine is set aside: nobody is told of what was not written, and it
goes on for good once it is loaded again."""

import asyncio

import pytest

from penstock.api.audit.v1 import audit_service_pb2 as pb
from penstock.api.audit.v1.audit_service_pb2_grpc import AuditServiceStub
from penstock.api.workflow.v1 import workflow_service_pb2 as workflow_pb
from penstock.common.errors import Internal
from penstock.common.rpc.channel import call
from penstock.coordinator.core.inputs import SignalArrived
from penstock.coordinator.shell.starts.one_start import OneStart
from penstock.coordinator.shell.starts.starts import Call
from penstock.workflow.execution.values import NULL, Payload
from support.coordinator.memory_worker import open_worker
from support.coordinator.sleeping import (
    HOUR_US,
    TurnedClock,
    apply_sleepy,
    sleeper,
    start,
    until,
)

POISON = object()
"""No input of the core: whatever meets it breaks."""


@pytest.fixture
def clock():
    return TurnedClock()


@pytest.fixture
async def running(opened, state, clock):
    async with opened(state, clock=clock, dormant_after_ms=0) as running:
        await apply_sleepy(running)
        yield running


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    """The audit's second look follows the first without a pause."""
    monkeypatch.setattr("penstock.coordinator.shell.audit.audit._SECOND_LOOK_S", 0)


class Caller:
    def __init__(self) -> None:
        self.told: asyncio.Future = asyncio.get_running_loop().create_future()

    def on_committed(self, live, accepted) -> None:
        self.told.set_result(accepted)

    def on_failed(self, error) -> None:
        self.told.set_exception(error)


async def test_what_was_decided_in_the_same_turn_is_not_told_as_written(running, state):
    execution_id = (await start(running)).execution_id
    live = running.shell.executions.by_id[execution_id]
    caller = Caller()
    running.shell.turns.put(live, SignalArrived("go", NULL, "1"), caller)
    running.shell.turns.put(live, POISON)
    with pytest.raises(Internal):
        await caller.told
    assert "signal_received" not in state.events(execution_id)


async def test_what_cannot_be_sent_keeps_nothing_else_from_being_written(
    running, state, monkeypatch
):
    large, other = [(await start(running)).execution_id for _ in range(2)]
    monkeypatch.setattr("penstock.coordinator.shell.records.RECORD_BYTES_MAX", 50_000)
    callers = [Caller(), Caller()]
    by_id = running.shell.executions.by_id
    text = Payload(b'"' + b"x" * 60_000 + b'"')
    running.shell.turns.put(by_id[large], SignalArrived("go", text, "1"), callers[0])
    running.shell.turns.put(by_id[other], SignalArrived("go", NULL, "1"), callers[1])
    with pytest.raises(Internal):
        await callers[0].told
    assert await callers[1].told
    assert "signal_received" in state.events(other)
    assert "signal_received" not in state.events(large)
    assert large in running.shell.executions.set_aside


async def test_a_start_that_breaks_in_its_first_turn_hands_nothing_out(running, state):
    first = (await start(running)).execution_id
    listener = OneStart(waits=False)
    request = workflow_pb.StartExecutionRequest(workflow="sleepy")
    running.shell.starts.start(Call("default", request, "", listener))
    (live,) = [one for one in running.shell.executions.by_id.values() if one.id != first]
    running.shell.turns.put(live, POISON)
    with pytest.raises(Internal):
        await listener.done
    assert running.shell.release.ready.waiting == 1
    assert list(state.histories) == [first]


async def test_what_was_set_aside_and_mended_sleeps_and_wakes_as_others_do(running, state, clock):
    audit = AuditServiceStub(running.channel)
    execution_id = (await start(running)).execution_id
    running.shell.turns.put(running.shell.executions.by_id[execution_id], POISON)
    await until(lambda: not running.shell.executions)
    found = (await call(audit.GetAudit, pb.GetAuditRequest(now=True))).findings
    assert [(each.invariant, each.repair) for each in found] == [("I6", "reload")]
    answer = await call(audit.RepairFindings, pb.RepairFindingsRequest())
    assert [each.why_not for each in answer.repaired] == [""]
    async with open_worker(running.channel, sleeper(HOUR_US)):
        await until(lambda: execution_id in state.resting and not running.shell.executions)
        clock.ahead_us += HOUR_US
        await until(lambda: state.ended(execution_id))
