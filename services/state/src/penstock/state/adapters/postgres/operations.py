"""Operations in PostgreSQL."""

from collections.abc import Sequence
from typing import Any

from penstock.api.operation.v1.operation_service_pb2 import (
    OPERATION_STATE_RUNNING,
    Operation,
    StoredOperation,
)
from penstock.state.adapters.postgres.database import Database
from penstock.state.adapters.postgres.queries import load_statements


class PostgresOperations:
    """Implements `OperationStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sql = load_statements("operations")

    async def create(self, stored: StoredOperation, shard: int) -> bool:
        """Store a new one."""
        operation = stored.operation
        async with self._database.session() as session:
            revision = await session.fetchval(
                self._sql["create_operation"],
                operation.id,
                stored.tenant,
                shard,
                operation.state == OPERATION_STATE_RUNNING,
                operation.created_unix_us,
                operation.SerializeToString(),
            )
        return revision is not None

    async def find(self, tenant: str, operation_id: str) -> StoredOperation | None:
        """One of the account."""
        async with self._database.session() as session:
            row = await session.fetchrow(self._sql["find_operation"], operation_id, tenant)
        return None if row is None else _stored(row)

    async def page(
        self, tenant: str, before: tuple[int, str] | None, limit: int
    ) -> list[StoredOperation]:
        """Newest first."""
        created_us, operation_id = before or (None, None)
        async with self._database.session() as session:
            rows = await session.fetch(
                self._sql["page_operations"], tenant, created_us, operation_id, limit
            )
        return [_stored(row) for row in rows]

    async def open_of(self, shards: Sequence[int], after: str, limit: int) -> list[StoredOperation]:
        """Those that have not ended."""
        async with self._database.session() as session:
            rows = await session.fetch(self._sql["open_operations"], list(shards), after, limit)
        return [_stored(row) for row in rows]

    async def save(self, stored: StoredOperation) -> int:
        """Write one, if its revision still holds."""
        operation = stored.operation
        async with self._database.session() as session:
            revision = await session.fetchval(
                self._sql["save_operation"],
                operation.id,
                stored.revision,
                operation.SerializeToString(),
                operation.state == OPERATION_STATE_RUNNING,
                stored.tenant,
                operation.ended_unix_us,
            )
        return revision or 0

    async def count_ended(self, tenant: str | None, until_us: int) -> int:
        """How many ended until then."""
        async with self._database.session() as session:
            return int(await session.fetchval(self._sql["count_ended"], tenant, until_us))

    async def erase_ended(self, until_us: int, limit: int) -> int:
        """Remove some of those."""
        async with self._database.session() as session:
            return len(await session.fetch(self._sql["erase_ended"], until_us, limit))


def _stored(row: Sequence[Any]) -> StoredOperation:
    tenant, revision, body = row
    return StoredOperation(tenant=tenant, revision=revision, operation=Operation.FromString(body))
