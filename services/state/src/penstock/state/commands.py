"""What `penstock-state` does besides serving: migrations, and a sweep on demand."""

import asyncio
import sys

from penstock.common.clock import SystemClock
from penstock.common.errors import PenstockError
from penstock.common.logging import configure_logging
from penstock.common.settings import BadSettings, load_settings
from penstock.nodes import catalog
from penstock.state.adapters.postgres.database import open_database
from penstock.state.adapters.postgres.migrations import PHASES, migrate
from penstock.state.adapters.postgres.schedule_rows import ScheduleWriter
from penstock.state.adapters.postgres.workflows import PostgresWorkflows
from penstock.state.keeping.opening import keeping_over
from penstock.state.keeping.preview import DueNow
from penstock.state.metrics import StateMetrics
from penstock.state.payloads.store import open_payloads
from penstock.state.settings import Settings
from penstock.workflow.compile import compile_source


def run_migrations(arguments: list[str]) -> int:
    """Apply the named phases (all, if none is named); 0 if that went well."""
    phases = tuple(phase for phase in PHASES if phase in arguments or not arguments)
    if set(arguments) - set(PHASES):
        sys.stderr.write("penstock-state migrate: name pre, post, or nothing for both\n")
        return 2
    settings = load_settings(Settings, "state", [])
    configure_logging("state", settings.log_level)
    try:
        applied = asyncio.run(migrate(settings.database_url, phases))
    except BadSettings as error:
        sys.stderr.write(f"penstock-state: the settings cannot be used:\n{error}\n")
        return 2
    except PenstockError as error:
        sys.stderr.write(f"penstock-state migrate: {error.message}\n")
        return 1
    sys.stdout.write("".join(f"applied {name}\n" for name in applied) or "nothing to do\n")
    return 0


def run_sweep(arguments: list[str]) -> int:
    """Remove now what is due, or tell how much that is; 0 if that went well."""
    if set(arguments) - {"--dry-run"}:
        sys.stderr.write("penstock-state sweep: the only option is --dry-run\n")
        return 2
    settings = load_settings(Settings, "state", [])
    configure_logging("state", settings.log_level)
    try:
        told = asyncio.run(_sweep(settings, dry_run=bool(arguments)))
    except BadSettings as error:
        sys.stderr.write(f"penstock-state: the settings cannot be used:\n{error}\n")
        return 2
    except PenstockError as error:
        sys.stderr.write(f"penstock-state sweep: {error.message}\n")
        return 1
    sys.stdout.write(told)
    return 0


async def _sweep(settings: Settings, *, dry_run: bool) -> str:
    types = catalog()
    async with open_database(settings.database_url, 2) as database:
        keeping = keeping_over(
            settings,
            database,
            open_payloads(settings.payload_url),
            PostgresWorkflows(database, ScheduleWriter(settings.shard_count)),
            (SystemClock(), StateMetrics()),
            lambda source: compile_source(source, types),
        )
        if dry_run:
            return _due_text(await keeping.preview.now(most=sys.maxsize))
        executions = await keeping.sweeper.sweep_executions()
        operations = await keeping.sweeper.sweep_operations(most=sys.maxsize)
        swept = await keeping.sweeper.collect_garbage()
    gone = f"{executions} executions, {operations} operations, {swept.payloads} payloads"
    return f"removed: {gone}\n"


def _due_text(due: DueNow) -> str:
    """Each workflow of which something would go, and the sum."""
    lines = [f"{policy.workflow}: {count}" for policy, count in due.executions if count]
    total = sum(count for _, count in due.executions)
    all_of_it = f"{total} executions, {due.operations} operations, {due.payloads} payloads"
    return "\n".join((*lines, f"to remove: {all_of_it}\n"))
