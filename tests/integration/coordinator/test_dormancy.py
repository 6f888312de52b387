"""Executions that only wait leave memory, and come back when a timer or somebody wants them."""

import asyncio

import pytest

from penstock.api.dispatch.v1.dispatch_service_pb2 import WorkRequest
from penstock.api.journal.v1.journal_pb2 import NodeRef
from penstock.api.workflow.v1 import workflow_service_pb2 as pb
from penstock.common.errors import Internal, PenstockError, Unavailable
from penstock.common.rpc.channel import call
from support.coordinator.memory_worker import completed, open_worker
from support.coordinator.sleeping import (
    HOUR_US,
    TurnedClock,
    apply_sleepy,
    sleeper,
    start,
    until,
    wakes_on_time,
)

AT_ONCE = {"dormant_after_ms": 0}


@pytest.fixture
def clock():
    return TurnedClock()


@pytest.fixture
async def running(opened, state, clock):
    async with opened(state, clock=clock, **AT_ONCE) as running:
        await apply_sleepy(running)
        yield running


async def asleep(running, count: int = 1, duration_us: int = HOUR_US, signal: str = "") -> list:
    """Start some and return their ids once all have left memory."""
    async with open_worker(running.channel, sleeper(duration_us, signal)):
        ids = [(await start(running)).execution_id for _ in range(count)]
        await gone(running)
    return ids


async def gone(running) -> None:
    await until(lambda: len(running.shell.executions) == 0)


async def signal(running, execution_id: str, name: str = "go", **more) -> None:
    request = pb.SignalExecutionRequest(execution_id=execution_id, name=name, **more)
    await call(running.stub.SignalExecution, request)


async def test_who_sleeps_leaves_memory_and_goes_on_when_the_time_has_come(running, state, clock):
    (execution_id,) = await asleep(running)
    assert len(running.shell.turns.timers) == 0
    clock.ahead_us += HOUR_US
    async with open_worker(running.channel):
        await until(lambda: state.ended(execution_id))
    assert wakes_on_time(state, execution_id)


async def test_a_sleep_that_ends_soon_stays_armed(running, state):
    (execution_id,) = await asleep(running, duration_us=1_000_000)
    assert len(running.shell.turns.timers) == 1
    async with open_worker(running.channel):
        await until(lambda: state.ended(execution_id))
    assert wakes_on_time(state, execution_id)


async def test_who_waits_for_the_end_gets_it_though_the_execution_left_memory(running, clock):
    async with open_worker(running.channel, sleeper(HOUR_US)), asyncio.TaskGroup() as tasks:
        answer = tasks.create_task(start(running, wait_for=pb.WAIT_FOR_ENDED))
        await until(lambda: running.shell.turns.timers or running.shell.executions)
        await gone(running)
        clock.ahead_us += HOUR_US
        assert (await answer).status == 2


async def test_who_waits_for_the_end_is_told_when_the_shard_is_lost_meanwhile(running, state):
    async def refused() -> None:
        with pytest.raises(Unavailable):
            await start(running, wait_for=pb.WAIT_FOR_ENDED)

    async with open_worker(running.channel, sleeper(HOUR_US)), asyncio.TaskGroup() as tasks:
        tasks.create_task(refused())
        await until(lambda: state.resting)
        await gone(running)
        for number in list(running.shell.shards.held):
            running.shell.shards.drop(number, "a test wants it")


async def test_a_repeated_start_whose_execution_falls_asleep_again_does_not_begin_it_anew(
    running, state, monkeypatch
):
    async with open_worker(running.channel, sleeper(HOUR_US)):
        execution_id = (await start(running, idempotency_key="k")).execution_id
        await until(lambda: state.resting)
    await gone(running)

    async def found_and_lost(execution_id: str) -> object:
        return object()

    monkeypatch.setattr(running.shell.dormancy.awakening, "find", found_and_lost)
    with pytest.raises(Unavailable):
        await start(running, idempotency_key="k", wait_for=pb.WAIT_FOR_ENDED)
    assert state.events(execution_id).count("execution_started") == 1


async def test_a_signal_reaches_who_is_not_in_memory(running, state):
    (execution_id,) = await asleep(running, duration_us=0, signal="go")
    async with open_worker(running.channel):
        await signal(running, execution_id)
        await until(lambda: state.ended(execution_id))


