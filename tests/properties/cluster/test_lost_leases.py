"""A coordinator that loses its shards and takes them again goes on with what was running there."""

import asyncio
from collections.abc import Callable

import pytest

from support.simulated.flows import flow, js
from support.simulated.world import World

pytestmark = pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")

LONG_MS = 6_000
"""Longer than everything that happens here."""


def at(*planned: tuple[float, Callable[[World], None]]) -> Callable[[World, str], None]:
    """Mischief that does things so many seconds after the first point."""
    done: list[float] = []

    def happen(world: World, what: str) -> None:
        if not done:
            done.append(world.fabric.now())
            for after_s, act in planned:
                asyncio.get_running_loop().call_later(after_s, act, world)

    return happen


def kill_coordinator(world: World) -> None:
    world.kill("coordinator")


def lose_all_shards(world: World) -> None:
    for shard in range(world.disk.shard_count):
        world.disk.steal(shard)


@pytest.mark.parametrize("times", [0, 1, 2, 3])
def test_what_ran_is_run_again_however_often_the_shard_is_lost(times: int) -> None:
    """The worker says what it holds to the second coordinator only, and is told to stop whenever
    that loses a shard: its word must not count again when the shard is back."""
    losses = [(3.0 + 2.5 * number, lose_all_shards) for number in range(times)]
    mischief = at((0.5, kill_coordinator), *losses)
    source = flow("slow", {"a": js(ms=LONG_MS), "b": js("a")})
    world = World(1, {"slow": source}, calm=True, mischief=mischief).run({"key": "slow"})
    world.check(f"{times} losses")
    assert world.end("key").status == 2
