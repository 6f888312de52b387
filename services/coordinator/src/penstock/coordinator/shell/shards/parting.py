"""What the rest of the shell must do when shards go or leases are renewed."""

import asyncio
from collections.abc import Mapping, Sequence

from penstock.common.errors import Unavailable
from penstock.common.logging import get_logger
from penstock.coordinator.limits.keys import is_fenced
from penstock.coordinator.shell.dispatch.holdings import Holdings
from penstock.coordinator.shell.dispatch.release import MOVED, Release
from penstock.coordinator.shell.dispatch.workers import Workers
from penstock.coordinator.shell.limits.gate import Gate
from penstock.coordinator.shell.limits.gated import Permits
from penstock.coordinator.shell.live import Executions, Live, Shard
from penstock.coordinator.shell.turns import Turns

_STOP_S = 1.5
"""How long workers have to say that they stopped what holds a slot; if they do not, whoever takes
the shards next waits until they must have."""


class Parting:
    """The shell as the shards' keeper sees it."""

    def __init__(
        self,
        executions: Executions,
        turns: Turns,
        release: Release,
        holdings: Holdings,
        workers: Workers,
        gate: Gate,
    ) -> None:
        self._executions = executions
        self._turns = turns
        self._release = release
        self._holdings = holdings
        self._workers = workers
        self._gate = gate
        self._stopped = asyncio.Event()
        gate.on_stopped = self._stopped.set
        self._log = get_logger("shards")

    def forget(self, shard: Shard) -> None:
        """Drop a shard's executions: workers stop, who waits is told to ask the new owner."""
        self._gate.forget(shard)
        moved = Unavailable(MOVED)
        for live in list(shard.executions.values()):
            self._holdings.revoke_all(live)
            self._turns.timers.set(live.id, 0)
            self._executions.forget(live)
            for _, caller in live.early or ():
                if caller is not None:
                    caller.on_failed(moved)
            live.early = None
            for waiter in live.waiters:
                waiter.on_failed(moved)
            live.waiters.clear()
        for waiters in shard.absent.values():
            for waiter in waiters:
                waiter.on_failed(moved)
        shard.absent.clear()
        self._release.hand_out()

    async def settle(self, shards: Sequence[Shard]) -> dict[int, int]:
        """Shards are about to be given back: have workers stop what holds a slot, wait a moment
        until they have, and tell of which shards nothing of that kind runs any more, by number with
        the epoch."""
        known = [shard for shard in shards if self._knows_all_of(shard)]
        for shard in known:
            for live in shard.executions.values():
                if live.permits is not None:
                    self._stop(live, live.permits)
        try:
            async with asyncio.timeout(_STOP_S):
                while any(self._gate.is_unsettled(shard) for shard in known):
                    self._stopped.clear()
                    await self._stopped.wait()
        except TimeoutError:
            self._log.warning("workers_still_stopping")
        return {
            shard.number: shard.epoch
            for shard in known
            if self._knows_all_of(shard) and not self._gate.is_unsettled(shard)
        }

    def _knows_all_of(self, shard: Shard) -> bool:
        """True if everything of a shard that runs under a limit is in its executions."""
        if self._release.holds_back or not self._gate.may_be_settled(shard):
            return False
        return all(
            live.early is None for live in shard.executions.values() if live.permits is not None
        )

    def _stop(self, live: Live, permits: Permits) -> None:
        held = [live.state.current_ref(key) for key in live.state.holders]
        fenced = [ref for ref in held if is_fenced(permits.limits, (ref,))]
        if fenced:
            self._gate.revoked(live, permits, fenced)
            self._holdings.revoke_all(live)

    def resume(self) -> None:
        """The leases were renewed: carry out what was held back."""
        self._release.resume()

    def tell_workers(self, members: Mapping[str, str], own: str) -> None:
        """The list of coordinators (id and address) changed; `own` is this one's id."""
        self._workers.tell_coordinators(members.values())
        rank = sorted(members).index(own) if own in members else 0
        self._workers.share_with(len(members), rank)

    async def flushed(self) -> None:
        """Return once what is in flight is answered."""
        await self._turns.appends.flushed()
