"""Schedules fire at their slots, once each, whoever owns them."""

import asyncio

import pytest

from penstock.api.schedule.v1 import schedule_pb2 as pb
from penstock.api.schedule.v1 import schedule_service_pb2 as api
from penstock.api.workflow.v1 import workflow_service_pb2 as wf
from penstock.common.errors import IdempotencyConflict, Unavailable
from penstock.common.rpc.channel import call
from support.coordinator.memory_worker import open_worker
from support.coordinator.scheduling import (
    MINUTE,
    NOON,
    REPORT,
    Scheduling,
    StandingClock,
    apply_report,
    settled,
    slots,
    triggers,
)
from support.coordinator.sleeping import until


@pytest.fixture
def clock():
    return StandingClock()


@pytest.fixture
async def running(opened, state, clock):
    await apply_report(state)
    async with opened(state, clock=clock) as running:
        yield running


@pytest.fixture
def schedules(running, state, clock):
    return Scheduling(running, state, clock)


async def test_a_slot_starts_an_execution_when_its_time_has_come(schedules, state):
    await schedules.put(params_json=b'{"n": 7}', tags=["night"])
    await schedules.at(NOON + 5 * MINUTE - 1)
    assert slots(state) == []
    await schedules.at(NOON + 5 * MINUTE + 250_000)
    assert slots(state) == ["2025-11-21T12:05:00Z"]
    (trigger,) = triggers(state)
    assert trigger == {
        "type": "schedule",
        "schedule": "nightly",
        "slot": "2025-11-21T12:05:00Z",
        "scheduled_at": "2025-11-21T12:05:00Z",
        "fired_at": "2025-11-21T12:05:00.250000Z",
    }
    (rows,) = state.histories.values()
    started = rows[0].events[0].execution_started
    assert list(started.tags) == ["schedule:nightly", "night"]
    assert started.params.json == b'{"n":7}'


async def test_what_was_decided_can_be_read(schedules, state):
    await schedules.put(note="every five minutes")
    await schedules.at(NOON + 5 * MINUTE)
    found = await schedules.get()
    (execution_id,) = state.histories
    (fire,) = found.schedule.progress.fires
    assert fire.execution_id == execution_id
    assert fire.outcome == pb.OUTCOME_STARTED
    assert found.schedule.progress.open_executions == [execution_id]
    assert found.schedule.progress.cursor_unix_us == NOON + 5 * MINUTE
    assert found.next_slots_unix_us[:2] == [NOON + 10 * MINUTE, NOON + 15 * MINUTE]
    assert found.why == "It fires next at 2025-11-21T12:10:00Z."


async def test_a_slot_is_not_started_again_by_an_owner_that_does_not_know_of_it(
    schedules, state, opened, clock
):
    await schedules.put()
    record, state.schedules.record = state.schedules.record, nothing_recorded
    await schedules.at(NOON + 5 * MINUTE)
    assert len(slots(state)) == 1
    state.schedules.record = record
    await schedules.running.shell.close()
    async with opened(state, clock=clock, address="second:1") as second:
        await settled(second)
        assert len(slots(state)) == 1
        found = await Scheduling(second, state, clock).get()
        assert [fire.outcome for fire in found.schedule.progress.fires] == [pb.OUTCOME_STARTED]
        assert found.schedule.progress.fires[0].execution_id in state.histories


async def nothing_recorded(decided):
    return set()


async def test_a_slot_that_was_started_is_not_told_as_missed_by_a_later_owner(
    schedules, state, opened, clock
):
    await schedules.put(catch_up=pb.CATCH_UP_NONE)
    record, state.schedules.record = state.schedules.record, nothing_recorded
    await schedules.at(NOON + 5 * MINUTE)
    (execution_id,) = state.histories
    state.schedules.record = record
    await schedules.running.shell.close()
    clock.at_us = NOON + 62 * MINUTE
    async with opened(state, clock=clock, address="second:1") as second:
        await settled(second)
        fires = (await Scheduling(second, state, clock).get()).schedule.progress.fires
    told = [(fire.slot_unix_us - NOON, fire.outcome) for fire in reversed(fires)]
    assert told == [(5 * MINUTE, pb.OUTCOME_STARTED), (10 * MINUTE, pb.OUTCOME_MISSED)]
    assert fires[1].execution_id == execution_id
    assert len(slots(state)) == 1


