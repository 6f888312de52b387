"""SQLite: one thread with one connection per file; a transaction per node."""

import asyncio
import re
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import msgspec

from penstock.nodes.api import Environment, NodeFailure
from penstock.nodes.database.failures import bad_argument, too_many_rows
from penstock.nodes.database.statement import CREATE_LEDGER, LEDGER_TABLE, Change, Statement
from penstock.nodes.database.values import bytes_of, encode, to_json

Result = TypeVar("Result")

_BUSY_S = 5.0
_PROGRESS_STEPS = 10_000
"""Steps of SQLite's machine between looks at whether to stop: a fraction of a millisecond."""
_NUMBERED = re.compile(r"\$\d")
_CLAIM = f"insert into {LEDGER_TABLE} (key) values (?) on conflict do nothing"
_RECALL = f"select result from {LEDGER_TABLE} where key = ?"
_RECORD = f"update {LEDGER_TABLE} set result = ? where key = ?"


def _argument(value: Any) -> Any:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, Mapping) and set(value) == {"base64"}:
        return bytes_of(value)
    if isinstance(value, list | tuple | Mapping):
        return msgspec.json.encode(value).decode()
    return value


def _bound(sql: str, args: Sequence[Any]) -> Any:
    """Arguments for `?` or for `$1`, which SQLite takes for a name."""
    values = [_argument(value) for value in args]
    if _NUMBERED.search(sql):
        return {str(place): value for place, value in enumerate(values, 1)}
    return values


def _failure(error: sqlite3.Error) -> NodeFailure:
    name = getattr(error, "sqlite_errorname", "")
    details = {"sqlite": name} if name else None
    if isinstance(error, sqlite3.IntegrityError):
        return NodeFailure("permanent", "DB_CONSTRAINT", str(error), details)
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_IOERR", "SQLITE_INTERRUPT")):
        return NodeFailure("transient", "DB_UNAVAILABLE", str(error), details)
    if name.startswith(("SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_NOTADB", "SQLITE_FULL")):
        return NodeFailure("permanent", "DB_REFUSED", str(error), details)
    if isinstance(error, sqlite3.ProgrammingError | sqlite3.InterfaceError):
        return bad_argument(str(error))
    return NodeFailure("permanent", "DB_SYNTAX", str(error), details)


class Sqlite:
    """One database file."""

    def __init__(self, path: str, environment: Environment) -> None:
        self._path = path
        self._environment = environment
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sqlite")
        self._turn = asyncio.Lock()
        self._connection: sqlite3.Connection | None = None
        self._stopping = False

    async def close(self) -> None:
        """Close the file and end the thread."""
        async with self._turn:
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self._thread, self._close)
        self._thread.shutdown(wait=False)

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    async def _run(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        """Do `work` in the thread. Cancelled, it stops the statement and waits for its end."""
        async with self._turn:
            self._stopping = False
            loop = asyncio.get_running_loop()
            running = loop.run_in_executor(self._thread, self._work, work)
            try:
                return await asyncio.shield(running)
            except asyncio.CancelledError:
                self._stopping = True
                await asyncio.wait([running])
                raise

    def _work(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        try:
            if self._connection is None:
                self._connection = sqlite3.connect(
                    self._path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False
                )
                self._connection.set_progress_handler(lambda: self._stopping, _PROGRESS_STEPS)
            return self._in_transaction(self._connection, work)
        except sqlite3.Error as error:
            raise _failure(error) from None
        except OverflowError:
            raise bad_argument("an integer is too large for SQLite") from None

    def _in_transaction(
        self, connection: sqlite3.Connection, work: Callable[[sqlite3.Connection], Result]
    ) -> Result:
        try:
            result = work(connection)
            if connection.in_transaction:
                connection.execute("commit")
        except BaseException:
            if connection.in_transaction:
                connection.execute("rollback")
            raise
        return result

    async def query(self, statement: Statement) -> msgspec.Raw:
        """The rows as a JSON array of objects; writing is refused."""
        limit = self._environment.rows_max

        def work(connection: sqlite3.Connection) -> msgspec.Raw:
            connection.execute("pragma query_only = on")
            try:
                cursor = connection.execute(statement.sql, _bound(statement.sql, statement.args))
                rows = cursor.fetchmany(limit + 1)
                names = [column[0] for column in cursor.description or ()]
                cursor.close()
            finally:
                connection.execute("pragma query_only = off")
            if len(rows) > limit:
                raise too_many_rows(limit)
            return encode(_objects(names, rows))

        return await self._run(work)

    async def execute(self, statement: Statement) -> msgspec.Raw:
        """Run in one transaction, once per ledger key; give `{rows_affected, rows}`."""
        key = statement.ledger_key

        def work(connection: sqlite3.Connection) -> msgspec.Raw:
            connection.execute("begin immediate")
            if key:
                connection.execute(CREATE_LEDGER)
                if connection.execute(_CLAIM, [key]).rowcount == 0:
                    (text,) = connection.execute(_RECALL, [key]).fetchone()
                    return msgspec.Raw(text.encode())
            result = encode(_apply(connection, statement))
            if key:
                connection.execute(_RECORD, [bytes(result).decode(), key])
            return result

        return await self._run(work)


def _objects(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
    return [dict(zip(names, map(to_json, row), strict=True)) for row in rows]


def _apply(connection: sqlite3.Connection, statement: Statement) -> Change:
    sql = statement.sql
    if statement.args_list is not None:
        cursor = connection.executemany(sql, [_bound(sql, row) for row in statement.args_list])
        return Change(max(cursor.rowcount, 0))
    cursor = connection.execute(sql, _bound(sql, statement.args))
    names = [column[0] for column in cursor.description or ()]
    rows = _objects(names, cursor.fetchall()) if names else []
    return Change(cursor.rowcount if cursor.rowcount >= 0 else None, rows)
