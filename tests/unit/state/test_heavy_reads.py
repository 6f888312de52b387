"""Heavy reads take turns; small ones do not wait."""

import asyncio

import pytest

from penstock.state.reading.heavy import AT_ONCE_MAX, HEAVY_WEIGHT, HeavyReads


async def test_a_crowd_of_heavy_reads_goes_on_a_few_at_a_time():
    heavy, done = HeavyReads(), []

    async def read(number):
        async with heavy.reading() as reading:
            for _ in range(10):
                await reading.did(HEAVY_WEIGHT)
        done.append(number)

    async with asyncio.TaskGroup() as tasks:
        for number in range(20):
            tasks.create_task(read(number))
    assert sorted(done) == list(range(20))
    assert (heavy.most, heavy.running) == (AT_ONCE_MAX, 0)


@pytest.fixture
async def busy():
    """Heavy reads that are all taken."""
    heavy = HeavyReads()
    for _ in range(AT_ONCE_MAX):
        await heavy.wait_turn()
    return heavy


async def test_a_small_read_does_not_wait_for_large_ones(busy):
    async with busy.reading() as reading:
        await reading.did(HEAVY_WEIGHT - 1)
    assert busy.running == AT_ONCE_MAX


async def test_a_read_that_is_given_up_while_it_waits_leaves_no_trace(busy):
    async def read():
        async with busy.reading() as reading:
            await reading.did(HEAVY_WEIGHT)

    waiting = asyncio.ensure_future(read())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert busy.running == AT_ONCE_MAX
