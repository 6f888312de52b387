"""How much accounts use, counted by PostgreSQL in its indexes. The account is in the WHERE of every
statement."""

from penstock.state.adapters.postgres.database import Database
from penstock.state.adapters.postgres.queries import load_statements


class PostgresUsage:
    """Implements `UsageStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sql = load_statements("usage")

    async def live(self, tenant: str, workflow: str) -> int:
        """Executions that have not ended."""
        return await self._number("count_live", tenant, workflow)

    async def started(self, tenant: str, workflow: str, since_us: int) -> int:
        """Executions started after an instant."""
        return await self._number("count_started", tenant, workflow, since_us)

    async def nth_start(self, tenant: str, workflow: str, nth: int) -> int:
        """When the start was that is so many from the last one; 0 if there are fewer."""
        return await self._number("nth_started", tenant, workflow, nth)

    async def _number(self, name: str, tenant: str, workflow: str, *more: int) -> int:
        statement = self._sql[f"{name}_of_workflow" if workflow else name]
        values = (tenant, *more, workflow) if workflow else (tenant, *more)
        async with self._database.session() as session:
            return int(await session.fetchval(statement, *values) or 0)
