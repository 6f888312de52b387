"""Connections: a pool for reads and short writes, and single ones for the journal and for
migrations."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import asyncpg

from penstock.common.settings import BadSettings
from penstock.state.adapters.postgres.faults import translated

CONNECT_TIMEOUT_S = 5.0
COMMAND_TIMEOUT_S = 15.0
_PORT_MAX = 65535

_URL_SETTING = "PENSTOCK_STATE_DATABASE_URL"
_URL_FORM = (
    "give postgresql://user:password@host:port/database, with @ : / ? # of a password written as "
    "%40 %3A %2F %3F %23"
)
_SESSION = {
    "application_name": "penstock-state",
    "synchronous_commit": "on",
    "jit": "off",
    "timezone": "UTC",
    "statement_timeout": "20s",
    "idle_in_transaction_session_timeout": "20s",
    "lock_timeout": "10s",
}


PLAN_ONCE = {
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
}
"""For a session that runs one statement for ever: plan it once, by keys. A plan made while the
tables are small would otherwise read them whole, and stay."""


def _refuse_impossible_ports(url: str) -> None:
    """The driver lets them pass, and the event loop then tells no more than that it failed."""
    hosts = urlsplit(url).netloc.rpartition("@")[2]
    ports = [host.rpartition(":")[2] for host in hosts.split(",") if ":" in host]
    if any(port.isdecimal() and int(port) > _PORT_MAX for port in ports):
        raise ValueError("no such port")


async def connect(url: str, planning: Mapping[str, str] | None = None) -> asyncpg.Connection:
    """A connection of its own; the caller closes it. Driver exceptions come through, but for those
    about the URL itself: they are `BadSettings`."""
    try:
        _refuse_impossible_ports(url)
        return await asyncpg.connect(
            url,
            timeout=CONNECT_TIMEOUT_S,
            command_timeout=COMMAND_TIMEOUT_S,
            server_settings={**_SESSION, **(planning or {})},
        )
    except asyncpg.ClientConfigurationError as error:
        raise BadSettings(f"{_URL_SETTING}: {error}; {_URL_FORM}") from error
    except ValueError as error:
        # Its text may hold a part of the password: a URL that is cut at the wrong character.
        raise BadSettings(f"{_URL_SETTING}: host or port cannot be read; {_URL_FORM}") from error


class Database:
    """A bounded pool. Every block that uses it raises operating errors only."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    @asynccontextmanager
    async def session(self) -> AsyncIterator[asyncpg.Connection]:
        """A connection for some statements; `Unavailable` if none can be had within 5 s."""
        with translated():
            async with self._pool.acquire(timeout=CONNECT_TIMEOUT_S) as connection:
                yield connection

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[asyncpg.Connection]:
        """A connection within one transaction, committed when the block ends well."""
        async with self.session() as connection, connection.transaction():
            yield connection


@asynccontextmanager
async def open_database(url: str, connections_max: int) -> AsyncIterator[Database]:
    """A pool that connects when it is first used, so that PostgreSQL may come later."""
    with translated():
        pool = await asyncpg.create_pool(
            url,
            min_size=0,
            max_size=connections_max,
            timeout=CONNECT_TIMEOUT_S,
            command_timeout=COMMAND_TIMEOUT_S,
            server_settings={**_SESSION, "plan_cache_mode": "force_custom_plan"},
        )
    try:
        yield Database(pool)
    finally:
        pool.terminate()
