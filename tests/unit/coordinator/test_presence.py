"""Presence: whoever asks at the same time is asked for together, and all of them hear."""

import asyncio

import pytest

from penstock.common.clock import SystemClock
from penstock.common.errors import Unavailable
from penstock.coordinator.shell.process import Process
from penstock.coordinator.shell.starts.presence import Presence


class Known:
    """State that knows some executions of accounts; it answers when it may."""

    def __init__(self, *known):
        self._known = set(known)
        self.may = asyncio.Event()
        self.may.set()
        self.down = False
        self.asked = []

    async def known(self, tenant, execution_ids):
        self.asked.append((tenant, len(execution_ids)))
        await self.may.wait()
        if self.down:
            raise Unavailable("state is down")
        return [one for one in execution_ids if (tenant, one) in self._known]


async def answers(state, *asked):
    """What is said to these (account, execution), all at once."""
    async with asyncio.TaskGroup() as group:
        presence = Presence(state, Process(group, SystemClock(), str))
        tasks = [group.create_task(presence.is_known(*each)) for each in asked]
    return [task.result() for task in tasks]


async def test_those_who_ask_at_once_share_a_question():
    state = Known(("a", "3"))
    found = await answers(state, *[("a", str(n)) for n in range(500)])
    assert [n for n, one in enumerate(found) if one] == [3]
    assert state.asked == [("a", 500)]


async def test_accounts_are_asked_for_apart():
    state = Known(("a", "1"), ("b", "2"))
    found = await answers(state, ("a", "1"), ("b", "1"), ("a", "2"), ("b", "2"))
    assert found == [True, False, False, True]
    assert state.asked == [("a", 2), ("b", 2)]


async def test_no_question_is_larger_than_state_answers():
    state = Known()
    await answers(state, *[("a", str(n)) for n in range(2_500)])
    assert state.asked == [("a", 1_000), ("a", 1_000), ("a", 500)]


async def test_whoever_comes_while_questions_are_on_their_way_gathers():
    state = Known()
    state.may.clear()
    async with asyncio.TaskGroup() as group:
        presence = Presence(state, Process(group, SystemClock(), str))
        for number in range(40):
            group.create_task(presence.is_known("a", str(number)))
            for _ in range(5):
                await asyncio.sleep(0)
        state.may.set()
    assert state.asked == [("a", 1)] * 4 + [("a", 36)]


async def test_one_who_gives_up_does_not_take_the_answer_from_the_others():
    state = Known(("a", "2"))
    state.may.clear()
    async with asyncio.TaskGroup() as group:
        presence = Presence(state, Process(group, SystemClock(), str))
        impatient = group.create_task(presence.is_known("a", "1"))
        patient = group.create_task(presence.is_known("a", "2"))
        while not state.asked:
            await asyncio.sleep(0)
        impatient.cancel()
        state.may.set()
    assert patient.result() is True


async def test_an_error_is_told_to_all_and_the_next_question_is_a_new_one():
    state = Known(("a", "1"))
    state.down = True
    async with asyncio.TaskGroup() as group:
        presence = Presence(state, Process(group, SystemClock(), str))
        with pytest.raises(Unavailable):
            await presence.is_known("a", "1")
        state.down = False
        assert await presence.is_known("a", "1")
