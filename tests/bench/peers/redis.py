"""A Redis server of the bench's own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bench.peers.installing import redis_server, run
from bench.peers.peer import Site
from bench.peers.processes import Program, free_ports, serving

ALWAYS = ("--appendonly", "yes", "--appendfsync", "always")
"""Every write is on disk before it is answered."""


@dataclass(frozen=True, slots=True)
class Redis:
    """A Redis that serves."""

    port: int
    pid: int

    @property
    def url(self) -> str:
        """Where it serves."""
        return f"redis://127.0.0.1:{self.port}/0"


async def redis_version(site: Site) -> str:
    """Version of the server that would be started. Raises `Unavailable`."""
    program, environment = await redis_server(site.cache)
    exports = [f"{name}={value}" for name, value in environment.items()]
    said = await run("env", *exports, program, "--version")
    return said.split("v=", 1)[-1].split()[0]


@asynccontextmanager
async def open_redis(site: Site, *settings: str) -> AsyncIterator[Redis]:
    """A server with Redis's own defaults but for `settings`."""
    program, environment = await redis_server(site.cache)
    (port,) = free_ports(1)
    folder = site.scratch / "redis"
    folder.mkdir()
    place = ("--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder))
    argv = [program, *place, *settings]
    async with serving(Program(argv, site.log("redis"), environment), port) as pid:
        yield Redis(port, pid)
