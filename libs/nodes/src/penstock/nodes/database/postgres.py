"""PostgreSQL: a pool per address, a transaction per node. The nodes' one door to asyncpg."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import msgspec

from penstock.nodes.api import Environment, NodeFailure
from penstock.nodes.database.failures import of_sqlstate, too_many_rows, unreachable
from penstock.nodes.database.postgres_args import postgres_args
from penstock.nodes.database.statement import CREATE_LEDGER, LEDGER_TABLE, Change, Statement
from penstock.nodes.database.values import encode, to_json

_CLAIM = f"insert into {LEDGER_TABLE} (key) values ($1) on conflict do nothing returning key"
_RECALL = f"select result from {LEDGER_TABLE} where key = $1"
_RECORD = f"update {LEDGER_TABLE} set result = $2 where key = $1"


def _raw_json(text: str) -> msgspec.Raw:
    return msgspec.Raw(text.encode())


async def _prepare_connection(connection: Any) -> None:
    for name in ("json", "jsonb"):
        await connection.set_type_codec(
            name, schema="pg_catalog", encoder=str, decoder=_raw_json, format="text"
        )


def _row(record: Any) -> dict[str, Any]:
    return {name: to_json(value) for name, value in record.items()}


def _affected(status: str) -> int | None:
    """Rows from a command tag such as `INSERT 0 5`."""
    last = status.rpartition(" ")[2]
    return int(last) if last.isdigit() else None


class Postgres:
    """One database."""

    def __init__(self, url: str, environment: Environment) -> None:
        self._url = url
        self._environment = environment
        self._pool: Any = None
        self._opening = asyncio.Lock()

    async def close(self) -> None:
        """Close all connections, at once if they are busy."""
        if self._pool is not None:
            self._pool.terminate()

    async def _opened(self) -> Any:
        async with self._opening:
            if self._pool is None:
                self._pool = await asyncpg.create_pool(
                    self._url,
                    min_size=0,
                    max_size=self._environment.connections_max,
                    init=_prepare_connection,
                    max_inactive_connection_lifetime=60.0,
                )
        return self._pool

    @asynccontextmanager
    async def _transaction(self, *, readonly: bool) -> AsyncIterator[Any]:
        """A connection inside a transaction; every fault leaves as a `NodeFailure`."""
        try:
            pool = await self._opened()
            async with pool.acquire() as connection, connection.transaction(readonly=readonly):
                yield connection
        except asyncpg.PostgresError as error:
            if type(error) is asyncpg.DataError:  # asyncpg itself refused an argument
                raise NodeFailure("user", "DB_ARGUMENT", str(error)) from None
            details = {
                "constraint": getattr(error, "constraint_name", None) or "",
                "table": getattr(error, "table_name", None) or "",
                "detail": getattr(error, "detail", None) or "",
            }
            raise of_sqlstate(error.sqlstate, str(error), details) from None
        except (OSError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
            raise unreachable(self._url, error) from None

    async def query(self, statement: Statement) -> msgspec.Raw:
        """The rows as a JSON array of objects; the transaction is read-only."""
        limit = self._environment.rows_max
        async with self._transaction(readonly=True) as connection:
            prepared = await connection.prepare(statement.sql)
            args = postgres_args([one.name for one in prepared.get_parameters()], statement.args)
            cursor = await prepared.cursor(*args)
            records = await cursor.fetch(limit + 1)
        if len(records) > limit:
            raise too_many_rows(limit)
        return encode([_row(record) for record in records])

    async def execute(self, statement: Statement) -> msgspec.Raw:
        """Run in one transaction, once per ledger key; give `{rows_affected, rows}`."""
        try:
            return await self._execute(statement)
        except NodeFailure as failure:
            missing = (failure.details or {}).get("sqlstate") == "42P01"
            if not (missing and statement.ledger_key and LEDGER_TABLE in failure.message):
                raise
        await self._create_ledger()
        return await self._execute(statement)

    async def _create_ledger(self) -> None:
        try:
            async with self._transaction(readonly=False) as connection:
                await connection.execute("select pg_advisory_xact_lock(7305804401)")
                await connection.execute(CREATE_LEDGER)
        except NodeFailure as failure:
            raise NodeFailure(
                failure.error_class,
                "DB_LEDGER",
                f"the table {LEDGER_TABLE} cannot be made: {failure.message}; create it with "
                f"'{CREATE_LEDGER}', or set ledger: false if repeating the statement does no harm",
            ) from None

    async def _execute(self, statement: Statement) -> msgspec.Raw:
        key = statement.ledger_key
        async with self._transaction(readonly=False) as connection:
            if key and await connection.fetchval(_CLAIM, key) is None:
                return msgspec.Raw((await connection.fetchval(_RECALL, key)).encode())
            result = encode(await _apply(connection, statement))
            if key:
                await connection.execute(_RECORD, key, bytes(result).decode())
        return result


async def _apply(connection: Any, statement: Statement) -> Change:
    prepared = await connection.prepare(statement.sql)
    types = [one.name for one in prepared.get_parameters()]
    if statement.args_list is not None:
        rows = [postgres_args(types, row) for row in statement.args_list]
        if rows:
            await prepared.executemany(rows)
        return Change(rows_affected=None if rows else 0)
    records = await prepared.fetch(*postgres_args(types, statement.args))
    return Change(_affected(prepared.get_statusmsg()), [_row(one) for one in records])
