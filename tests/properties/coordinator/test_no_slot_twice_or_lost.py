"""Whatever becomes of coordinators, clocks and state: each slot is decided, and has at most one run
(I9)."""

import asyncio
import json
from contextlib import AsyncExitStack
from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from penstock.api.schedule.v1 import schedule_pb2 as pb
from penstock.api.state.v1.schedule_store_pb2 import SaveScheduleRequest
from penstock.common.errors import PenstockError, Unavailable
from penstock.common.schedule_codec import timing_of
from penstock.coordinator.settings import Settings
from penstock.coordinator.shell.coordinator import Coordinator, open_coordinator
from penstock.coordinator.shell.schedules.runs import instant_text
from penstock.nodes import catalog
from support.coordinator.memory_state import MemoryState
from support.coordinator.scheduling import MINUTE, NOON, StandingClock, apply_report

SHARDS = 4
NAMES = ("a", "b", "c", "d", "e", "f")
CRONS = ("* * * * *", "*/2 * * * *", "*/20 * * * * *")


class World:
    """Coordinators over one state; everything random comes from `rng`. `told` is what progress
    said that was recorded: outcomes by schedule and slot."""

    def __init__(self, rng: Random, overlap: pb.Overlap.ValueType) -> None:
        self.rng = rng
        self.overlap = overlap
        self.state = MemoryState(SHARDS)
        self.clock = StandingClock()
        self.latest_us = NOON
        self.told: dict[tuple[str, int], set[int]] = {}
        self.shells: list[tuple[Coordinator, AsyncExitStack]] = []
        self._record = self.state.schedules.record
        self.state.schedules.record = self.record

    async def record(self, decided):
        """Now and then state dies before or after it has written what was decided."""
        chance = self.rng.random()
        if chance < 0.15:
            raise Unavailable("state died before the write")
        refused = await self._record(decided)
        for one in decided.schedules:
            if one.shard not in refused:
                for fire in one.progress.fires:
                    self.told.setdefault((one.id, fire.slot_unix_us), set()).add(fire.outcome)
        if chance > 0.85:
            raise Unavailable("state died after the write")
        return refused

    async def put(self, name: str, cron: str) -> None:
        timing = pb.Timing(
            cron=cron, timezone="UTC", overlap=self.overlap, catch_up=pb.CATCH_UP_ALL
        )
        schedule = pb.Schedule(id=name, workflow="report", timing=timing)
        asked = SaveScheduleRequest(schedule=schedule, now_unix_us=NOON)
        await self.state.schedules.save("default", asked)

    async def open(self) -> None:
        stack = AsyncExitStack()
        shell = await stack.enter_async_context(
            open_coordinator(Settings(audit_period_ms=0), self.state.ports(), catalog(), self.clock)
        )
        shell.shards._recovery._adoption_s = 0.0
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        shell.tasks_of_test = tasks
        shell.join(f"h:{self.rng.randrange(10**9)}")
        self.shells.append((shell, stack))
        await self.renew()

    async def close(self) -> None:
        _, stack = self.shells.pop(self.rng.randrange(len(self.shells)))
        await stack.aclose()
        await self.renew()

    def cut_off(self) -> None:
        """Taken for dead: others take the shards while it still acts."""
        self.state.members.pop(self.rng.choice(self.shells)[0].id, None)

    async def renew(self) -> None:
        for _ in range(2):
            for shell, _ in self.shells:
                await shell.shards.renew(shell.tasks_of_test)
            for _ in range(10):
                await asyncio.sleep(0)

    async def look(self, shell: Coordinator) -> None:
        try:
            async with asyncio.timeout(5):
                await shell.keeper.look()
        except PenstockError:
            return

    async def turn(self) -> None:
        rng = self.rng
        match rng.randrange(9):
            case 0 | 1 | 2:
                self.clock.at_us += rng.choice((1_000, 17_000_000, MINUTE, 4 * MINUTE))
                self.latest_us = max(self.latest_us, self.clock.at_us)
            case 3:
                self.clock.at_us -= rng.choice((1_000, 20_000_000, 3 * MINUTE))
            case 4 if len(self.shells) < 3:
                await self.open()
            case 5 if len(self.shells) > 1:
                await self.close()
            case 6:
                self.cut_off()
                if rng.random() < 0.5:
                    await self.renew()
            case _:
                await self.look(rng.choice(self.shells)[0])

    async def settle(self) -> None:
        """Calm comes, and whatever is due is decided."""
        self.state.schedules.record = self._record_calmly
        async with asyncio.timeout(20):
            while not self.all_decided():
                self.clock.at_us = max(self.clock.at_us, self.latest_us)
                await self.renew()
                for shell, _ in self.shells:
                    await self.look(shell)

    async def _record_calmly(self, decided):
        refused = await self._record(decided)
        for one in decided.schedules:
            for fire in one.progress.fires if one.shard not in refused else ():
                self.told.setdefault((one.id, fire.slot_unix_us), set()).add(fire.outcome)
        return refused

    def all_decided(self) -> bool:
        return all(
            not 0 < timing_of(row).due_us(row.progress.cursor_unix_us) <= self.latest_us
            for row in self.state.schedules.rows.values()
        )

    def runs(self) -> list[tuple[str, str]]:
        """Schedule and slot of every execution."""
        found = []
        for rows in self.state.histories.values():
            trigger = json.loads(rows[0].events[0].execution_started.trigger.json)
            found.append((trigger["schedule"], trigger["scheduled_at"]))
        return found


