"""Loading a shard: fold the journal of its executions that are at work, adopt what workers still
hold, go on. Executions at rest stay where they are; `sleepers` finds out which are due.

After a load, workers have one second to introduce themselves with what they hold; inputs wait that
long. Then the core voids what nobody named and hands out the next attempts.
"""

import asyncio
from collections.abc import Callable

from penstock.common.errors import PenstockError
from penstock.common.logging import get_logger
from penstock.coordinator.ports import Leases
from penstock.coordinator.shell.live import Executions, Live, Phase, Recovered, Shard
from penstock.coordinator.shell.shards.folding import Folding
from penstock.coordinator.shell.turns import Turns

_AT_ONCE = 4
_BACKOFF_FIRST_S = 0.1
_BACKOFF_MAX_S = 2.0

ADOPTION_S = 1.0
"""How long workers have to say what they hold."""


class Recovery:
    """Brings shards to life."""

    def __init__(
        self,
        leases: Leases,
        folding: Folding,
        executions: Executions,
        turns: Turns,
        adoption_s: float = ADOPTION_S,
    ) -> None:
        self._leases = leases
        self._folding = folding
        self._executions = executions
        self._turns = turns
        self._adoption_s = adoption_s
        self._places = asyncio.Semaphore(_AT_ONCE)
        self._log = get_logger("recovery")
        self.on_loaded: Callable[[Shard], None] = lambda shard: None

    async def bring_to_life(self, shard: Shard) -> None:
        """Load a shard, repeating while state cannot be reached, and let it go on; returns early
        if the shard is lost meanwhile."""
        async with self._places:
            loaded = await self._load_until_done(shard)
        if shard.phase is not Phase.LOADING:
            return
        for live in loaded:
            live.early = []
            self._executions.add(live)
            self._executions.set_aside.discard(live.id)
        shard.phase = Phase.OWNED
        self.on_loaded(shard)
        if not loaded:
            return
        self._log.info("shard_loaded", shard=shard.number, executions=len(loaded))
        await asyncio.sleep(self._adoption_s)
        for live in loaded:
            self._turns.put(live, Recovered())

    async def _load_until_done(self, shard: Shard) -> list[Live]:
        backoff_s = _BACKOFF_FIRST_S
        while shard.phase is Phase.LOADING:
            try:
                return await self._folding.fold(self._leases.load(shard.number), lambda _: shard)
            except PenstockError as error:
                self._log.warning("shard_not_loaded", shard=shard.number, error=str(error))
                await asyncio.sleep(backoff_s)
                backoff_s = min(_BACKOFF_MAX_S, backoff_s * 2)
        return []