async def test_progress_that_was_written_since_is_decided_upon_anew(schedules, state):
    await schedules.put()
    record = state.schedules.record

    async def twice(decided):
        await record(decided)
        return await record(decided)

    state.schedules.record = twice
    await schedules.at(NOON + 5 * MINUTE)
    state.schedules.record = record
    await schedules.at(NOON + 10 * MINUTE)
    progress = (await schedules.get()).schedule.progress
    assert [fire.slot_unix_us - NOON for fire in progress.fires] == [10 * MINUTE, 5 * MINUTE]
    assert progress.writes == 2
    assert len(slots(state)) == 2


async def test_a_clock_set_back_fires_no_slot_again(schedules, state):
    await schedules.put()
    await schedules.at(NOON + 10 * MINUTE)
    await schedules.at(NOON)
    await schedules.at(NOON + 12 * MINUTE)
    assert len(slots(state)) == 1
    await schedules.at(NOON + 15 * MINUTE)
    assert slots(state)[-1] == "2025-11-21T12:15:00Z"


async def test_a_paused_schedule_does_not_fire_and_says_so(schedules, state):
    await schedules.put()
    pause = api.PauseScheduleRequest(id="nightly", paused=True, note="holidays")
    view = (await call(schedules.stub.PauseSchedule, pause)).schedule
    assert view.why == "It is paused and fires no slot: holidays."
    assert not view.next_slots_unix_us
    await schedules.at(NOON + 7 * MINUTE)
    await call(schedules.stub.PauseSchedule, api.PauseScheduleRequest(id="nightly"))
    await schedules.at(NOON + 9 * MINUTE)
    assert slots(state) == []
    await schedules.at(NOON + 10 * MINUTE)
    assert slots(state) == ["2025-11-21T12:10:00Z"]


@pytest.mark.parametrize(
    ("overlap", "started", "outcomes"),
    [
        (pb.OVERLAP_ALLOW, 3, [pb.OUTCOME_STARTED] * 3),
        (pb.OVERLAP_SKIP, 1, [pb.OUTCOME_SKIPPED, pb.OUTCOME_SKIPPED, pb.OUTCOME_STARTED]),
        (pb.OVERLAP_QUEUE, 1, [pb.OUTCOME_SKIPPED, pb.OUTCOME_QUEUED, pb.OUTCOME_STARTED]),
        (pb.OVERLAP_CANCEL_RUNNING, 3, [pb.OUTCOME_STARTED] * 3),
    ],
)
async def test_a_slot_obeys_the_overlap_policy_while_a_run_goes_on(
    schedules, state, overlap, started, outcomes
):
    await schedules.put(overlap=overlap)
    for minutes in (5, 10, 15):
        await schedules.at(NOON + minutes * MINUTE)
    found = await schedules.get()
    assert len(slots(state)) == started
    assert [fire.outcome for fire in found.schedule.progress.fires] == outcomes
    ended = [one for one in state.histories if state.ended(one)]
    assert len(ended) == (2 if overlap == pb.OVERLAP_CANCEL_RUNNING else 0)


async def test_a_queued_slot_starts_when_the_earlier_run_ends(schedules, state, running):
    await schedules.put(overlap=pb.OVERLAP_QUEUE)
    await schedules.at(NOON + 5 * MINUTE)
    await schedules.at(NOON + 10 * MINUTE)
    (first,) = state.histories
    found = await schedules.get()
    assert found.why == (
        f"The slot 2025-11-21T12:10:00Z starts once the execution {first} has ended."
    )
    async with open_worker(running.channel):
        await until(lambda: len(slots(state)) == 2)
    assert slots(state)[-1] == "2025-11-21T12:10:00Z"


async def test_a_queued_slot_survives_the_owner_s_death(schedules, state, running, opened, clock):
    await schedules.put(overlap=pb.OVERLAP_QUEUE)
    await schedules.at(NOON + 5 * MINUTE)
    await schedules.at(NOON + 10 * MINUTE)
    await running.shell.close()
    async with (
        opened(state, clock=clock, address="second:1") as second,
        open_worker(second.channel),
    ):
        await until(lambda: len(slots(state)) == 2)


