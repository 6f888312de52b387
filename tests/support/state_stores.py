"""Everything that state keeps in its database, and its twin in memory."""

from dataclasses import dataclass
from typing import Any

from support.finding_twin import MemoryFinding
from support.keeping_twin import MemoryKeeping, MemoryOperationTable
from support.schedule_twin import MemorySchedules
from support.state_twin import (
    MemoryJournal,
    MemoryWorkflows,
)
from support.state_twin_leases import MemoryLeases
from support.state_twin_notices import MemoryChildren, MemoryNotices
from support.state_twin_tasks import MemoryTasks
from support.usage_twin import MemoryUsage

SHARDS = 8


@dataclass
class Stores:
    """Everything that state keeps in its database."""

    journal: Any
    reader: Any
    executions: Any
    leases: Any
    workflows: Any
    notices: Any
    children: Any
    schedules: Any
    tasks: Any
    let_time_pass: Any
    """Called with milliseconds: as if they had passed for everybody who joined."""
    search: Any
    letters: Any
    retention: Any
    garbage: Any
    operations: Any
    usage: Any


def in_memory(journal: MemoryJournal | None = None, leases: MemoryLeases | None = None) -> Stores:
    """The twin of everything; the journal and the leases may be given."""
    journal = journal or MemoryJournal(SHARDS)
    leases = leases or MemoryLeases(journal)
    shards = len(journal.epochs)

    async def let_time_pass(milliseconds: int) -> None:
        leases.now_ms += milliseconds

    finding = MemoryFinding(journal)
    keeping = MemoryKeeping(journal)

    def live() -> set[str]:
        return {row.execution_id for row in journal.executions.values() if row.status == 1}

    schedules = MemorySchedules(shards, journal.epochs, live)
    leases.schedules_changed = lambda: schedules.number
    return Stores(
        journal,
        journal,
        journal,
        leases,
        MemoryWorkflows(schedules),
        MemoryNotices(journal),
        MemoryChildren(journal),
        schedules,
        MemoryTasks(journal),
        let_time_pass,
        finding,
        finding,
        keeping,
        keeping,
        MemoryOperationTable(),
        MemoryUsage(journal),
    )
