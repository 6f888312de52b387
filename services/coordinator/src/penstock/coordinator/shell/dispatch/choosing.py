"""Choosing a worker where the quick way of `placement` does not do: for what asks for labels or
resources, and in pools that are balanced in another way than by how busy workers are.

Every choice looks at all workers that suit, so it costs O(workers of the pool); what asks for
nothing in a pool of the usual balance never comes here.
"""

from collections.abc import Callable, Iterable
from hashlib import blake2b
from typing import Generic

from penstock.coordinator.queueing.kinds import NOWHERE, Demand, Kind
from penstock.coordinator.shell.dispatch.balances import Balance
from penstock.coordinator.shell.dispatch.placement import (
    Seat,
    SeatT,
    fill_of,
    is_fuller,
    rather_own,
    room_of,
)

_HOME_SHARE = 0.25
"""Work stays where its key belongs until that worker is filled by so much of its credits more than
the least busy one."""


def _drawn(key: str, name: str) -> bytes:
    return blake2b(f"{key}\x1f{name}".encode(), digest_size=8).digest()


class Choosy(Generic[SeatT]):
    """A crew for one kind: the workers that suit it, and the way to choose one of them."""

    def __init__(self, kind: Kind, seats: Iterable[SeatT], balance: Balance) -> None:
        demand = kind.demand or Demand()
        self._kind = kind
        self._amounts = demand.resources
        self._stays = demand.affinity != NOWHERE
        self._turn = 0
        self._served: dict[SeatT, int] = {
            seat: 0 for seat in seats if demand.allows(seat.labels, seat.ledger.capacity)
        }
        self._rank = self._rank_by(balance)

    def __len__(self) -> int:
        return len(self._served)

    def least(self) -> SeatT | None:
        """The one whose turn it is, of those that have room, rather an own one."""
        near, far = self._first(away=False), self._first(away=True)
        return self._chosen(rather_own(near, far))

    def least_of_all(self) -> SeatT | None:
        """The same, own or not."""
        near, far = self._first(away=False), self._first(away=True)
        if near is None or far is None:
            return self._chosen(near or far)
        return self._chosen(min(near, far, key=self._rank))

    def keeps(self, seat: Seat) -> bool:
        """Whether work may stay with this worker."""
        if not self._stays or seat not in self._served or not self._takes(seat):
            return False
        near, far = self._first(away=False), self._first(away=True)
        return not is_fuller(seat, rather_own(near, far))

    def home_of(self, key: str) -> SeatT | None:
        """Where work with this key belongs: the same worker for every coordinator, and as long as
        it is there (rendezvous hashing). None if that one has no room or is much fuller."""
        home = max(self._served, key=lambda seat: _drawn(key, seat.name), default=None)
        if home is None or not self._takes(home):
            return None
        near, far = self._first(away=False), self._first(away=True)
        least = min(fill_of(seat) for seat in (near, far) if seat is not None)
        return home if fill_of(home) <= least + _HOME_SHARE else None

    def claim(self) -> None:
        """What waits has waited for long: let the one that is closest to having room for it fill up
        no further with others' work."""
        claimed = [seat for seat in self._served if seat.ledger.claimed_by == self._kind]
        if claimed:
            return
        open_ones = [seat for seat in self._served if seat.ledger.claimed_by is None]
        best = min(open_ones, key=lambda seat: seat.ledger.fill(), default=None)
        if best is not None:
            best.ledger.claimed_by = self._kind

    def settle(self) -> None:
        """It waits no more: whatever was claimed for it is open to all."""
        for seat in self._served:
            if seat.ledger.claimed_by == self._kind:
                seat.ledger.claimed_by = None

    def _takes(self, seat: Seat) -> bool:
        if not self._amounts:
            return seat.free > 0
        claimed = seat.ledger.claimed_by
        return claimed in (None, self._kind) and room_of(seat, self._amounts) > 0

    def _first(self, *, away: bool) -> SeatT | None:
        some = [seat for seat in self._served if seat.away == away and self._takes(seat)]
        return min(some, key=self._rank, default=None)

    def _chosen(self, seat: SeatT | None) -> SeatT | None:
        if seat is not None:
            self._turn += 1
            self._served[seat] = self._turn
        return seat

    def _rank_by(self, balance: Balance) -> Callable[[SeatT], tuple[float, ...]]:
        """What makes one worker come before another; equals take turns."""
        served = self._served
        if balance == "round_robin":
            return lambda seat: (served[seat],)
        if balance == "resources":
            return lambda seat: (seat.ledger.fill(), fill_of(seat), served[seat])
        return lambda seat: (fill_of(seat), served[seat])
