"""DBOS on the PostgreSQL server that the embedded cluster starts, with a database of its own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from bench.peers.driven import Driven, driven
from bench.peers.installing import TESTS, pinned, python_environment
from bench.peers.peer import Site, Way
from bench.peers.processes import Program
from penstock.embedded import ClusterSettings, open_cluster

DATABASE = "bench_dbos"
ALL = "everything: PostgreSQL with fsync on, each step committed before the next"


class Dbos:
    """A library within the process that starts workflows."""

    name = "dbos"
    ways = (Way("dbos", "DBOS, same PostgreSQL", ALL, ALL, (1, 4, 16), (1, 4)),)

    async def prepare(self, site: Site) -> dict[str, str]:
        """A virtual environment."""
        await python_environment(self.name, site.cache)
        return pinned(self.name, "dbos", "psycopg")

    @asynccontextmanager
    async def open(self, way: Way, site: Site) -> AsyncIterator[Driven]:
        """A server with nothing else to do, and DBOS's process."""
        python = await python_environment(self.name, site.cache)
        settings = ClusterSettings(data_dir=site.scratch / "cluster", log_level="warning")
        async with open_cluster(settings) as cluster:
            connection = await asyncpg.connect(cluster.database_url)
            try:
                await connection.execute(f"create database {DATABASE}")
            finally:
                await connection.close()
            url = urlunsplit(urlsplit(cluster.database_url)._replace(path=f"/{DATABASE}"))
            argv = [str(python), "-m", "bench.peers.dbos.app"]
            env = {"PYTHONPATH": str(TESTS), "PEER_DATABASE_URL": url}
            program = Program(argv, site.log("dbos"), env, site.scratch)
            async with driven(program, [cluster.pids["postgres"]]) as running:
                yield running
