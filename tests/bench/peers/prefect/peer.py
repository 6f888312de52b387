"""Prefect with a server of its own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bench.peers.driven import Driven, driven
from bench.peers.installing import TESTS, pinned, python_environment
from bench.peers.peer import Site, Way
from bench.peers.processes import Program, free_ports, serving

KILL = "states of runs, as far as the server had heard of them; no results, and nothing goes on \
by itself"
POWER = "the same, less the last transactions (SQLite, write-ahead log, synchronous = NORMAL)"


class Prefect:
    """Flows in the process that starts them, watched over by a server on SQLite.

    Its documentation names PostgreSQL for many writers; the embedded one lacks the extension
    pg_trgm that Prefect asks for.
    """

    name = "prefect"
    ways = (Way("prefect", "Prefect, its default SQLite", KILL, POWER, (1, 4), (1,)),)

    async def prepare(self, site: Site) -> dict[str, str]:
        """A virtual environment."""
        await python_environment(self.name, site.cache)
        return pinned(self.name, "prefect")

    @asynccontextmanager
    async def open(self, way: Way, site: Site) -> AsyncIterator[Driven]:
        """The server without its user interface, and a process that runs flows."""
        python = await python_environment(self.name, site.cache)
        (port,) = free_ports(1)
        env = {
            "PYTHONPATH": str(TESTS),
            "PREFECT_HOME": str(site.scratch / "prefect"),
            "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
            "PREFECT_LOGGING_LEVEL": "ERROR",
            "PREFECT_LOGGING_TO_API_ENABLED": "false",
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "DO_NOT_TRACK": "1",
        }
        start = ("server", "start", "--host", "127.0.0.1", "--port", str(port), "--no-ui")
        argv = [str(python), "-m", "prefect", *start]
        server = Program(argv, site.log("server"), env, site.scratch)
        argv = [str(python), "-m", "bench.peers.prefect.client"]
        client = Program(argv, site.log("client"), env, site.scratch)
        async with serving(server, port) as pid, driven(client, [pid]) as asked:
            yield asked
