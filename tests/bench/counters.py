"""Counters of the services and of PostgreSQL, read before and after a run."""

import asyncio
import os
import urllib.request
from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

import asyncpg

from penstock.api.journal.v1.journal_pb2 import EXECUTION_STATUS_CANCELLED
from penstock.embedded.ports import PortPool

_ROLES = ("coordinator", "state", "sandbox", "worker")
_TIMEOUT_S = 10.0
_DURABILITY = ("fsync", "synchronous_commit", "full_page_writes", "wal_sync_method")


def metrics_settings() -> dict[str, str]:
    """Environment that makes each service serve its metrics on a free port."""
    pool = PortPool(os.getpid() * 41 + 6_000)
    return {
        f"PENSTOCK_{role.upper()}_METRICS_LISTEN": f"127.0.0.1:{pool.take()}" for role in _ROLES
    }


def parse(text: str) -> Counter[str]:
    """Prometheus' text format as sums by name, labels and buckets left out."""
    sums: Counter[str] = Counter()
    for line in text.splitlines():
        if line and not line.startswith("#"):
            name, _, value = line.rpartition(" ")
            name = name.partition("{")[0]
            if not name.endswith("_bucket"):
                sums[name] += float(value)  # type: ignore[assignment]
    return sums


def _get(address: str) -> str:
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=_TIMEOUT_S) as answer:
        return str(answer.read().decode())


async def read_metrics(environment: Mapping[str, str]) -> Counter[str]:
    """All services' counters together."""
    sums: Counter[str] = Counter()
    for name, address in environment.items():
        if name.endswith("_METRICS_LISTEN"):
            sums.update(parse(await asyncio.to_thread(_get, address)))
    return sums


class Stored(NamedTuple):
    """What PostgreSQL has written so far."""

    wal_bytes: int
    journal_bytes: int
    projection_bytes: int
    commits: int


async def read_stored(database_url: str) -> Stored:
    """Write-ahead log, size of the journal and of the executions with their indexes, commits of
    the whole server."""
    connection = await asyncpg.connect(database_url)
    try:
        row = await connection.fetchrow(
            "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint,"
            " pg_total_relation_size('journal'),"
            " pg_total_relation_size('executions') + pg_total_relation_size('live_executions'),"
            " (SELECT sum(xact_commit) FROM pg_stat_database)::bigint"
        )
        return Stored(*map(int, row))
    finally:
        await connection.close()


async def read_durability(database_url: str) -> dict[str, str]:
    """The server's settings that decide whether a commit survives a power cut."""
    connection = await asyncpg.connect(database_url)
    try:
        return {name: await connection.fetchval(f"SHOW {name}") for name in _DURABILITY}
    finally:
        await connection.close()


async def count_bad_ends(database_url: str) -> int:
    """Executions that ended neither well nor cancelled."""
    connection = await asyncpg.connect(database_url)
    try:
        return int(
            await connection.fetchval(
                "SELECT count(*) FROM bad_ends WHERE status <> $1", EXECUTION_STATUS_CANCELLED
            )
        )
    finally:
        await connection.close()
