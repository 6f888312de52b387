"""What the sweeper would remove if it came now. Looks as it does, and removes nothing."""

from typing import NamedTuple

from penstock.common.clock import Clock
from penstock.state.keeping.policies import Policies
from penstock.state.keeping.ports import GarbageStore, Policy, RetentionStore

LOOKED_AT_MAX = 200_000
"""Executions that one preview looks at: some seconds."""
_WALK = 1_000
_START = (0, "")


class DueNow(NamedTuple):
    """How many executions of each workflow with a policy, and how many payloads. `exact`: all were
    looked at; else there are at least so many."""

    executions: tuple[tuple[Policy, int], ...]
    payloads: int
    exact: bool


class Preview:
    """Counts. `grace_s`: how long a payload may have no reference."""

    def __init__(
        self, policies: Policies, retention: RetentionStore, garbage: GarbageStore,
        grace_s: float, clock: Clock,
    ) -> None:  # fmt: skip
        self._policies = policies
        self._retention = retention
        self._garbage = garbage
        self._grace_us = round(grace_s * 1e6)
        self._clock = clock

    async def now(self, tenant: str | None = None, most: int = LOOKED_AT_MAX) -> DueNow:
        """Of an account, or of all; looks at about `most` executions."""
        now_us = self._clock.now_us()
        found, left = [], most
        async for policy in self._policies.all(tenant):
            count, left = await self._count(policy, now_us, left)
            found.append((policy, count))
        payloads = await self._garbage.count_marked(tenant, now_us - self._grace_us)
        return DueNow(tuple(found), payloads, left >= 0)

    async def _count(self, policy: Policy, now_us: int, left: int) -> tuple[int, int]:
        """How many there are, and how many more may be looked at; below 0 once some were not."""
        count = 0
        place: tuple[int, str] | None = _START
        while place is not None:
            if left <= 0:
                return count, -1
            due, place = await self._retention.due(policy, now_us, place, _WALK)
            count += len(due)
            left -= _WALK if place is not None else len(due)
        return count, left
