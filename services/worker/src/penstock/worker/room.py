"""Room for attempts that ask for resources. The worker has the last word about what it has.

Each coordinator counts what it gave this worker, and hears what the others did (`beside`). Two may
still give at the same moment what only one can have: then the later attempt waits here, unbegun, in
the order of coming, so that what runs never takes more than there is.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

from penstock.worker.leases import Lease, Session

_GRAIN = 1_000
"""Amounts are counted in thousandths, so that taking and giving back is exact."""

Begin = Callable[[], None]


class _Asked(NamedTuple):
    """What an attempt takes, and how it begins."""

    amounts: Mapping[str, int]
    begin: Begin


class Room:
    """What this worker has, who holds it, and who waits for it. `on_change` hears of the session
    whose share changed."""

    def __init__(self, capacity: Mapping[str, float]) -> None:
        self._capacity = _counted(capacity)
        self._used: dict[str, int] = {}
        self._held: dict[Lease, Mapping[str, int]] = {}
        self._waiting: dict[Lease, _Asked] = {}
        self._open = True
        self.on_change: Callable[[Session], None] = lambda session: None

    def close(self) -> None:
        """Nothing that waits begins any more."""
        self._open = False

    def begin(self, lease: Lease, resources: Mapping[str, float], begin: Begin) -> None:
        """Begin an attempt once there is room; it holds its part until its lease is done."""
        lease.done = partial(self._leave, lease)
        lease.stop = partial(self._waiting.pop, lease, None)
        self._waiting[lease] = _Asked(_counted(resources), begin)
        self._let_in()
        self.on_change(lease.session)

    def beside(self, session: Session | None) -> dict[str, float]:
        """What attempts of other sessions hold or are about to."""
        total: dict[str, int] = {}
        waiting = {lease: asked.amounts for lease, asked in self._waiting.items()}
        for lease, amounts in (self._held | waiting).items():
            if lease.session is not session:
                for name, amount in amounts.items():
                    total[name] = total.get(name, 0) + amount
        return {name: amount / _GRAIN for name, amount in total.items()}

    @property
    def taken(self) -> bool:
        """True if anybody holds something or waits for it."""
        return bool(self._held or self._waiting)

    def _let_in(self) -> None:
        """Begin those that wait, as long as the next one has room."""
        while self._waiting and self._open:
            lease, asked = next(iter(self._waiting.items()))
            if not self._has_room(asked.amounts):
                return
            del self._waiting[lease]
            self._held[lease] = asked.amounts
            for name, amount in asked.amounts.items():
                self._used[name] = self._used.get(name, 0) + amount
            lease.stop = None
            asked.begin()

    def _has_room(self, amounts: Mapping[str, int]) -> bool:
        """True if it fits, or takes more than there ever is and nobody else is in."""
        return all(
            self._used.get(name, 0) + amount <= self._capacity.get(name, 0)
            or not self._used.get(name, 0)
            for name, amount in amounts.items()
        )

    def _leave(self, lease: Lease) -> None:
        """An attempt has ended, or is abandoned."""
        self._waiting.pop(lease, None)
        for name, amount in self._held.pop(lease, {}).items():
            self._used[name] -= amount
        self._let_in()
        self.on_change(lease.session)


def _counted(resources: Mapping[str, float]) -> dict[str, int]:
    return {name: round(amount * _GRAIN) for name, amount in resources.items()}
