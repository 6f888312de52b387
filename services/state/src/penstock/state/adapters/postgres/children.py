"""Sub-workflows in PostgreSQL. The account is in the WHERE."""

from penstock.state.adapters.postgres.database import Database
from penstock.state.adapters.postgres.queries import load_statements
from penstock.state.ports import ChildKey, ChildRow, ExecutionRow


class PostgresChildren:
    """Implements `ChildStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sql = load_statements("children")

    async def page(
        self, tenant: str, parent_id: str, node: int | None, after: ChildKey | None, limit: int
    ) -> list[ChildRow]:
        """A page, by node, item and attempt."""
        key = after or (None, None, None, None)
        async with self._database.session() as session:
            rows = await session.fetch(
                self._sql["list_children"], tenant, parent_id, node, *key, limit
            )
        return [ChildRow(ExecutionRow(*row[:13]), row[13], row[14], row[15]) for row in rows]