async def test_signals_at_the_same_time_load_it_once_and_keep_their_order(running, state):
    (execution_id,) = await asleep(running, duration_us=0, signal="last")
    before = state.calls.count("load_resting")
    sent = [f"s{number}" for number in range(20)]
    signal = running.shell.interventions.signal
    async with asyncio.TaskGroup() as tasks:
        for name in sent:
            tasks.create_task(signal("default", execution_id, name, b"", ""))
            await asyncio.sleep(0)
    assert state.calls.count("load_resting") == before + 1
    events = [event for row in state.histories[execution_id] for event in row.events]
    names = [e.signal_received.name for e in events if e.HasField("signal_received")]
    assert names == sent


async def test_a_cancel_reaches_who_is_not_in_memory(running, state):
    (execution_id,) = await asleep(running)
    request = pb.CancelExecutionRequest(execution_id=execution_id)
    assert (await call(running.stub.CancelExecution, request)).status == 4
    assert state.ended(execution_id)
    await gone(running)


async def test_another_account_cannot_reach_it(running):
    (execution_id,) = await asleep(running)
    request = pb.CancelExecutionRequest(execution_id=execution_id)
    with pytest.raises(PenstockError, match="there is no execution"):
        await call(running.stub.CancelExecution, request, tenant="other")


async def test_a_late_report_of_who_sleeps_is_refused(running, state):
    (execution_id,) = await asleep(running)
    ref = NodeRef(node=0, attempt=1)
    async with open_worker(running.channel) as worker:
        report = worker.made(execution_id, ref, [completed(ref)])
        await worker.say(WorkRequest(reports=[report]))
        await worker.until(lambda: worker.refused)
    assert "node_completed" not in state.events(execution_id)


async def test_a_start_with_the_same_key_meets_who_sleeps(running, state, clock):
    async with open_worker(running.channel, sleeper(HOUR_US)), asyncio.TaskGroup() as tasks:
        first = await start(running, idempotency_key="k")
        await gone(running)
        again = await start(running, idempotency_key="k")
        assert (again.execution_id, again.existing) == (first.execution_id, True)
        answer = tasks.create_task(start(running, idempotency_key="k", wait_for=pb.WAIT_FOR_ENDED))
        await until(lambda: "load_resting" in state.calls)
        await gone(running)
        clock.ahead_us += HOUR_US
        assert (await answer).execution_id == first.execution_id


async def test_a_restart_loads_no_sleepers_and_wakes_all_of_them(opened, state, clock):
    async with opened(state, clock=clock, **AT_ONCE) as running:
        await apply_sleepy(running)
        ids = await asleep(running, 300)
    async with opened(state, clock=clock, **AT_ONCE) as running:
        assert len(running.shell.executions) == 0
        assert len(running.shell.turns.timers) == 0
        clock.ahead_us += HOUR_US
        async with open_worker(running.channel):
            await until(lambda: all(map(state.ended, ids)))
    assert all(wakes_on_time(state, execution_id) for execution_id in ids)


async def test_who_is_due_already_at_a_restart_wakes_at_once(opened, state, clock):
    async with opened(state, clock=clock, **AT_ONCE) as running:
        await apply_sleepy(running)
        ids = await asleep(running, 20)
    clock.ahead_us += 2 * HOUR_US
    async with opened(state, clock=clock, **AT_ONCE) as running, open_worker(running.channel):
        await until(lambda: all(map(state.ended, ids)))


async def test_sleepers_go_with_their_shards_to_another_coordinator(opened, state, clock, running):
    ids = await asleep(running, 50)
    async with opened(state, clock=clock, **AT_ONCE) as other:
        await until(lambda: len(running.shell.shards) and len(other.shell.shards))
        await until(lambda: len(running.shell.shards) + len(other.shell.shards) == 8)
        clock.ahead_us += HOUR_US
        async with (
            open_worker(running.channel, worker_id="a"),
            open_worker(other.channel, worker_id="b"),
        ):
            await until(lambda: all(map(state.ended, ids)))


async def test_a_clock_set_back_wakes_nobody_early(running, state, clock):
    ids = await asleep(running, 5)
    clock.ahead_us += HOUR_US - 30_000_000
    await until(lambda: len(running.shell.turns.timers) == 5)
    clock.ahead_us -= HOUR_US
    await asyncio.sleep(0)
    assert not any(map(state.ended, ids))
    clock.ahead_us += HOUR_US + 30_000_000
    async with open_worker(running.channel):
        await until(lambda: all(map(state.ended, ids)), 20)
    assert all(wakes_on_time(state, execution_id) for execution_id in ids)


