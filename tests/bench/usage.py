"""What the processes use: CPU by role, resident memory, commits of the database."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import psutil


def family(pid: int) -> list[psutil.Process]:
    """A process and all below it."""
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def cpu_seconds(pids: dict[str, int]) -> dict[str, float]:
    """CPU seconds used so far by each role's processes."""
    used: dict[str, float] = {}
    for role, pid in pids.items():
        times = [process.cpu_times() for process in family(pid)]
        # What ended children used is kept by the parent that waited for them.
        ended = sum(t.children_user + t.children_system for t in times)
        used[role] = sum(t.user + t.system for t in times) + ended
    return used


def memory_mb(pids: dict[str, int]) -> dict[str, float]:
    """Proportional resident memory of each role (shared pages are shared out), in MB."""
    used: dict[str, float] = {}
    for role, pid in pids.items():
        total = 0
        for process in family(pid):
            text = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
            total += next(int(li.split()[1]) for li in text.splitlines() if li.startswith("Pss:"))
        used[role] = total / 1024
    return used


async def commits(database_url: str) -> int:
    """Transactions committed so far by the whole server."""
    connection = await asyncpg.connect(database_url)
    try:
        return int(await connection.fetchval("select sum(xact_commit) from pg_stat_database"))
    finally:
        await connection.close()


@dataclass
class Spent:
    """CPU seconds by role between two moments."""

    by_role: dict[str, float] = field(default_factory=dict)

    def us_per(self, count: float) -> dict[str, float]:
        """CPU microseconds per one of `count` things, by role."""
        return {role: used / count * 1e6 for role, used in self.by_role.items()}


@contextmanager
def spending(pids: dict[str, int]) -> Iterator[Spent]:
    """CPU used within the block."""
    spent = Spent()
    before = cpu_seconds(pids)
    yield spent
    after = cpu_seconds(pids)
    spent.by_role = {role: after[role] - before.get(role, 0.0) for role in after}
