"""The calls of one tenant that wait for a jail, and who gets which."""

from collections import deque
from dataclasses import dataclass, field

from penstock.sandbox.front.calls import InFlight
from penstock.sandbox.front.jail import Jail

BATCH_MAX = 256
"""Calls per crossing: enough to spread its cost; few, so that a slow call holds up few others."""

_SHARE_MIN = 16


@dataclass(slots=True)
class TenantQueue:
    """The waiting calls of one tenant, and the jails that serve it.

    `alone` are suspects after a jail died of nobody knows which call: each is run with no other in
    the jail.
    """

    tenant: str
    waiting: deque[InFlight] = field(default_factory=deque)
    alone: deque[InFlight] = field(default_factory=deque)
    jails: list[Jail] = field(default_factory=list)

    @property
    def has_calls(self) -> bool:
        """Whether any call waits."""
        return bool(self.waiting or self.alone)

    def put(self, call: InFlight) -> None:
        """Queue a call."""
        (self.alone if call.is_alone else self.waiting).append(call)

    def share(self, jail: Jail, free: int) -> list[InFlight]:
        """Take the calls that a free jail gets now, as one of `free` free jails."""
        if jail.is_quarantine and jail.in_flight:
            return []
        jail.is_quarantine = False
        if self.alone:
            return [] if jail.in_flight else self._suspect(jail)
        count = min(BATCH_MAX, max(_SHARE_MIN, -(-len(self.waiting) // free)))
        taken = [self.waiting.popleft() for _ in range(min(count, len(self.waiting)))]
        return [call for call in taken if not call.is_dropped]

    def _suspect(self, jail: Jail) -> list[InFlight]:
        while self.alone:
            call = self.alone.popleft()
            if not call.is_dropped:
                jail.is_quarantine = True
                return [call]
        return []
