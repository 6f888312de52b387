"""Long work that lets others run."""

import asyncio

from penstock.common.pacing import BYTES_PER_WEIGHT, STEP_WEIGHT, Pace, weight_of


async def test_others_run_after_every_step_of_some_weight():
    turns = 0

    async def other():
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    running = asyncio.ensure_future(other())
    pace = Pace()
    for _ in range(10 * STEP_WEIGHT):
        await pace.did(1)
    assert (pace.steps, turns) == (10, 10)
    await pace.did(weight_of(0, BYTES_PER_WEIGHT * STEP_WEIGHT))
    assert (pace.steps, turns) == (11, 11)
    running.cancel()


async def test_what_is_small_runs_through():
    pace = Pace()
    for _ in range(STEP_WEIGHT - 1):
        await pace.did(1)
    assert pace.steps == 0
