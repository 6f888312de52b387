"""Looking for who is due soon."""

import asyncio

from penstock.coordinator.ports import Sleeper
from penstock.coordinator.shell.dormancy.sleepers import Sleepers
from penstock.coordinator.shell.live import Executions
from penstock.coordinator.shell.timers import Timers
from support.coordinator.sleeping import TurnedClock

WINDOW_US = 60_000_000


class Listing:
    """Sleepers as state would list them; `on_asked` is called while it does."""

    def __init__(self, *sleepers: Sleeper) -> None:
        self.sleepers = sorted(sleepers)
        self.on_asked = lambda: None

    async def sleepers_after(self, shards, until_us, after, limit):
        found = [s for s in self.sleepers if s > after and s.wake_us <= until_us][:limit]
        self.on_asked()
        return found


def looking_at(listing: Listing, clock: TurnedClock, **more) -> Sleepers:
    leases = type("Leases", (), {"sleepers": staticmethod(listing.sleepers_after)})
    found = Sleepers(leases, Executions(), Timers(), clock, **more)  # type: ignore[arg-type]
    found.shards = lambda: [1]
    return found


async def test_a_look_arms_who_is_due_within_the_window_and_keeps_to_it_from_then_on():
    clock = TurnedClock()
    now_us = clock.now_us()
    sleepers = looking_at(Listing(Sleeper(now_us + 5, "a"), Sleeper(now_us * 2, "b")), clock)
    assert not sleepers.keeps(now_us)
    await sleepers.look()
    assert sleepers._timers.take_due(now_us * 3) == ["a"]
    assert sleepers.keeps(now_us + WINDOW_US // 2)
    assert not sleepers.keeps(now_us + 2 * WINDOW_US)
    assert not sleepers.keeps(0)


async def test_who_falls_asleep_during_a_look_stays_armed_for_all_of_its_window():
    clock = TurnedClock()
    listing = Listing()
    sleepers = looking_at(listing, clock)
    kept = []
    listing.on_asked = lambda: kept.append(sleepers.keeps(clock.now_us() + WINDOW_US - 1_000_000))
    await sleepers.look()
    assert kept == [True]


async def test_who_is_in_memory_set_aside_or_on_the_way_is_not_armed():
    clock = TurnedClock()
    names = "abcd"
    sleepers = looking_at(Listing(*(Sleeper(n + 1, name) for n, name in enumerate(names))), clock)
    sleepers._executions.by_id["a"] = None  # type: ignore[assignment]
    sleepers._executions.set_aside.add("b")
    sleepers.is_waking = lambda execution_id: execution_id == "c"
    await sleepers.look()
    assert sleepers._timers.take_due(99) == ["d"]


async def test_with_too_many_the_horizon_is_the_last_one_and_the_rest_follows(monkeypatch):
    monkeypatch.setattr("penstock.coordinator.shell.dormancy.sleepers._PAGE", 2)
    clock = TurnedClock()
    listing = Listing(*(Sleeper(n, f"s{n}") for n in range(1, 10)))
    sleepers = looking_at(listing, clock, armed_max=4)
    await sleepers.look()
    assert sleepers.horizon_us == 3
    due = sleepers._timers.take_due(99)
    assert due == ["s1", "s2", "s3", "s4"]
    listing.sleepers = listing.sleepers[4:]
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(sleepers.run())
        await asyncio.sleep(0)
        sleepers.took(4)
        async with asyncio.timeout(5):
            while len(sleepers._timers) < 4:
                await asyncio.sleep(0)
        running.cancel()
