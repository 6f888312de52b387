"""Which process sweeps: whoever holds an advisory lock, on a connection of its own."""

import asyncpg

from penstock.common.errors import PenstockError
from penstock.state.adapters.postgres.database import connect
from penstock.state.adapters.postgres.faults import DRIVER_ERRORS, operating_error

_KEY = 0x70656E7377656570


class SweepLock:
    """Held until it is closed, or the connection is lost."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: asyncpg.Connection | None = None

    async def held(self) -> bool:
        """True if this process may sweep now. Raises `Unavailable`."""
        try:
            if self._connection is None:
                connection = await connect(self._url)
                if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", _KEY):
                    connection.terminate()
                    return False
                self._connection = connection
            return bool(await self._connection.fetchval("SELECT true"))
        except DRIVER_ERRORS as error:
            raise self._lost(error) from error

    def _lost(self, error: Exception) -> PenstockError:
        self.close()
        return operating_error(error)

    def close(self) -> None:
        """Let another process sweep."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()
