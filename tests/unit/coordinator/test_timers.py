"""Wake-ups in order, never early, without a trace of those that moved."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from penstock.coordinator.shell.timers import Timers


def test_due_timers_come_out_in_order_and_once():
    timers = Timers()
    for name, at_us in (("c", 30), ("a", 10), ("b", 20)):
        timers.set(name, at_us)
    assert timers.take_due(20) == ["a", "b"]
    assert timers.take_due(20) == []
    assert timers.next_us() == 30


def test_a_moved_timer_fires_at_its_new_time_only():
    timers = Timers()
    timers.set("a", 10)
    timers.set("a", 50)
    assert timers.take_due(49) == []
    assert timers.take_due(50) == ["a"]


def test_a_cleared_timer_does_not_fire():
    timers = Timers()
    timers.set("a", 10)
    timers.set("a", 0)
    assert timers.next_us() == 0
    assert timers.take_due(100) == []


def test_stale_entries_do_not_pile_up():
    timers = Timers()
    for at_us in range(1, 100_000):
        timers.set("a", at_us)
    assert len(timers._wakeups._heap) < 5_000
    assert timers.next_us() == 99_999


@given(st.lists(st.tuples(st.sampled_from("abcde"), st.integers(0, 50))))
def test_the_heap_agrees_with_a_plain_table(steps):
    timers, table = Timers(), {}
    for key, at_us in steps:
        timers.set(key, at_us)
        table[key] = at_us
    armed = {key: at for key, at in table.items() if at}
    assert timers.next_us() == min(armed.values(), default=0)
    assert set(timers.take_due(25)) == {key for key, at in armed.items() if at <= 25}


class JumpingClock:
    def __init__(self) -> None:
        self.us = 0

    def now_us(self) -> int:
        self.us += 400_000_000
        return self.us

    def monotonic(self) -> float:
        return 0.0


async def test_an_earlier_timer_ends_the_wait():
    timers = Timers()
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        waiting = group.create_task(timers.wait(JumpingClock()))
        await asyncio.sleep(0)
        assert not waiting.done()
        timers.set("a", 1)
    assert timers.next_us() == 1
