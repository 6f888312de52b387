"""Membership and leases in memory: the same promises as PostgreSQL's."""

from collections.abc import Callable, Mapping, Sequence

from penstock.common.errors import Fenced
from penstock.state.ports import NOT_SETTLED, Granted, Lease, Membership
from support.state_twin import MemoryJournal


class MemoryLeases:
    """`LeaseStore` with a clock that tests turn."""

    def __init__(self, journal: MemoryJournal) -> None:
        self._journal = journal
        self._members: dict[str, tuple[str, int, int]] = {}
        self._owners: dict[int, str] = {}
        self._settled: dict[int, bool] = {}
        self.now_ms = 0
        self.schedules_changed: Callable[[], int] = lambda: 0

    async def join(self, coordinator_id: str, address: str, ttl_ms: int) -> Membership:
        self._members[coordinator_id] = (address, self.now_ms, ttl_ms)
        return self._membership()

    async def leave(self, coordinator_id: str) -> Membership:
        self._members.pop(coordinator_id, None)
        self._owners = {s: o for s, o in self._owners.items() if o != coordinator_id}
        return self._membership()

    def owner_of(self, shard: int) -> str | None:
        """Who had the lease on a shard last, None if it was given back."""
        return self._owners.get(shard)

    def _live(self) -> dict[str, str]:
        now = self.now_ms
        return {i: a for i, (a, at, ttl) in self._members.items() if at <= now < at + ttl}

    def _membership(self) -> Membership:
        live = self._live()
        leases = [
            Lease(shard, owner, self._journal.epochs[shard])
            for shard, owner in sorted(self._owners.items())
            if owner in live
        ]
        return Membership(sorted(live.items()), leases, self.schedules_changed())

    async def acquire(self, coordinator_id: str, shards: Sequence[int]) -> list[Granted]:
        live = self._live()
        if coordinator_id not in live:
            raise Fenced(f"coordinator {coordinator_id} is not a live member")
        granted = []
        for shard in sorted(set(shards)):
            owner = self._owners.get(shard)
            if owner in (None, coordinator_id) or owner not in live:
                self._owners[shard] = coordinator_id
                self._journal.epochs[shard] += 1
                head = len(self._journal.rows[shard])
                settled = self._settled.pop(shard, False)
                granted.append(Granted(shard, self._journal.epochs[shard], head, settled))
        return granted

    async def release(
        self, coordinator_id: str, shards: Sequence[int], settled: Mapping[int, int] = NOT_SETTLED
    ) -> None:
        for shard in shards:
            if self._owners.get(shard) == coordinator_id:
                del self._owners[shard]
                self._settled[shard] = settled.get(shard) == self._journal.epochs[shard]
