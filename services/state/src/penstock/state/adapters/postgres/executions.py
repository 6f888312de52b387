"""Reads of executions in PostgreSQL. The account is in the WHERE of every statement."""

from collections.abc import Sequence

from penstock.api.journal.v1.journal_pb2 import (
    EXECUTION_STATUS_COMPLETED,
    EXECUTION_STATUS_PAUSED,
    EXECUTION_STATUS_RUNNING,
)
from penstock.state.adapters.postgres.database import Database
from penstock.state.adapters.postgres.journal import plain_body
from penstock.state.adapters.postgres.queries import load_statements
from penstock.state.ports import (
    HISTORY_BYTES_MAX,
    NEWEST_SEQ,
    ExecutionFilter,
    ExecutionRow,
    HistoryRows,
)


def _statement_for(chosen: ExecutionFilter) -> str:
    """The list statement whose index finds these executions without reading many others."""
    statuses = set(chosen.statuses)
    if statuses == {EXECUTION_STATUS_PAUSED}:
        return "list_paused"
    if statuses == {EXECUTION_STATUS_RUNNING}:
        return "list_uncompleted"  # they are few, whatever their tags
    if chosen.tag:
        return "list_tagged_executions"
    if statuses and EXECUTION_STATUS_COMPLETED not in statuses:
        return "list_uncompleted"
    return "list_executions"


class PostgresExecutions:
    """Implements `ExecutionStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sql = load_statements("executions")
        self._as_of_now = self._sql["as_of_now"]

    def _choosing(self, name: str) -> str:
        """The statement that reads what another one chooses, as of now."""
        return self._as_of_now.replace("{chosen}", self._sql[name])

    async def find(self, tenant: str, execution_id: str) -> ExecutionRow | None:
        """The projection of one execution."""
        async with self._database.session() as session:
            row = await session.fetchrow(self._choosing("find_execution"), execution_id, tenant)
        return None if row is None else ExecutionRow(*row)

    async def known(self, tenant: str, execution_ids: Sequence[str]) -> list[str]:
        """Those of these that the account has."""
        async with self._database.session() as session:
            rows = await session.fetch(self._sql["known_executions"], execution_ids, tenant)
        return [row["execution_id"] for row in rows]

    async def history(
        self,
        tenant: str,
        execution_id: str,
        after_seq: int,
        limit: int,
        until_seq: int = NEWEST_SEQ,
    ) -> HistoryRows:
        """Rows that hold events of a stretch; the first may begin before it. Bodies are weighed
        twice: as they are kept, so that no more are fetched, and as they are."""
        async with self._database.session() as session:
            begin = await session.fetchval(
                self._sql["seq_of_row_holding"], execution_id, tenant, after_seq + 1
            )
            rows = await session.fetch(
                self._sql["read_history"],
                execution_id,
                tenant,
                (begin or 1) - 1,
                limit + 1,
                HISTORY_BYTES_MAX,
                until_seq,
            )
        found: list[tuple[int, bytes]] = []
        size = 0
        for row in rows:
            if row["last_seq"] <= after_seq:
                continue
            if len(found) == limit or row["body"] is None:
                return HistoryRows(found, True)
            body = plain_body(row["codec"], row["body"])
            size += len(body)
            if found and size > HISTORY_BYTES_MAX:
                return HistoryRows(found, True)
            found.append((row["last_seq"], body))
        return HistoryRows(found, False)

    async def page(
        self,
        tenant: str,
        chosen: ExecutionFilter,
        before: tuple[int, str] | None,
        limit: int,
    ) -> list[ExecutionRow]:
        """A page, newest first."""
        started_us, execution_id = before or (None, None)
        async with self._database.session() as session:
            rows = await session.fetch(
                self._choosing(_statement_for(chosen)),
                tenant,
                chosen.workflow or None,
                list(chosen.statuses) or None,
                chosen.tag or None,
                started_us,
                execution_id,
                limit,
            )
        return [ExecutionRow(*row) for row in rows]
