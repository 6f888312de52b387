"""The loop over limits wakes up for all that lets it grant."""

import asyncio

from penstock.common.ids import shard_of
from penstock.coordinator.limits.claims import KeyOwner
from penstock.coordinator.limits.permits import Ask, PermitId, SlotRule
from penstock.coordinator.shell.limits.cluster_limits import ClusterLimits
from penstock.coordinator.shell.live import Shard
from support.coordinator.limit_node import Time


class Always:
    def holds(self) -> bool:
        return True


def named(shard: int) -> str:
    """A text of this shard, of two."""
    return next(text for text in map(str, range(100)) if shard_of(text, 2) == shard)


async def test_who_holds_the_last_shard_may_be_heard_after_everybody_has_spoken():
    """Then state's answer alone lets keys open, and nothing else comes to wake the loop."""
    limits = ClusterLimits("a", Time(), Always(), 8.0)
    granted = asyncio.Event()
    limits.on_told = lambda told: granted.set()
    both = {number: KeyOwner("a", 1) for number in (0, 1)}
    limits.follow(2, {"a": ""}, {0: both[0]})
    for number in (0, 1):
        limits.loaded(Shard(number, 1, 0, settled=True))
    async with asyncio.TaskGroup() as group:
        loop = group.create_task(limits.run())
        limits.ask(Ask(PermitId(named(1)), named(0), SlotRule(1), 5, 0, 1))
        limits.hear_sync("a", limits.sync_for("a"))
        for _ in range(10):  # it has nothing to do and goes to sleep
            await asyncio.sleep(0)
        limits.follow(2, {"a": ""}, both)
        async with asyncio.timeout(5):
            await granted.wait()
        loop.cancel()
