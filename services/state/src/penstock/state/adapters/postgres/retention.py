"""Removing executions from PostgreSQL, whole."""

from collections.abc import Sequence

from penstock.state.adapters.postgres.database import Database
from penstock.state.adapters.postgres.queries import load_statements
from penstock.state.keeping.ports import Due, Erased, Latest, Policy
from penstock.workflow.execution.values import ExecutionStatus

_RUNNING, _COMPLETED = int(ExecutionStatus.RUNNING), int(ExecutionStatus.COMPLETED)


class PostgresRetention:
    """Implements `RetentionStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sql = load_statements("retention")

    async def latest(self, after: tuple[str, str], limit: int) -> list[Latest]:
        """The latest versions, a page after (tenant, name)."""
        async with self._database.session() as session:
            rows = await session.fetch(self._sql["list_latest"], *after, limit)
        return [Latest(*row) for row in rows]

    async def due(
        self, policy: Policy, now_us: int, after: tuple[int, str], limit: int
    ) -> tuple[list[Due], tuple[int, str] | None]:
        """Executions that ended long enough ago, among the next ones."""
        shortest_us = min(filter(None, (policy.completed_us, policy.failed_us)))
        async with self._database.session() as session:
            rows = await session.fetch(
                self._sql["walk_workflow"],
                policy.tenant,
                policy.workflow,
                *after,
                now_us - shortest_us,
                limit,
            )
        found = [
            Due(execution_id, started_us)
            for started_us, execution_id, status, finished_us in rows
            if _is_due(policy, status, finished_us, now_us)
        ]
        return found, (rows[-1][0], rows[-1][1]) if len(rows) == limit else None

    async def erase(self, execution_ids: Sequence[str]) -> int:
        """Remove those that have ended and that no notice names."""
        async with self._database.session() as session:
            rows = await session.fetch(self._sql["erase_executions"], list(execution_ids))
        return len(rows)

    async def erase_one(self, tenant: str, execution_id: str) -> Erased:
        """Remove one of the account."""
        async with self._database.session() as session:
            status = await session.fetchval(self._sql["status_of"], tenant, execution_id)
        if status is None:
            return "absent"
        if await self.erase([execution_id]):
            return "erased"
        return "running" if status == _RUNNING else "owing"


def _is_due(policy: Policy, status: int, finished_us: int, now_us: int) -> bool:
    if status == _RUNNING:
        return False
    kept_us = policy.completed_us if status == _COMPLETED else policy.failed_us
    return kept_us > 0 and finished_us <= now_us - kept_us
