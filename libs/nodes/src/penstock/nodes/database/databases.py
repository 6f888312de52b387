"""Databases by address, opened at first use and shared by all calls of a worker."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, unquote, urlsplit

from penstock.nodes.api import Environment, NodeFailure
from penstock.nodes.database.failures import shown_url
from penstock.nodes.database.postgres import Postgres
from penstock.nodes.database.sqlite import Sqlite
from penstock.nodes.egress import check_egress
from penstock.nodes.files import allowed_path

_DATABASES_MAX = 64

Database = Postgres | Sqlite


def _postgres_host(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    host = parts.hostname or query.get("host", ["localhost"])[0]
    port = parts.port or int(query.get("port", ["5432"])[0])
    return ("localhost" if host.startswith("/") else host), port


class Databases:
    """The databases that flows have named so far."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._open: dict[str, Database] = {}

    def at(self, url: str, egress: tuple[str, ...] | None) -> Database:
        """The database at `url`. Raises BAD_URL, EGRESS_DENIED, PATH_DENIED."""
        try:
            scheme = urlsplit(url).scheme
            host, port = _postgres_host(url) if scheme.startswith("postgres") else ("", 0)
        except ValueError as error:
            raise NodeFailure("user", "BAD_URL", f"{shown_url(url)}: {error}") from None
        if scheme in ("postgresql", "postgres"):
            check_egress(host, port, self._environment.egress, egress)
            return self._kept(url, lambda: Postgres(url, self._environment))
        if scheme == "sqlite" and url.startswith("sqlite:///") and len(url) > 10:
            path = str(allowed_path(unquote(url[10:]), self._environment.data_roots))
            return self._kept(path, lambda: Sqlite(path, self._environment))
        raise NodeFailure(
            "user", "BAD_URL", f"{shown_url(url)} is neither postgresql://... nor sqlite:///path"
        )

    def _kept(self, key: str, make: Callable[[], Database]) -> Database:
        if key not in self._open:
            if len(self._open) >= _DATABASES_MAX:
                raise NodeFailure(
                    "transient", "TOO_MANY_DATABASES", f"more than {_DATABASES_MAX} databases"
                )
            self._open[key] = make()
        return self._open[key]

    async def close(self) -> None:
        """Close all."""
        for database in self._open.values():
            await database.close()


@asynccontextmanager
async def open_databases(environment: Environment) -> AsyncIterator[Databases]:
    """The databases of a worker, closed at the end."""
    databases = Databases(environment)
    try:
        yield databases
    finally:
        await databases.close()