@pytest.mark.parametrize(
    ("catch_up", "expected"),
    [
        (pb.CATCH_UP_NONE, []),
        (pb.CATCH_UP_LATEST, ["2025-11-21T12:25:00Z"]),
        (pb.CATCH_UP_ALL, [f"2025-11-21T12:{n:02}:00Z" for n in (5, 10, 15, 20, 25)]),
    ],
)
async def test_missed_slots_are_made_up_for_as_the_policy_says(
    schedules, state, catch_up, expected
):
    await schedules.put(catch_up=catch_up)
    await schedules.at(NOON + 28 * MINUTE)
    assert slots(state) == expected
    fires = (await schedules.get()).schedule.progress.fires
    missed = [fire for fire in fires if fire.outcome == pb.OUTCOME_MISSED]
    assert bool(missed) == (len(expected) < 5)


async def test_a_start_that_can_never_be_is_told_and_does_not_hold_up_the_next(schedules, state):
    await schedules.put()
    del state.workflows["default", "report"]
    schedules.running.shell.definitions._entries.clear()
    await schedules.at(NOON + 5 * MINUTE)
    found = await schedules.get()
    (fire,) = found.schedule.progress.fires
    assert fire.outcome == pb.OUTCOME_REFUSED
    assert "NOT_FOUND" in fire.reason
    assert "was refused (NOT_FOUND" in found.why
    await apply_report(state)
    await schedules.at(NOON + 10 * MINUTE)
    assert slots(state) == ["2025-11-21T12:10:00Z"]


async def test_starts_by_hand_are_one_for_each_key_and_count_as_runs(schedules, state):
    await schedules.put(overlap=pb.OVERLAP_SKIP)
    trigger = api.TriggerScheduleRequest(id="nightly", idempotency_key="k")
    first = await call(schedules.stub.TriggerSchedule, trigger)
    again = await call(schedules.stub.TriggerSchedule, trigger)
    assert (again.execution_id, again.existing) == (first.execution_id, True)
    await schedules.at(NOON + 5 * MINUTE)
    found = await schedules.get()
    assert [fire.outcome for fire in found.schedule.progress.fires] == [
        pb.OUTCOME_SKIPPED,
        pb.OUTCOME_STARTED,
    ]
    assert found.schedule.progress.fires[1].by_hand
    assert len(state.histories) == 1


async def test_a_start_by_hand_counts_though_its_owner_died_right_after_it(
    schedules, state, opened, clock, monkeypatch
):
    await schedules.put(overlap=pb.OVERLAP_SKIP)
    runs, record = schedules.running.shell.desk._runs, state.schedules.record
    start_by_hand = runs.start_by_hand

    async def start_and_die(*asked):
        started = await start_by_hand(*asked)
        state.schedules.record = nothing_recorded
        return started

    monkeypatch.setattr(runs, "start_by_hand", start_and_die)
    trigger = api.TriggerScheduleRequest(id="nightly")
    begun = await call(schedules.stub.TriggerSchedule, trigger)
    await schedules.running.shell.close()
    async with opened(state, clock=clock, address="second:1") as second:
        state.schedules.record = record  # the dead one can write no more
        second.shell.keeper.look_again()
        await settled(second)
        after = Scheduling(second, state, clock)
        progress = (await after.get()).schedule.progress
        assert [fire.execution_id for fire in progress.fires] == [begun.execution_id]
        await after.at(NOON + 5 * MINUTE)
        progress = (await after.get()).schedule.progress
    assert [(fire.outcome, fire.by_hand) for fire in progress.fires] == [
        (pb.OUTCOME_SKIPPED, False),
        (pb.OUTCOME_STARTED, True),
    ]
    assert progress.open_executions == [begun.execution_id]
    assert len(state.histories) == 1


async def test_a_start_by_hand_that_was_never_made_leaves_nothing(schedules, state, monkeypatch):
    await schedules.put(overlap=pb.OVERLAP_SKIP)
    begun = []

    async def fail(schedule, key, now_us):
        found = await state.schedules.find("default", "nightly")
        begun.extend(found.progress.beginning)
        raise Unavailable("no journal")

    monkeypatch.setattr(schedules.running.shell.desk._runs, "start_by_hand", fail)
    with pytest.raises(Unavailable):
        await call(schedules.stub.TriggerSchedule, api.TriggerScheduleRequest(id="nightly"))
    assert [fire.by_hand for fire in begun] == [True]
    await settled(schedules.running)
    progress = (await schedules.get()).schedule.progress
    assert (list(progress.beginning), list(progress.fires)) == ([], [])
    await schedules.at(NOON + 5 * MINUTE)
    assert len(slots(state)) == 1


