"""What the sweeper would remove if it came now. Looks as it does, and removes nothing."""

from typing import NamedTuple

from penstock.common.clock import Clock
from penstock.state.keeping.policies import Policies, Times
from penstock.state.keeping.ports import Policy
from penstock.state.keeping.sweeper import Stores

LOOKED_AT_MAX = 200_000
"""Executions that one preview looks at: some seconds."""
_WALK = 1_000
_START = (0, "")


class DueNow(NamedTuple):
    """How many executions of each workflow with a policy, and how many payloads and operations.
    `exact`: all executions were looked at; else there are at least so many."""

    executions: tuple[tuple[Policy, int], ...]
    payloads: int
    operations: int
    exact: bool


class Preview:
    """Counts."""

    def __init__(self, policies: Policies, stores: Stores, times: Times, clock: Clock) -> None:
        self._policies = policies
        self._stores = stores
        self._times = times
        self._clock = clock

    async def now(self, tenant: str | None = None, most: int = LOOKED_AT_MAX) -> DueNow:
        """Of an account, or of all; looks at about `most` executions."""
        now_us = self._clock.now_us()
        found, left = [], most
        async for policy in self._policies.all(tenant):
            count, left = await self._count(policy, now_us, left)
            found.append((policy, count))
        until_us = now_us - self._times.grace_us
        payloads = await self._stores.garbage.count_marked(tenant, until_us)
        return DueNow(tuple(found), payloads, await self._operations(tenant, now_us), left >= 0)

    async def _operations(self, tenant: str | None, now_us: int) -> int:
        until_us = self._times.operations_until_us(now_us)
        if until_us is None:
            return 0
        return await self._stores.operations.count_ended(tenant, until_us)

    async def _count(self, policy: Policy, now_us: int, left: int) -> tuple[int, int]:
        """How many there are, and how many more may be looked at; below 0 once some were not."""
        count = 0
        place: tuple[int, str] | None = _START
        while place is not None:
            if left <= 0:
                return count, -1
            due, place = await self._stores.retention.due(policy, now_us, place, _WALK)
            count += len(due)
            left -= _WALK if place is not None else len(due)
        return count, left
