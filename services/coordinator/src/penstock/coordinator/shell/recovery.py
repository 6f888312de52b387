"""Loading a shard: fold the journal of its live executions, adopt what workers still hold, go on.

After a load, workers have one second to introduce themselves with what they hold; inputs wait that
long. Then the core voids what nobody named and hands out the next attempts.
"""

import asyncio
from collections.abc import Callable

from penstock.api.journal.v1.journal_pb2 import EventBatch
from penstock.common.errors import PenstockError
from penstock.common.journal_codec import batch_from_proto
from penstock.common.logging import get_logger
from penstock.coordinator.ports import Leases
from penstock.coordinator.shell.definitions import Definitions
from penstock.coordinator.shell.live import Executions, Live, Phase, Recovered, Shard
from penstock.coordinator.shell.turns import Turns

_AT_ONCE = 4
_BREATH_ROWS = 200
_BACKOFF_FIRST_S = 0.1
_BACKOFF_MAX_S = 2.0

ADOPTION_S = 1.0
"""How long workers have to say what they hold."""


class Recovery:
    """Brings shards to life."""

    def __init__(
        self,
        leases: Leases,
        definitions: Definitions,
        executions: Executions,
        turns: Turns,
        adoption_s: float = ADOPTION_S,
    ) -> None:
        self._leases = leases
        self._definitions = definitions
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
            live.started = True
            self._executions.add(live)
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
                return await self._load(shard)
            except PenstockError as error:
                self._log.warning("shard_not_loaded", shard=shard.number, error=str(error))
                await asyncio.sleep(backoff_s)
                backoff_s = min(_BACKOFF_MAX_S, backoff_s * 2)
        return []

    async def _load(self, shard: Shard) -> list[Live]:
        loaded: list[Live] = []
        broken = ""
        rows = 0
        async for batch in self._leases.load(shard.number):
            rows += 1
            if rows % _BREATH_ROWS == 0:
                await asyncio.sleep(0)
            if batch.execution_id == broken:
                continue
            try:
                if not loaded or loaded[-1].id != batch.execution_id:
                    loaded.append(await self._opened(shard, batch))
                _, first_seq, at_us, events = batch_from_proto(batch)
                loaded[-1].state.apply_batch(events, first_seq, at_us)
            except PenstockError as error:
                if error.retryable:
                    raise
                broken = self._set_aside(batch, loaded, error)
            except Exception as error:  # noqa: BLE001 - one damaged history must not stop the rest
                broken = self._set_aside(batch, loaded, error)
        return [live for live in loaded if live.state.end is None]

    def _set_aside(self, batch: EventBatch, loaded: list[Live], error: Exception) -> str:
        """Leave an execution that cannot be folded in the journal, for a fixed version to load."""
        if loaded and loaded[-1].id == batch.execution_id:
            loaded.pop()
        self._log.error(
            "execution_set_aside",
            execution=batch.execution_id,
            error=repr(error),
            exc_info=error,
        )
        return batch.execution_id

    async def _opened(self, shard: Shard, first: EventBatch) -> Live:
        started = first.events[0].execution_started
        plan = await self._definitions.plan_of(started.definition_hash)
        return Live(first.execution_id, started.tenant, shard, plan)
