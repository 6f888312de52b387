"""The sweeper: removes executions that were kept long enough, then payloads that nobody refers to.

One process at a time sweeps. Executions go in small transactions of their own, which no commit
waits for: commits add rows and change those of live executions, the sweeper removes rows of ended
ones. A workflow's policy is that of its latest version, so that changing it holds for what is there
already. A round walks each workflow that has one from where the last round left off; once an hour
from the beginning, for executions that started early and ended late.

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
from penstock.state.keeping.ports import GarbageStore, Latest, Policy, RetentionStore
from penstock.state.metrics import StateMetrics
from penstock.state.payloads.store import PayloadStore
from penstock.state.ports import WorkflowStore
from penstock.workflow.compile import InvalidDefinition
from penstock.workflow.plan import Plan
from penstock.workflow.policies import Retention

_WORKFLOWS_PAGE = 500
_WALK = 1_000
_ERASED_AT_ONCE = 50
_MARKED_PAGE = 200
_BACKLOG_ROWS = 500
_FROM_THE_BEGINNING_S = 3_600.0
_START = (0, "")


class Keep(NamedTuple):
    """How long, in seconds; 0 for ever. `grace_s`: how long a payload may have no reference."""

    completed_s: float
    failed_s: float
    grace_s: float


class Swept(NamedTuple):
    """What a round did, or, if it was dry, would do."""

    executions: int = 0
    payloads: int = 0
    marked: int = 0


class Stores(NamedTuple):
    """What is swept, and what says how long to keep it."""

    retention: RetentionStore
    garbage: GarbageStore
    payloads: PayloadStore
    workflows: WorkflowStore


class Sweeper:
    """Sweeps while it is told that it may."""

    def __init__(
        self, stores: Stores, keep: Keep, compile_plan: Callable[[str], Plan],
        clock: Clock, metrics: StateMetrics,
    ) -> None:  # fmt: skip
        self._stores = stores
        self._keep = keep
        self._compile = compile_plan
        self._clock = clock
        self._metrics = metrics
        self._policies: dict[str, Retention] = {}
        self._places: dict[tuple[str, str], tuple[int, str]] = {}
        self._begun_s = -_FROM_THE_BEGINNING_S
        self._log = get_logger("sweeper")

    async def sweep_executions(self, *, dry_run: bool = False) -> int:
        """Remove what was kept long enough; returns how many executions."""
        now_s = self._clock.monotonic()
        if dry_run or now_s - self._begun_s >= _FROM_THE_BEGINNING_S:
            self._places.clear()
            self._begun_s = now_s
        removed = 0
        after = ("", "")
        while page := await self._stores.retention.latest(after, _WORKFLOWS_PAGE):
            for latest in page:
                policy = await self._policy(latest)
                if policy.completed_us or policy.failed_us:
                    removed += await self._sweep_workflow(policy, dry_run)
            after = page[-1][:2]
        if removed and not dry_run:
            self._log.info("executions_removed", executions=removed)
        return removed

    async def _policy(self, latest: Latest) -> Policy:
        kept = self._policies.get(latest.definition_hash)
        if kept is None:
            kept = self._policies[latest.definition_hash] = await self._retention_of(latest)
        completed_s = kept.completed_s or self._keep.completed_s
        failed_s = kept.failed_s or self._keep.failed_s
        return Policy(latest.tenant, latest.name, round(completed_s * 1e6), round(failed_s * 1e6))

    async def _retention_of(self, latest: Latest) -> Retention:
        source = await self._stores.workflows.definition(latest.tenant, latest.definition_hash)
        if source is None:
            return Retention()
        try:
            plan = await asyncio.to_thread(self._compile, source)
        except InvalidDefinition:
            return Retention()
        return plan.retention or Retention()

    async def _sweep_workflow(self, policy: Policy, dry_run: bool) -> int:
        retention, now_us = self._stores.retention, self._clock.now_us()
        key = (policy.tenant, policy.workflow)
        place: tuple[int, str] | None = self._places.get(key, _START)
        removed = 0
        while place is not None:
            due, place = await retention.due(policy, now_us, place, _WALK)
            for first in range(0, len(due), _ERASED_AT_ONCE):
                ids = [each.execution_id for each in due[first : first + _ERASED_AT_ONCE]]
                removed += len(ids) if dry_run else await retention.erase(ids)
                await asyncio.sleep(0)
            if place is not None:
                self._places[key] = place
        if not dry_run:
            self._metrics.erased.inc(removed)
        return removed

    async def collect_garbage(self, *, dry_run: bool = False) -> Swept:
        """Mark payloads without reference, remove those marked long ago."""
        garbage, now_us = self._stores.garbage, self._clock.now_us()
        until_us = now_us - round(self._keep.grace_s * 1e6)
        if dry_run:
            return Swept(payloads=len(await garbage.marked(until_us, _MARKED_PAGE)))
        more = True
        while more:
            more = await garbage.read_backlog(_BACKLOG_ROWS)
        removed = 0

        async def remove(tenant: str, digest: str) -> bool:
            return await self._stores.payloads.remove(tenant, digest, until_us)

        while page := await garbage.marked(until_us, _MARKED_PAGE):
            for each in page:
                removed += await garbage.sweep(each, remove)
        await garbage.forget_swept(until_us - round(self._keep.grace_s * 1e6))
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
    """Sweep for ever: executions every period, garbage every longer one."""
    log = get_logger("sweeper")
    garbage_at = clock.monotonic() + period_s
    while True:
        await asyncio.sleep(period_s)
        try:
            if not await may_sweep():
                continue
            await sweeper.sweep_executions()
            if clock.monotonic() >= garbage_at:
                await sweeper.collect_garbage()
                garbage_at = clock.monotonic() + garbage_period_s
        except PenstockError as error:
            log.warning("sweep_interrupted", error=error.message)
