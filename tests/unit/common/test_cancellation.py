"""A cancel that got lost is brought back."""

import asyncio
import contextlib

import pytest

from penstock.common.cancellation import insist_on_cancel


async def test_a_cancel_that_wait_for_lost_ends_the_task_all_the_same():
    answer = asyncio.get_running_loop().create_future()
    went_on = []

    async def ask():
        with contextlib.suppress(asyncio.CancelledError):  # as code beneath us may lose it
            await answer
        insist_on_cancel()
        went_on.append(True)

    task = asyncio.create_task(ask())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not went_on


async def test_who_was_not_cancelled_goes_on():
    async with asyncio.timeout(10):
        insist_on_cancel()
    insist_on_cancel()
