"""However coordinators crash, move and mishear, never more run than the limit, everybody gets a
turn, and no slot is lost (I11)."""

import pytest

from support.coordinator.limit_world import World
from support.simulated.effort import EFFORT

SEEDS = 150 * EFFORT


@pytest.mark.parametrize("limit", [1, 2, 5])
def test_never_more_run_than_the_limit_and_all_come_to_their_end(limit: int):
    crowded = settlings = 0
    for seed in range(SEEDS):
        world = World(seed, limit)
        world.join()
        for _ in range(400):
            world.step()
        world.settle()
        left = [name for name, work in world.work.items() if not work["done"]]
        assert not left, f"seed {seed}: these never got a turn: {left}"
        world.rest()
        for node in world.nodes.values():
            if node.alive:
                assert len(node.limits.claims) == 0, f"seed {seed}: claims are left at {node.name}"
                kept = [key for key, _ in node.limits.book]
                assert not kept, f"seed {seed}: slots are left at {node.name}"
        crowded += world.most == limit
        settlings += world.settlings
    assert crowded > SEEDS // 2, "the limit must be reached for this to say anything"
    assert settlings > SEEDS // 2, "shards must be given back with a word that nothing runs"
