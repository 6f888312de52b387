"""Sweeper and preview put together over PostgreSQL and the payload store."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import NamedTuple

from penstock.common.clock import Clock
from penstock.state.adapters.postgres.database import Database
from penstock.state.adapters.postgres.garbage import PostgresGarbage
from penstock.state.adapters.postgres.operations import PostgresOperations
from penstock.state.adapters.postgres.retention import PostgresRetention
from penstock.state.adapters.postgres.sweep_lock import SweepLock
from penstock.state.keeping.policies import Policies, Times
from penstock.state.keeping.preview import Preview
from penstock.state.keeping.sweeper import Stores, Sweeper, run_sweeper
from penstock.state.metrics import StateMetrics
from penstock.state.payloads.store import PayloadStore
from penstock.state.ports import WorkflowStore
from penstock.state.settings import Settings
from penstock.workflow.plan import Plan

_LISTED_IN_A_GRACE = 4
"""How often the payload store is listed within the grace; never more often than hourly."""
_HOUR_S = 3_600.0


class Keeping(NamedTuple):
    """Who removes what was kept long enough, and who tells what that would be."""

    sweeper: Sweeper
    preview: Preview


def keeping_over(
    settings: Settings,
    database: Database,
    payloads: PayloadStore,
    workflows: WorkflowStore,
    beside: tuple[Clock, StateMetrics],
    compile_plan: Callable[[str], Plan],
) -> Keeping:
    """Those of this database and store. From now on what is stored anew is not swept."""
    garbage, retention = PostgresGarbage(database), PostgresRetention(database)
    payloads.on_stored = garbage.unmark
    usual_s = settings.retain_completed_s, settings.retain_failed_s
    policies = Policies(retention, workflows, compile_plan, usual_s)
    stores = Stores(retention, garbage, payloads, PostgresOperations(database))
    times = Times(round(settings.payload_grace_s * 1e6), round(settings.retain_operations_s * 1e6))
    return Keeping(
        Sweeper(stores, policies, times, *beside), Preview(policies, stores, times, beside[0])
    )


@asynccontextmanager
async def sweeping(sweeper: Sweeper, settings: Settings, clock: Clock) -> AsyncIterator[None]:
    """The sweeper at work until the block ends, while no other process sweeps."""
    lock = SweepLock(settings.database_url)
    garbage_s = max(_HOUR_S, settings.payload_grace_s / _LISTED_IN_A_GRACE)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(
            run_sweeper(
                sweeper,
                lock.held,
                period_s=max(0.1, settings.sweep_every_s),
                garbage_period_s=min(garbage_s, max(0.1, settings.payload_grace_s)),
                clock=clock,
            )
        )
        try:
            yield
        finally:
            running.cancel()
            lock.close()
