"""Schedules under two coordinators: each decides about its own, and hears of what the other one
wrote."""

import asyncio

import pytest

from penstock.api.schedule.v1 import schedule_service_pb2 as api
from penstock.common.errors import Unavailable, WrongOwner
from penstock.common.ids import schedule_ulid
from penstock.common.rpc.channel import call
from support.coordinator.scheduling import (
    MINUTE,
    NOON,
    Scheduling,
    StandingClock,
    apply_report,
    settled,
    slots,
    triggers,
)
from support.coordinator.sleeping import until

NAMES = [f"s{number}" for number in range(12)]


@pytest.fixture
def clock():
    return StandingClock()


@pytest.fixture
async def two(opened, state, clock):
    """Two coordinators that share the shards."""
    await apply_report(state)
    async with (
        opened(state, clock=clock, address="one:1") as one,
        opened(state, clock=clock, address="two:1") as two,
    ):
        await until(lambda: one.shell.shards.owned and two.shell.shards.owned)
        await until(lambda: len(one.shell.shards) + len(two.shell.shards) == state.shard_count)
        yield Scheduling(one, state, clock), Scheduling(two, state, clock)


def owner(two, name: str) -> int:
    """Which of the two owns a schedule."""
    for place, scheduling in enumerate(two):
        try:
            scheduling.running.shell.shards.of(schedule_ulid("default", name))
        except (WrongOwner, Unavailable):
            continue
        return place
    raise AssertionError("nobody owns it")


async def test_each_fires_the_schedules_of_its_shards_and_none_twice(two, state, clock):
    for name in NAMES:
        await two[0].put(name)
    clock.at_us = NOON + 5 * MINUTE
    await asyncio.gather(*(settled(each.running) for each in two))
    assert sorted(trigger["schedule"] for trigger in triggers(state)) == sorted(NAMES)
    assert {owner(two, name) for name in NAMES} == {0, 1}


async def test_what_is_written_through_one_is_heard_of_by_the_other(two, state, clock):
    away = next(name for name in NAMES if owner(two, name) == 1)
    await two[0].put(away)
    clock.at_us = NOON + 5 * MINUTE
    await until(lambda: slots(state, away))


async def test_a_start_by_hand_is_sent_to_the_owner(two):
    away = next(name for name in NAMES if owner(two, name) == 1)
    await two[0].put(away)
    shards = two[0].running.shell.shards
    await until(lambda: shards.is_elsewhere(schedule_ulid("default", away)))
    request = api.TriggerScheduleRequest(id=away)
    with pytest.raises(WrongOwner) as refused:
        await call(two[0].stub.TriggerSchedule, request)
    assert refused.value.facts["owner"] == "two:1"
    assert (await call(two[1].stub.TriggerSchedule, request)).execution_id


async def test_the_other_takes_over_what_one_leaves_behind(two, state, clock):
    for name in NAMES:
        await two[0].put(name)
    clock.at_us = NOON + 5 * MINUTE
    await asyncio.gather(*(settled(each.running) for each in two))
    await two[0].running.shell.close()
    clock.at_us = NOON + 10 * MINUTE
    await until(lambda: len(list(triggers(state))) == 2 * len(NAMES))
    started = [(trigger["schedule"], trigger["scheduled_at"]) for trigger in triggers(state)]
    assert len({*started}) == 2 * len(NAMES)