async def test_a_timer_too_many_only_loads_it(running, state, clock):
    (execution_id,) = await asleep(running)
    running.shell.dormancy.wake([execution_id])
    await until(lambda: "load_resting" in state.calls)
    await gone(running)
    assert state.events(execution_id)[-1] == "node_waiting"
    clock.ahead_us += HOUR_US
    async with open_worker(running.channel):
        await until(lambda: state.ended(execution_id))


async def test_state_that_is_away_when_it_is_due_delays_it(running, state, clock):
    (execution_id,) = await asleep(running)
    state.down = True
    clock.ahead_us += HOUR_US
    running.shell.dormancy.wake([execution_id])
    await until(lambda: "load_resting" in state.calls)
    with pytest.raises(Unavailable):
        await running.shell.interventions.signal("default", execution_id, "go", b"", "")
    state.down = False
    async with open_worker(running.channel):
        await until(lambda: state.ended(execution_id))


async def test_a_short_wait_changes_no_row(opened, state):
    async with opened(state) as running:
        await apply_sleepy(running)
        async with open_worker(running.channel, sleeper(100_000)):
            answer = await start(running, wait_for=pb.WAIT_FOR_ENDED)
        assert answer.status == 2
        records = [r for a in running.journal.sent for w in a.writes for r in w.records]
        assert {record.projection.rest for record in records} == {0}


async def test_with_little_room_sleepers_leave_at_once_and_starts_go_on(opened, state):
    async with opened(state, executions_max=4, dormant_after_ms=3_600_000 // 2) as running:
        await apply_sleepy(running)
        async with open_worker(running.channel, sleeper(HOUR_US)):
            for _ in range(10):
                await start(running)
                await until(lambda: len(running.shell.executions) < 3)


async def test_a_history_that_cannot_be_read_is_told_to_who_wants_it(running, state, clock):
    async def refused() -> bool:
        with pytest.raises(Internal):
            await start(running, wait_for=pb.WAIT_FOR_ENDED)
        return True

    async with open_worker(running.channel, sleeper(HOUR_US)), asyncio.TaskGroup() as tasks:
        answer = tasks.create_task(refused())
        await until(lambda: state.resting)
        await gone(running)
        (execution_id,) = state.resting
        state.histories[execution_id][-1].first_seq += 1
        with pytest.raises(Internal):
            await running.shell.interventions.signal("default", execution_id, "go", b"", "")
        assert await answer
    assert running.shell.executions.set_aside == {execution_id}


async def test_more_sleepers_than_may_be_armed_wake_one_portion_after_the_other(
    opened, state, clock, monkeypatch
):
    monkeypatch.setattr("penstock.coordinator.shell.dormancy.sleepers._PAGE", 4)
    async with opened(state, clock=clock, **AT_ONCE) as running:
        await apply_sleepy(running)
        ids = await asleep(running, 60)
    clock.ahead_us += 2 * HOUR_US
    async with opened(state, clock=clock, **AT_ONCE) as running:
        running.shell.dormancy.sleepers._armed_max = 8
        async with open_worker(running.channel):
            await until(lambda: all(map(state.ended, ids)), 30)


async def test_a_new_start_finds_room_while_many_wait_to_wake(opened, state, clock):
    async with opened(state, clock=clock, **AT_ONCE) as running:
        await apply_sleepy(running)
        ids = await asleep(running, 40)
    clock.ahead_us += 2 * HOUR_US
    async with opened(state, clock=clock, executions_max=10, **AT_ONCE) as running:
        await until(lambda: len(running.shell.executions) == 10)
        async with open_worker(running.channel):
            await until(lambda: all(map(state.ended, ids)))


async def test_a_call_that_breaks_over_who_is_woken_breaks_nothing_else(running, state, clock):
    (execution_id,) = await asleep(running)

    def broken(live):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await running.shell.hands._telling.tell_what_fits("default", execution_id, broken)
    clock.ahead_us += HOUR_US
    async with open_worker(running.channel):
        await until(lambda: state.ended(execution_id))
