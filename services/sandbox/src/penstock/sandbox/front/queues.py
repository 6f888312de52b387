"""The waiting calls of one tenant, and who gets which."""

import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from penstock.sandbox.front.calls import InFlight
from penstock.sandbox.front.jail import Jail

BATCH_MAX = 256
"""Calls per crossing: enough to spread its cost; few, so that a slow call holds up few others."""

CROSSING_US = 4_000.0
"""What the calls of one crossing may be expected to take together; one call may take longer. So
slow calls go in few at a time, and other jails can share them."""

SPREAD_S = 0.012
"""How long calls may wait for a jail that is at work while another one is free."""

PRESSURE_S = 0.02
"""How long calls may wait before a further jail is started for them."""


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
    is_due: bool = False

    @property
    def has_calls(self) -> bool:
        """Whether any call waits."""
        return bool(self.waiting or self.alone)

    @property
    def size(self) -> int:
        """How many calls wait."""
        return sum([item.count for item in self.waiting]) + len(self.alone)

    @property
    def oldest(self) -> float:
        """Since when the call waits that has waited longest; infinity if none does."""
        heads = [queue[0].since for queue in (self.waiting, self.alone) if queue]
        return min(heads, default=float("inf"))

    def wants_another(self, now: float) -> bool:
        """Whether a free jail is to be used: not if one that is at work will soon be done with all
        that waits. One that takes long although it has hardly run is short of processors, and
        another would not help."""
        busy = [jail for jail in self.jails if jail.is_busy]
        if not busy:
            return True
        if now - self.oldest >= SPREAD_S:
            return min([jail.spent_s() for jail in busy]) >= SPREAD_S / 2
        backlog_s = sum([item.count * item.pace.us for item in self.waiting]) / 1e6
        return min([jail.busy_until for jail in busy]) - now + backlog_s > SPREAD_S

    def put(self, call: InFlight) -> None:
        """Queue a call."""
        (self.alone if call.is_alone else self.waiting).append(call)

    def share(self, jail: Jail) -> list[InFlight]:
        """Take the calls that a free jail gets now."""
        if jail.is_quarantine and jail.in_flight:
            return []
        jail.is_quarantine = False
        if self.alone:
            return [] if jail.in_flight else self._suspect(jail)
        taken: list[InFlight] = []
        room, left_us = BATCH_MAX, CROSSING_US
        while self.waiting and room and (left_us > 0 or not taken):
            item = self._next(min(room, max(0 if taken else 1, int(left_us / self._pace_us()))))
            if item is None:
                break
            if item.is_dropped or (whole := item.without_cancelled()) is None:
                continue
            taken.append(whole)
            room -= whole.count
            left_us -= whole.count * whole.pace.us
        return taken

    def _pace_us(self) -> float:
        return self.waiting[0].pace.us

    def _next(self, count_max: int) -> InFlight | None:
        """Take the first that waits, or as much of it as may be."""
        if count_max <= 0:
            return None
        if self.waiting[0].count <= count_max:
            return self.waiting.popleft()
        return self.waiting[0].head(count_max)

    def _suspect(self, jail: Jail) -> list[InFlight]:
        while self.alone:
            call = self.alone.popleft()
            if not call.is_dropped:
                jail.is_quarantine = True
                return [call]
        return []


def is_pressed(queues: Iterable[TenantQueue]) -> bool:
    """Whether some calls have waited for long and another jail would help."""
    now = time.monotonic()
    return any(now - one.oldest >= PRESSURE_S and one.wants_another(now) for one in queues)


def idlest(queues: Iterable[TenantQueue]) -> Jail | None:
    """The jail that has been without calls longest, of tenants without any."""
    idle = [jail for queue in queues if not queue.has_calls for jail in queue.jails if jail.is_idle]
    return min(idle, key=lambda jail: jail.idle_since, default=None)
