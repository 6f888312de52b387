"""What was done about dead letters, in PostgreSQL."""

import asyncpg

from penstock.state.adapters.postgres.database import Database
from penstock.state.adapters.postgres.queries import load_statements
from penstock.state.finding.ports import LetterRow
from penstock.workflow.search.query import LETTERS


class PostgresDeadLetters:
    """Implements `DeadLetterStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sql = load_statements("dead_letters")

    async def find(self, tenant: str, execution_id: str) -> LetterRow | None:
        """Where a dead letter stands."""
        async with self._database.session() as session:
            return await self._find(session, tenant, execution_id)

    async def _find(
        self, session: asyncpg.Connection, tenant: str, execution_id: str
    ) -> LetterRow | None:
        row = await session.fetchrow(self._sql["find_letter"], tenant, execution_id)
        if row is None:
            return None
        letter, reason, settled_us, retried_as = row
        return LetterRow(LETTERS[letter], reason or "", settled_us or 0, retried_as or "")

    async def settle(self, tenant: str, execution_id: str, wanted: LetterRow) -> LetterRow | None:
        """Bring it to a state, unless it was retried; tells how it stands before anybody else can
        settle it again."""
        letter = LETTERS.index(wanted.state)
        async with self._database.transaction() as session:
            before = await session.fetchval(self._sql["lock_letter"], tenant, execution_id)
            changes = before is not None and LETTERS[before] != "retried" and before != letter
            if changes:
                await session.execute(self._sql["set_letter"], tenant, execution_id, letter)
            if changes and wanted.state == "open":
                await session.execute(self._sql["remove_letter"], tenant, execution_id)
            elif changes:
                await session.execute(
                    self._sql["write_letter"], tenant, execution_id, letter, *wanted[1:]
                )
            return await self._find(session, tenant, execution_id)
