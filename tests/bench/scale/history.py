"""Finished executions by the hundred thousand, straight into the tables: copies of a few that ran,
under ids and times of their own, so that every read of them is a real one.

Their positions lie before those that were given: the coordinator's are not disturbed.
"""

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from zlib import crc32

import asyncpg

from penstock.common.ids import new_ulid

PORTION = 20_000
SPAN_S = 30 * 24 * 3600
RARE_EVERY = 10_000
"""One execution in so many has the rare tag."""
_BEFORE = 1 << 40

_JOURNAL = (
    "shard", "position", "execution_id", "first_seq", "last_seq", "tenant", "codec", "body",
    "nodes_total", "nodes_done",
)  # fmt: skip
_EXECUTIONS = (
    "execution_id", "tenant", "shard", "status", "workflow", "version", "definition_hash", "tags",
    "started_us", "finished_us", "nodes_total", "nodes_done", "failure_reason", "last_seq",
)  # fmt: skip
_TAGS = ("tenant", "tag", "started_us", "execution_id")
_BAD_ENDS = ("tenant", "status", "started_us", "execution_id")

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Pattern:
    """An execution that ran: its projection, its journal rows, and how many of a hundred are like
    it."""

    execution: asyncpg.Record
    rows: list[asyncpg.Record]
    percent: int


async def pattern_of(connection: asyncpg.Connection, execution_id: str, percent: int) -> Pattern:
    """Read one that has ended; its rows must be short enough not to be compressed."""
    execution = await connection.fetchrow(
        "SELECT * FROM executions WHERE execution_id = $1", execution_id
    )
    rows = await connection.fetch(
        "SELECT * FROM journal WHERE execution_id = $1 ORDER BY first_seq", execution_id
    )
    if execution is None or any(row["codec"] for row in rows):
        raise ValueError(f"{execution_id} is no pattern")
    return Pattern(execution, rows, percent)


class History:
    """Makes the rows: copies of `patterns`, evenly over the last 30 days."""

    def __init__(self, patterns: list[Pattern], count: int, shards: int) -> None:
        self._dice = random.Random(3)
        self._patterns = patterns
        self._percents = [pattern.percent for pattern in patterns]
        self._shards = shards
        self._positions = [-_BEFORE] * shards
        self._step_us = SPAN_S * 1_000_000 // count
        self._started_us = int(time.time() * 1e6) - (count + 1) * self._step_us
        self._made = 0

    def portion(self, count: int) -> tuple[list[Row], list[Row]]:
        """Rows of executions and of the journal for the next `count`."""
        executions: list[Row] = []
        journal: list[Row] = []
        for pattern in self._dice.choices(self._patterns, self._percents, k=count):
            self._made += 1
            self._started_us += self._step_us
            new_id = new_ulid(self._started_us // 1000, self._dice.randbytes(10))
            shard = crc32(new_id.encode()) % self._shards
            executions.append(self._execution(pattern.execution, new_id, shard))
            journal += self._rows(pattern, new_id, shard)
        return executions, journal

    def _execution(self, of: asyncpg.Record, new_id: str, shard: int) -> Row:
        tags = ["rare"] if self._made % RARE_EVERY == 0 else []
        tags += ["common"] if self._made % 3 == 0 else []
        shift = self._started_us - of["started_us"]
        changed = {
            "execution_id": new_id,
            "shard": shard,
            "tags": tags,
            "started_us": self._started_us,
            "finished_us": of["finished_us"] + shift,
        }
        return tuple(changed.get(name, of[name]) for name in _EXECUTIONS)

    def _rows(self, pattern: Pattern, new_id: str, shard: int) -> Iterator[Row]:
        old = pattern.execution["execution_id"].encode()
        for row in pattern.rows:
            self._positions[shard] += 1
            changed = {
                "execution_id": new_id,
                "shard": shard,
                "position": self._positions[shard],
                "body": row["body"].replace(old, new_id.encode()),
            }
            yield tuple(changed.get(name, row[name]) for name in _JOURNAL)


async def seed(url: str, history: History, count: int) -> None:
    """Write `count` executions and bring the planner's statistics up to date; tells how far it
    is."""
    connection = await asyncpg.connect(url)
    begun = time.monotonic()
    try:
        for done in range(0, count, PORTION):
            executions, journal = history.portion(min(PORTION, count - done))
            async with connection.transaction():
                await _copy(connection, "executions", executions, _EXECUTIONS)
                await _copy(connection, "journal", journal, _JOURNAL)
                await _copy(connection, "execution_tags", _tags(executions), _TAGS)
                await _copy(connection, "bad_ends", _bad_ends(executions), _BAD_ENDS)
            _tell(done + len(executions), count, begun)
        for table in ("journal", "executions", "execution_tags", "bad_ends"):
            await connection.execute(f"VACUUM (ANALYZE) {table}")
        print(f"  vacuumed, {time.monotonic() - begun:.0f} s in all", flush=True)
    finally:
        await connection.close()


def _tags(executions: list[Row]) -> list[Row]:
    known = [dict(zip(_EXECUTIONS, row, strict=True)) for row in executions]
    return [
        (row["tenant"], tag, row["started_us"], row["execution_id"])
        for row in known
        for tag in row["tags"]
    ]


def _bad_ends(executions: list[Row]) -> list[Row]:
    known = [dict(zip(_EXECUTIONS, row, strict=True)) for row in executions]
    return [tuple(row[name] for name in _BAD_ENDS) for row in known if row["status"] > 2]


async def _copy(
    connection: asyncpg.Connection, table: str, rows: list[Row], names: tuple[str, ...]
) -> None:
    await connection.copy_records_to_table(table, records=rows, columns=names)


def _tell(done: int, count: int, begun: float) -> None:
    if done == count or done // PORTION % 5 == 0:
        seconds = time.monotonic() - begun
        print(f"  {done:,} of {count:,} executions written, {seconds:.0f} s", flush=True)