async def test_starts_by_hand_at_the_same_time_are_all_noted(schedules, state):
    await schedules.put(overlap=pb.OVERLAP_SKIP)
    async with asyncio.TaskGroup() as group:
        for key in ("a", "b", "b", "", ""):
            trigger = api.TriggerScheduleRequest(id="nightly", idempotency_key=key)
            group.create_task(call(schedules.stub.TriggerSchedule, trigger))
    await settled(schedules.running)
    progress = (await schedules.get()).schedule.progress
    assert {fire.execution_id for fire in progress.fires} == state.histories.keys()
    assert {*progress.open_executions} == state.histories.keys()
    assert (len(progress.fires), len(progress.beginning)) == (4, 0)


async def test_a_backfill_starts_past_slots_a_few_at_a_time_and_none_twice(
    schedules, state, running
):
    await schedules.put()
    await schedules.at(NOON + 5 * MINUTE)
    request = api.StartBackfillRequest(
        id="nightly",
        from_unix_us=NOON - 10 * MINUTE,
        to_unix_us=NOON + 5 * MINUTE,
        concurrency=2,
        idempotency_key="once",
    )
    backfill = (await call(schedules.stub.StartBackfill, request)).backfill
    assert backfill.slots_total == 4
    assert (await call(schedules.stub.StartBackfill, request)).backfill.id == backfill.id
    other = api.StartBackfillRequest()
    other.CopyFrom(request)
    other.concurrency += 1
    with pytest.raises(IdempotencyConflict):
        await call(schedules.stub.StartBackfill, other)
    await settled(running)
    assert len(slots(state)) == 1 + 2
    async with open_worker(running.channel):
        await until(lambda: len(slots(state)) == 4)
        await until(lambda: all(map(state.ended, state.histories)))
        await until(lambda: done_status(state) != pb.BACKFILL_STATUS_RUNNING)
    assert len({*slots(state)}) == 4
    listed = await call(schedules.stub.ListBackfills, api.ListBackfillsRequest(id="nightly"))
    (done,) = listed.backfills
    assert done.progress.status == pb.BACKFILL_STATUS_COMPLETED
    assert (done.progress.started, done.progress.existing) == (3, 1)


async def test_a_backfill_starts_slots_that_a_removed_schedule_of_that_name_has_run(
    schedules, state
):
    await schedules.put()
    await schedules.at(NOON + 5 * MINUTE)
    await call(schedules.stub.DeleteSchedule, api.DeleteScheduleRequest(id="nightly"))
    await schedules.at(NOON + 6 * MINUTE)
    await schedules.put()
    for key in ("once", "again"):
        request = api.StartBackfillRequest(
            id="nightly", from_unix_us=NOON + 1, to_unix_us=NOON + 6 * MINUTE, idempotency_key=key
        )
        await call(schedules.stub.StartBackfill, request)
        await schedules.at(NOON + 6 * MINUTE)
    assert slots(state) == 2 * ["2025-11-21T12:05:00Z"]


def done_status(state) -> int:
    (row,) = state.schedules.backfill_rows.values()
    return row.progress.status


async def test_a_file_s_schedules_live_with_its_versions(schedules, state):
    flow = REPORT + 'triggers: [{schedule: "*/5 * * * *", params: {n: 3}}]\n'
    stub = schedules.running.stub
    await call(stub.ApplyWorkflow, wf.ApplyWorkflowRequest(source=flow))
    name = "schedule:report:*/5 * * * *"
    await schedules.at(NOON + 5 * MINUTE)
    assert slots(state, name) == ["2025-11-21T12:05:00Z"]
    await call(stub.ApplyWorkflow, wf.ApplyWorkflowRequest(source=REPORT))
    await schedules.at(NOON + 10 * MINUTE)
    assert len(slots(state, name)) == 1
    assert not state.schedules.rows
