"""The sweeper: removes executions that were kept long enough, then payloads that nobody refers to.

One process at a time sweeps. Executions go in small transactions of their own, which no commit
waits for: commits add rows and change those of live executions, the sweeper removes rows of ended
ones. A workflow's policy is that of its latest version, so that changing it holds for what is there
already. A round walks each workflow that has one from where the last round left off; once an hour
from the beginning, for executions that started early and ended late. Operations on many executions
go so many in a round, the oldest first.

Payloads go in two steps: one that nobody refers to is marked, and if that is still so after the
grace, removed. The grace covers what was stored and is not in the journal yet. Who stores the same
bytes again takes the mark away (`GarbageStore.unmark`), so the two never miss each other.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from penstock.common.clock import Clock
from penstock.common.errors import PenstockError
from penstock.common.logging import get_logger
from penstock.state.keeping.policies import Policies, Times
from penstock.state.keeping.ports import GarbageStore, OperationStore, Policy, RetentionStore
from penstock.state.metrics import StateMetrics
from penstock.state.payloads.store import PayloadStore

_WALK = 1_000
_ERASED_AT_ONCE = 50
_MARKED_PAGE = 200
_BACKLOG_ROWS = 500
_FROM_THE_BEGINNING_S = 3_600.0
_START = (0, "")
OPERATIONS_MAX = 1_000
"""Operations removed in one round; each may be some hundred kilobytes."""


class Swept(NamedTuple):
    """What a round did with payloads."""

    payloads: int = 0
    marked: int = 0


class Stores(NamedTuple):
    """What is swept."""

    retention: RetentionStore
    garbage: GarbageStore
    payloads: PayloadStore
    operations: OperationStore


class Sweeper:
    """Sweeps while it is told that it may."""

    def __init__(
        self, stores: Stores, policies: Policies, times: Times,
        clock: Clock, metrics: StateMetrics,
    ) -> None:  # fmt: skip
        self._stores = stores
        self._policies = policies
        self._times = times
        self._clock = clock
        self._metrics = metrics
        self._places: dict[tuple[str, str], tuple[int, str]] = {}
        self._begun_s = -_FROM_THE_BEGINNING_S
        self._log = get_logger("sweeper")

    async def sweep_executions(self) -> int:
        """Remove what was kept long enough; returns how many executions."""
        now_s = self._clock.monotonic()
        if now_s - self._begun_s >= _FROM_THE_BEGINNING_S:
            self._places.clear()
            self._begun_s = now_s
        removed = 0
        async for policy in self._policies.all():
            removed += await self._sweep_workflow(policy)
        if removed:
            self._log.info("executions_removed", executions=removed)
        return removed

    async def _sweep_workflow(self, policy: Policy) -> int:
        retention, now_us = self._stores.retention, self._clock.now_us()
        key = (policy.tenant, policy.workflow)
        place: tuple[int, str] | None = self._places.get(key, _START)
        removed = 0
        while place is not None:
            due, place = await retention.due(policy, now_us, place, _WALK)
            for first in range(0, len(due), _ERASED_AT_ONCE):
                ids = [each.execution_id for each in due[first : first + _ERASED_AT_ONCE]]
                removed += await retention.erase(ids)
                await asyncio.sleep(0)
            if place is not None:
                self._places[key] = place
        self._metrics.erased.inc(removed)
        return removed

    async def sweep_operations(self, most: int = OPERATIONS_MAX) -> int:
        """Remove operations that ended long enough ago; returns how many, at most `most`."""
        until_us = self._times.operations_until_us(self._clock.now_us())
        removed, page = 0, 1
        while until_us is not None and page and removed < most:
            at_once = min(_ERASED_AT_ONCE, most - removed)
            page = await self._stores.operations.erase_ended(until_us, at_once)
            removed += page
        self._metrics.operations_removed.inc(removed)
        if removed:
            self._log.info("operations_removed", operations=removed)
        return removed

    async def collect_garbage(self) -> Swept:
        """Mark payloads without reference, remove those marked long ago."""
        garbage, now_us = self._stores.garbage, self._clock.now_us()
        until_us = now_us - self._times.grace_us
        more = True
        while more:
            more = await garbage.read_backlog(_BACKLOG_ROWS)
        removed = 0

        async def remove(tenant: str, digest: str) -> bool:
            return await self._stores.payloads.remove(tenant, digest, until_us)

        while page := await garbage.marked(until_us, _MARKED_PAGE):
            for each in page:
                removed += await garbage.sweep(each, remove)
        await garbage.forget_swept(until_us - self._times.grace_us)
        marked = 0
        async for tenant, digests in self._stores.payloads.older_than(until_us):
            marked += await garbage.mark(tenant, digests, now_us)
        self._metrics.payloads_removed.inc(removed)
        if removed:
            self._log.info("payloads_removed", payloads=removed)
        return Swept(payloads=removed, marked=marked)


async def run_sweeper(
    sweeper: Sweeper, may_sweep: Callable[[], Awaitable[bool]], *, period_s: float,
    garbage_period_s: float, clock: Clock,
) -> None:  # fmt: skip
    """Sweep for ever: executions and operations every period, garbage every longer one."""
    log = get_logger("sweeper")
    garbage_at = clock.monotonic() + period_s
    while True:
        await asyncio.sleep(period_s)
        try:
            if not await may_sweep():
                continue
            await sweeper.sweep_executions()
            await sweeper.sweep_operations()
            if clock.monotonic() >= garbage_at:
                await sweeper.collect_garbage()
                garbage_at = clock.monotonic() + garbage_period_s
        except PenstockError as error:
            log.warning("sweep_interrupted", error=error.message)
