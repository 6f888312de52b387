"""How much of a quota is used: what was counted on disk, and what this coordinator did since.

The count on disk is the truth, so no crash forgets anything. Between two counts what other
coordinators do is not seen; what this one does is. Where a start could be counted twice, because
it got on disk while the count was made, it is.
"""

from collections import deque
from typing import Literal, NamedTuple


class Quota(NamedTuple):
    """At most `limit` executions that have not ended (`per_us` is 0), or starts in any span, of an
    account or of one workflow of it."""

    scope: Literal["tenant", "workflow"]
    limit: int
    per_us: int = 0

    @property
    def name(self) -> str:
        """As the settings call it."""
        return f"{self.scope}.{'starts' if self.per_us else 'live'}"


class Quotas(NamedTuple):
    """All that is set. `tenants`: all of those accounts that have some of their own."""

    general: tuple[Quota, ...]
    tenants: dict[str, tuple[Quota, ...]]

    def of(self, tenant: str) -> tuple[Quota, ...]:
        """What holds for an account."""
        return self.tenants.get(tenant, self.general)


class Tally:
    """One quota of one account or workflow."""

    def __init__(self, quota: Quota) -> None:
        self.quota = quota
        self.pending = 0
        self.fresh_until_us = 0
        self._count = 0
        self._nth_us = 0
        self._started: deque[int] = deque()
        self._ended = 0

    @property
    def used(self) -> int:
        """As far as it is known here."""
        return max(0, self._count + self.pending + len(self._started) - self._ended)

    @property
    def is_full(self) -> bool:
        """True if one more would be too many."""
        return self.used >= self.quota.limit

    def counted(self, asked_us: int, count: int, nth_us: int, fresh_until_us: int) -> None:
        """State was asked at `asked_us` and has counted; `nth_us` (wall clock) is when the start
        was that is the limit's number from the last one, 0 if there are fewer."""
        self._count, self._nth_us, self._ended = count, nth_us, 0
        self.fresh_until_us = fresh_until_us
        while self._started and self._started[0] < asked_us:
            self._started.popleft()

    def settled(self, now_us: int, *, started: bool) -> None:
        """A start that was pending is on disk, or will never be."""
        self.pending -= 1
        if started:
            self._started.append(now_us)

    def ended(self) -> None:
        """An execution that was started here has ended."""
        if not self.quota.per_us:
            self._ended += 1

    def again_s(self, wall_us: int) -> int:
        """How long until there may be room, in whole seconds."""
        if not self._nth_us:
            return 1
        return max(1, -((wall_us - self._nth_us - self.quota.per_us) // 1_000_000))
