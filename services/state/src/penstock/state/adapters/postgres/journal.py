"""The journal in PostgreSQL: group commits over a connection of their own, reads over the pool."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import asyncpg
import zstandard

from penstock.common.errors import Internal, PenstockError
from penstock.state.adapters.postgres.database import PLAN_ONCE, Database, connect
from penstock.state.adapters.postgres.faults import DRIVER_ERRORS, operating_error
from penstock.state.adapters.postgres.queries import load_statements
from penstock.state.journal.batch import CODEC_PLAIN, CODEC_ZSTD, CommitBatch
from penstock.state.journal.texts import TEXT_SEPARATOR
from penstock.state.ports import Head, JournalRow, LivePage, LiveRow, Sleeper

_BODY_BYTES_MAX = 256 * 1024 * 1024


def plain_body(codec: int, body: bytes) -> bytes:
    """The EventBatch as it was appended. Raises `Internal` for what cannot be read."""
    if codec == CODEC_PLAIN:
        return body
    if codec == CODEC_ZSTD:
        try:
            return zstandard.decompress(body, max_output_size=_BODY_BYTES_MAX)
        except zstandard.ZstdError as error:
            raise Internal("a journal row is damaged", fix="Restore it from a backup.") from error
    raise Internal(f"a journal row has the unknown codec {codec}", fix="Update this service.")


def _body_or_none(codec: int, body: bytes) -> bytes | None:
    """As `plain_body`, for those who have to go on without what cannot be read."""
    try:
        return plain_body(codec, body)
    except Internal:
        return None


_PARAMETER = re.compile(r"\$(\d+)")
_SPAN_KINDS = "iiii"
_JOURNAL_KINDS = "iitiitibii"
_CHANGED_KINDS = "ittiiiiiiti"
_STARTED_KINDS = _CHANGED_KINDS + "titit"
_NOTICE_KINDS = "iib"
_SETTLED_KINDS = "ii"
_CHILD_KINDS = "itttiii"
_BAD_END_KINDS = "itiitt"
_TERM_KINDS = "ittit"
_REF_KINDS = "ittt"
_ASKED_KINDS = "ittttiiiiiitb"
_UNASKED_KINDS = "itiii"
_PAUSED_KINDS = "itt"


def _columns(kinds: str, rows: Sequence[tuple[Any, ...]]) -> list[Any]:
    """Rows as the columns that a commit's parts want: `i` an array literal of numbers, `t` joined
    texts, `b` a list of bytes."""
    columns = zip(*rows, strict=True) if rows else ((),) * len(kinds)
    encoded: list[Any] = []
    for kind, column in zip(kinds, columns, strict=True):
        if kind == "i":
            encoded.append("{" + repr(list(column))[1:-1] + "}")
        elif kind == "t":
            encoded.append(TEXT_SEPARATOR.join(column))
        else:
            encoded.append(column)
    return encoded


Commit = tuple[str, ...]
"""The parts of `journal.sql` that a commit's statement consists of, in order."""


def commit_columns(batch: CommitBatch) -> tuple[Commit, list[Any]]:
    """What statement writes the batch, and its parameters."""
    spans = [(span.shard, span.epoch, span.first, span.last) for span in batch.spans.values()]
    parts = ["commit_rows"]
    columns = [*_columns(_SPAN_KINDS, spans), *_columns(_JOURNAL_KINDS, batch.journal)]
    if started := batch.started:
        parts.append("commit_begun")
        columns += _columns(_STARTED_KINDS, started)
    if changed := batch.changed:
        parts.append("commit_changed")
        columns += _columns(_CHANGED_KINDS, changed)
    if batch.notices:
        parts.append("commit_owed")
        columns += _columns(_NOTICE_KINDS, batch.notices)
    if batch.settled:
        parts.append("commit_settled")
        columns += _columns(_SETTLED_KINDS, batch.settled)
    if batch.children:
        parts.append("commit_children")
        columns += _columns(_CHILD_KINDS, batch.children)
    if bad_ends := batch.bad_ends:
        parts.append("commit_bad_ends")
        columns += _columns(_BAD_END_KINDS, bad_ends)
    if terms := batch.terms:
        parts.append("commit_terms")
        columns += _columns(_TERM_KINDS, terms)
    if refs := batch.refs:
        parts.append("commit_refs")
        columns += _columns(_REF_KINDS, sorted(refs))
    if batch.hands is not None:
        for part, kinds, rows in (
            ("commit_asked", _ASKED_KINDS, batch.hands.asked),
            ("commit_unasked", _UNASKED_KINDS, batch.hands.unasked),
            ("commit_paused", _PAUSED_KINDS, batch.hands.paused),
            ("commit_resumed", _PAUSED_KINDS, batch.hands.resumed),
        ):
            if rows:
                parts.append(part)
                columns += _columns(kinds, rows)
    return tuple(parts), columns


def commit_statement(sql: Mapping[str, str], parts: Commit) -> str:
    """The parts as one statement; the parameters of each follow those of the one before."""
    joined: list[str] = []
    before = 0
    for name in parts:
        pieces = _PARAMETER.split(sql[name])  # text, number, text, ...
        numbers = [int(number) for number in pieces[1::2]]
        pieces[1::2] = [f"${before + number}" for number in numbers]
        joined.append("".join(pieces))
        before += max(numbers)
    return f"WITH {', '.join(joined)} {sql['commit_answer']}"