async def live_through(rng: Random, turns: int, overlap: pb.Overlap.ValueType) -> World:
    world = World(rng, overlap)
    await apply_report(world.state)
    for name in NAMES:
        await world.put(name, rng.choice(CRONS))
    await world.open()
    try:
        for _ in range(turns):
            await world.turn()
        await world.settle()
    finally:
        while world.shells:
            await world.close()
    return world


def expected(world: World, name: str) -> int:
    """How many slots of a schedule have come."""
    row = world.state.schedules.rows["default", name]
    return sum(1 for _ in timing_of(row).cron.between(NOON, world.latest_us))


def slots_told(world: World, name: str, *outcomes: int) -> set[str]:
    """Slots of which one of these was recorded."""
    return {
        instant_text(slot_us)
        for (schedule, slot_us), told in world.told.items()
        if schedule == name and told & {*outcomes}
    }


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
@given(st.integers(0, 2**32), st.integers(5, 60))
def test_every_slot_that_has_come_has_exactly_one_run(seed: int, turns: int) -> None:
    world = asyncio.run(live_through(Random(seed), turns, pb.OVERLAP_ALLOW))
    runs = world.runs()
    assert len(runs) == len({*runs})
    for name in NAMES:
        assert sum(1 for schedule, _ in runs if schedule == name) == expected(world, name)


@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
@given(
    st.integers(0, 2**32),
    st.integers(5, 60),
    st.sampled_from((pb.OVERLAP_SKIP, pb.OVERLAP_QUEUE, pb.OVERLAP_CANCEL_RUNNING)),
)
def test_a_slot_that_was_not_started_has_no_run_and_one_run_at_most_goes_on(
    seed: int, turns: int, overlap: pb.Overlap.ValueType
) -> None:
    world = asyncio.run(live_through(Random(seed), turns, overlap))
    runs = world.runs()
    assert len(runs) == len({*runs})
    for name in NAMES:
        own = [
            rows[0].execution_id
            for rows in world.state.histories.values()
            if json.loads(rows[0].events[0].execution_started.trigger.json)["schedule"] == name
        ]
        going_on = [each for each in own if not world.state.ended(each)]
        assert len(going_on) <= 1
        began = {slot for schedule, slot in runs if schedule == name}
        assert not began & slots_told(world, name, pb.OUTCOME_SKIPPED, pb.OUTCOME_MISSED)
        assert slots_told(world, name, pb.OUTCOME_STARTED) <= began
        if expected(world, name):
            assert own
