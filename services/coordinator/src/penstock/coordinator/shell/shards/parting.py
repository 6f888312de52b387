"""What the rest of the shell must do when shards go or leases are renewed."""

from collections.abc import Mapping

from penstock.common.errors import Unavailable
from penstock.coordinator.shell.dispatch.holdings import Holdings
from penstock.coordinator.shell.dispatch.release import MOVED, Release
from penstock.coordinator.shell.dispatch.workers import Workers
from penstock.coordinator.shell.limits.gate import Gate
from penstock.coordinator.shell.live import Executions, Shard
from penstock.coordinator.shell.turns import Turns


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