class PostgresJournal:
    """Implements `JournalStore`. One commit at a time."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._sql = load_statements("journal")
        self._connection: asyncpg.Connection | None = None
        self._commits: dict[Commit, asyncpg.prepared_stmt.PreparedStatement] = {}

    async def commit(self, batch: CommitBatch) -> set[int]:
        """Write the batch as one statement, which is one transaction and one round trip."""
        parts, columns = commit_columns(batch)
        try:
            statement = self._commits.get(parts) or await self._prepare(parts)
            written = await statement.fetch(*columns)
        except DRIVER_ERRORS as error:
            raise self._dropped(error) from error
        except BaseException:
            self.close()
            raise
        return {row[0] for row in written}

    async def heads(self, shards: Sequence[int]) -> dict[int, Head]:
        """Epoch and head of shards as committed now."""
        try:
            connection = await self._connected()
            rows = await connection.fetch(self._sql["read_heads"], shards)
        except DRIVER_ERRORS as error:
            raise self._dropped(error) from error
        return {row[0]: Head(row[1], row[2]) for row in rows}

    async def _connected(self) -> asyncpg.Connection:
        if self._connection is None:
            self._connection = await connect(self._url, PLAN_ONCE)
        return self._connection

    async def _prepare(self, parts: Commit) -> asyncpg.prepared_stmt.PreparedStatement:
        connection = await self._connected()
        statement = await connection.prepare(commit_statement(self._sql, parts))
        self._commits[parts] = statement
        return statement

    def _dropped(self, error: Exception) -> PenstockError:
        """Close the connection: after a fault its state is not worth knowing."""
        self.close()
        return operating_error(error)

    def close(self) -> None:
        """Drop the connection at once; the next commit opens a new one."""
        connection, self._connection = self._connection, None
        self._commits.clear()
        if connection is not None:
            connection.terminate()


class PostgresJournalReader:
    """Implements `JournalReader`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sql = {**load_statements("journal"), **load_statements("sleepers")}

    async def load_live(self, shard: int, after: tuple[str, int] | None, limit: int) -> LivePage:
        """A page of the shard's live executions, by (execution_id, first_seq)."""
        return await self._page("load_live", (shard,), after, limit)

    async def load_awake(self, shard: int, after: tuple[str, int] | None, limit: int) -> LivePage:
        """A page of those that are not at rest."""
        return await self._page("load_awake", (shard,), after, limit)

    async def load_resting(
        self, wanted: Sequence[tuple[int, str]], after: tuple[str, int] | None, limit: int
    ) -> LivePage:
        """A page of those of the executions that are at rest."""
        shards, ids = zip(*wanted, strict=True) if wanted else ((), ())
        return await self._page("load_resting", (shards, ids), after, limit)

    async def sleepers(
        self, shards: Sequence[int], until_us: int, after: Sleeper, limit: int
    ) -> list[Sleeper]:
        """A page of executions at rest, by (wake_us, execution_id)."""
        async with self._database.session() as session:
            rows = await session.fetch(self._sql["list_sleepers"], shards, until_us, *after, limit)
        return [Sleeper(wake_us, execution_id) for wake_us, execution_id in rows]

    async def live(self, shard: int, after: str, limit: int) -> list[LiveRow]:
        """A page of executions that have not ended, by id."""
        async with self._database.session() as session:
            rows = await session.fetch(self._sql["list_live"], shard, after, limit)
        return [LiveRow(*row) for row in rows]

    async def _page(
        self, name: str, which: Sequence[Any], after: tuple[str, int] | None, limit: int
    ) -> LivePage:
        execution_id, first_seq = after or ("", 0)
        async with self._database.session() as session:
            rows = await session.fetch(self._sql[name], *which, execution_id, first_seq, limit)
        bodies = [plain_body(row["codec"], row["body"]) for row in rows]
        full = len(rows) == limit
        return LivePage(bodies, (rows[-1]["execution_id"], rows[-1]["first_seq"]) if full else None)

    async def rows_after(self, shard: int, position: int, limit: int) -> list[JournalRow]:
        """Every row after a position."""
        return await self._rows("rows_after", shard, position, limit)

    async def rows_worth_telling(
        self, shard: int, position: int, limit: int, recent_from: int
    ) -> list[JournalRow]:
        """Rows of live executions, and every row from `recent_from` on."""
        return await self._rows("rows_worth_telling", shard, position, limit, recent_from)

    async def _rows(self, name: str, *arguments: int) -> list[JournalRow]:
        async with self._database.session() as session:
            rows = await session.fetch(self._sql[name], *arguments)
        return [
            JournalRow(
                row["position"],
                row["tenant"],
                row["execution_id"],
                _body_or_none(row["codec"], row["body"]),
            )
            for row in rows
        ]

    async def heads(self, shards: Sequence[int]) -> dict[int, Head]:
        """Epoch and head of shards."""
        async with self._database.session() as session:
            rows = await session.fetch(self._sql["read_heads"], shards)
        return {row[0]: Head(row[1], row[2]) for row in rows}
