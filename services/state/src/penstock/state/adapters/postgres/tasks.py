"""Open tasks in PostgreSQL. The account is in the WHERE of every statement."""

from penstock.state.adapters.postgres.database import Database
from penstock.state.adapters.postgres.queries import load_statements
from penstock.state.ports import TaskFilter, TaskPlace, TaskRow


class PostgresTasks:
    """Implements `TaskStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sql = load_statements("tasks")

    async def find(
        self, tenant: str, execution_id: str, place: tuple[int, int, int]
    ) -> TaskRow | None:
        """The task of an attempt."""
        async with self._database.session() as session:
            row = await session.fetchrow(self._sql["find_task"], tenant, execution_id, *place)
        return None if row is None else TaskRow(*row)

    async def page(
        self, tenant: str, chosen: TaskFilter, after: TaskPlace | None, limit: int
    ) -> list[TaskRow]:
        """The oldest first."""
        place = after or (None, None, None, None)
        async with self._database.session() as session:
            rows = await session.fetch(
                self._sql["list_tasks"],
                tenant,
                chosen.execution_id or None,
                chosen.workflow or None,
                chosen.assignee or None,
                chosen.kind or None,
                *place,
                limit,
            )
        return [TaskRow(*row) for row in rows]
