"""Forward migrations: numbered SQL files, run once each, by one process at a time.

`NNNN_pre_<what>.sql` is safe while the version before it still runs and is applied before new
processes start; `NNNN_post_<what>.sql` needs every process to be on the new version. A single-host
start applies both.
"""

import re
from importlib import resources
from typing import Literal, NamedTuple

import asyncpg

from penstock.common.errors import InvalidArgument
from penstock.common.logging import get_logger
from penstock.state.adapters.postgres.database import connect
from penstock.state.adapters.postgres.faults import translated

Phase = Literal["pre", "post"]
PHASES: tuple[Phase, ...] = ("pre", "post")

_LOCK_KEY = 0x70656E73746F636B
_NAME = re.compile(r"(\d{4})_(pre|post)_\w+\.sql")
_OLDEST_SERVER = 150000


class Migration(NamedTuple):
    """One file."""

    number: int
    phase: str
    name: str
    sql: str


def all_migrations() -> list[Migration]:
    """Every migration in the order of its number."""
    folder = resources.files("penstock.state.adapters.postgres") / "migrations"
    found = []
    for file in folder.iterdir():
        match = _NAME.fullmatch(file.name)
        if match is not None:
            found.append(Migration(int(match[1]), match[2], file.name, file.read_text()))
    return sorted(found)


async def _apply(connection: asyncpg.Connection, migration: Migration) -> None:
    async with connection.transaction():
        await connection.execute(migration.sql)
        await connection.execute(
            "INSERT INTO schema_migrations (number, name) VALUES ($1, $2)",
            migration.number,
            migration.name,
        )
    get_logger("migrations").info("migration_applied", migration=migration.name)


async def _pending(connection: asyncpg.Connection, phases: tuple[Phase, ...]) -> list[Migration]:
    await connection.execute(
        "CREATE TABLE IF NOT EXISTS schema_migrations (number integer PRIMARY KEY, "
        "name text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
    )
    done = {row[0] for row in await connection.fetch("SELECT number FROM schema_migrations")}
    return [m for m in all_migrations() if m.number not in done and m.phase in phases]


async def migrate(url: str, phases: tuple[Phase, ...] = PHASES) -> list[str]:
    """Apply what is missing of these phases and return its names; waits while another process does.

    Raises `Unavailable` if PostgreSQL cannot be reached, `InvalidArgument` if it is older than 15.
    """
    with translated():
        connection = await connect(url)
        try:
            await connection.execute("SET statement_timeout = 0; SET lock_timeout = 0")
            version = int(await connection.fetchval("SHOW server_version_num"))
            if version < _OLDEST_SERVER:
                raise InvalidArgument(
                    f"PostgreSQL {version // 10000} is too old",
                    fix="Use PostgreSQL 15 or newer.",
                )
            await connection.execute("SELECT pg_advisory_lock($1)", _LOCK_KEY, timeout=300)
            pending = await _pending(connection, phases)
            for migration in pending:
                await _apply(connection, migration)
            return [migration.name for migration in pending]
        finally:
            await connection.close(timeout=2)


async def prepare_shards(url: str, shard_count: int) -> None:
    """Create a new cluster's shards; raise `InvalidArgument` if it has another number of them."""
    with translated():
        connection = await connect(url)
        try:
            await connection.execute(
                "INSERT INTO cluster (shard_count) VALUES ($1) ON CONFLICT DO NOTHING", shard_count
            )
            there = await connection.fetchval("SELECT shard_count FROM cluster")
            if there != shard_count:
                raise InvalidArgument(
                    f"this cluster has {there} shards, not {shard_count}",
                    fix=f"Set PENSTOCK_STATE_SHARD_COUNT={there}; the number is fixed for ever.",
                )
            await connection.execute(
                "INSERT INTO shards (shard) SELECT generate_series(0, $1::int - 1) "
                "ON CONFLICT DO NOTHING",
                shard_count,
            )
        finally:
            await connection.close(timeout=2)
