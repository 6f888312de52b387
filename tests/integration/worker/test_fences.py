"""What is under a fence goes on only as long as its coordinator is heard of."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from support.worker_world import open_world

SCRIPT = 'nodes: {a: {run: "return 1"}, b: {run: "return 2"}}'
FENCE_MS = 800


@pytest.fixture
async def world():
    """A worker whose scripts never end."""
    async with open_world() as opened:
        opened.sandbox.hold = True
        yield opened


def begin(world, execution: str = "E1", *, fence_ms: int = FENCE_MS) -> None:
    plan = world.flow(SCRIPT)
    world.dispatch(plan, "a", execution=execution, fence_ms=fence_ms)


@asynccontextmanager
async def beating(world, *, fresh: bool = True) -> AsyncIterator[None]:
    """Beats of a coordinator that hears the worker, or heard it once."""
    first_us = world.coordinator.sent_us

    async def beat() -> None:
        while True:
            echo_us = world.coordinator.sent_us if fresh else first_us
            world.coordinator.send(beat=True, echo_us=echo_us)
            await asyncio.sleep(FENCE_MS / 8000)

    beats = asyncio.create_task(beat())
    try:
        yield
    finally:
        beats.cancel()


async def goes_on(world) -> bool:
    """True if the worker hands nothing back for several times its patience."""
    await asyncio.sleep(4 * FENCE_MS / 1000)
    return world.coordinator.reports.empty()


async def test_without_a_word_it_is_stopped_and_handed_back_and_the_rest_goes_on(world):
    begin(world)
    begin(world, "E2", fence_ms=0)
    report = await world.report()
    assert report.execution_id == "E1"
    assert report.outcomes[0].HasField("lost")
    assert report.outcomes[0].started_unix_us
    assert await goes_on(world)
    assert len(world.sandbox.cancelled) == 1


@pytest.mark.parametrize("fresh", [True, False])
async def test_a_word_counts_from_when_that_was_said_which_it_answers(world, fresh: bool):
    begin(world)
    async with beating(world, fresh=fresh):
        assert await goes_on(world) == fresh


async def test_the_word_of_the_next_process_of_a_coordinator_counts(world):
    begin(world)
    async with beating(world):
        world.coordinator.name = "C2"
        world.coordinator.break_now.set()
        assert await goes_on(world)
    assert len(world.coordinator.hellos) == 2
