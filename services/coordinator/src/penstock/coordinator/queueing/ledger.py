"""What a worker has of each resource and who holds how much of it."""

from collections.abc import Mapping

from penstock.coordinator.queueing.kinds import Amounts, Kind

Holder = tuple[str, int, int]
"""Execution, node, item: an attempt, whatever its number."""


class Ledger:
    """The books of one worker. `held` is what this coordinator's attempts hold; `elsewhere` what
    the worker last said that other coordinators' attempts hold. `claimed_by` is a kind that waited
    for so long that the others leave this worker's resources to it."""

    __slots__ = ("capacity", "claimed_by", "elsewhere", "held", "used")

    def __init__(self, resources: Mapping[str, int]) -> None:
        self.capacity = dict(resources)
        self.held: dict[Holder, Amounts] = {}
        self.used: dict[str, int] = {}
        self.elsewhere: Mapping[str, int] = {}
        self.claimed_by: Kind | None = None

    def hold(self, holder: Holder, amounts: Amounts) -> None:
        """An attempt takes these; taking again changes nothing."""
        if holder in self.held:
            return
        self.held[holder] = amounts
        used = self.used
        for name, amount in amounts:
            used[name] = used.get(name, 0) + amount

    def let_go(self, holder: Holder) -> None:
        """An attempt has ended, whatever way; giving back twice changes nothing."""
        for name, amount in self.held.pop(holder, ()):
            self.used[name] -= amount

    def room_for(self, amounts: Amounts) -> int:
        """How many attempts that take so much fit in now; many if they take nothing."""
        room = 1_000_000
        for name, amount in amounts:
            free = self.capacity.get(name, 0) - self.used.get(name, 0) - self.elsewhere.get(name, 0)
            room = min(room, free // amount)
        return max(0, room)

    def fill(self) -> float:
        """How used the most used resource is, from 0 to 1."""
        shares = [
            (self.used.get(name, 0) + self.elsewhere.get(name, 0)) / most
            for name, most in self.capacity.items()
            if most
        ]
        return max(shares, default=0.0)
