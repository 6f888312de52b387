"""Celery with Redis for its messages and results."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bench.peers.driven import Driven, driven
from bench.peers.installing import TESTS, pinned, python_environment
from bench.peers.peer import Site, Way, WentWrong
from bench.peers.processes import START_S, Program, running, tail
from bench.peers.redis import open_redis, redis_version

KILL = "not the task a killed worker was at (acknowledged before it runs); a killed Redis loses \
what came after its last snapshot"
POWER = "what the last snapshot had"
QUIET = ("--without-gossip", "--without-mingle", "--without-heartbeat")


class Celery:
    """Tasks in a pool of processes, one for each core."""

    name = "celery"
    ways = (Way("celery", "Celery", KILL, POWER, (4, 16, 64), (1, 4)),)

    async def prepare(self, site: Site) -> dict[str, str]:
        """A virtual environment, and Redis."""
        redis = await redis_version(site)
        await python_environment(self.name, site.cache)
        return {**pinned(self.name, "celery"), "redis": redis}

    @asynccontextmanager
    async def open(self, way: Way, site: Site) -> AsyncIterator[Driven]:
        """Redis, the pool, a client."""
        python = await python_environment(self.name, site.cache)
        async with open_redis(site) as redis:
            env = {"PYTHONPATH": str(TESTS), "PEER_REDIS_URL": redis.url}
            at_work = ("-m", "celery", "-A", "bench.peers.celery.tasks", "worker")
            argv = [str(python), *at_work, "--pool", "prefork", "--loglevel", "INFO", *QUIET]
            worker = Program(argv, site.log("worker"), env, site.scratch)
            argv = [str(python), "-m", "bench.peers.celery.client"]
            client = Program(argv, site.log("client"), env, site.scratch)
            async with running(worker) as working:
                await _until_ready(working, worker)
                async with driven(client, [redis.pid, working.pid]) as asked:
                    yield asked


async def _until_ready(process: asyncio.subprocess.Process, program: Program) -> None:
    """The worker says so in its log."""
    try:
        async with asyncio.timeout(START_S):
            while " ready." not in program.log.read_text():
                if process.returncode is not None:
                    raise WentWrong(f"its worker ended: {tail(program.log)}")
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise WentWrong(f"its worker does not get ready: {tail(program.log)}") from None
