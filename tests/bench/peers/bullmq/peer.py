"""BullMQ on a Redis of its own: the client in one process, the workers in another."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bench.peers.driven import Driven, driven
from bench.peers.installing import NODE, locked, node_folder
from bench.peers.peer import Site, Way, WentWrong
from bench.peers.processes import Program, running, tail
from bench.peers.redis import ALWAYS, open_redis, redis_version

DEFAULT_KILL = "a killed worker's jobs run again; a killed Redis loses what came after its last \
snapshot (up to an hour, a minute if busy)"
DEFAULT_POWER = "what the last snapshot had"
ALWAYS_KILL = "everything: Redis appends each write to its file"
ALWAYS_POWER = "everything: with fsync"
CHAINS = (64, 256, 1000)
FSYNC = ", Redis with fsync on every write"
ONE_JOB = "steps of one job run one after the other"


def _flow(name: str, label: str, kill: str, power: str) -> Way:
    return Way(name, f"BullMQ, a job for each step{label}", kill, power, CHAINS, (1, 8, 32))


def _whole(name: str, label: str, kill: str, power: str) -> Way:
    label = f"BullMQ, the steps in one job{label}"
    return Way(name, label, kill, power, CHAINS, no_fan_out=ONE_JOB)


class BullMq:
    """Jobs on Redis."""

    name = "bullmq"
    ways = (
        _flow("bullmq-flow", "", DEFAULT_KILL, DEFAULT_POWER),
        _flow("bullmq-flow-fsync", FSYNC, ALWAYS_KILL, ALWAYS_POWER),
        _whole("bullmq-whole", "", DEFAULT_KILL, DEFAULT_POWER),
        _whole("bullmq-whole-fsync", FSYNC, ALWAYS_KILL, ALWAYS_POWER),
    )

    async def prepare(self, site: Site) -> dict[str, str]:
        """Its packages, and Redis."""
        redis = await redis_version(site)
        await node_folder(self.name, site.cache)
        return {**locked(self.name, "bullmq", "ioredis"), "redis": redis}

    @asynccontextmanager
    async def open(self, way: Way, site: Site) -> AsyncIterator[Driven]:
        """Redis, a process of workers, a client."""
        folder = await node_folder(self.name, site.cache)
        settings = ALWAYS if way.name.endswith("-fsync") else ()
        async with open_redis(site, *settings) as redis:
            env = {"PEER_REDIS_PORT": str(redis.port), "PEER_WAY": way.name.split("-")[1]}
            worker = Program([NODE, str(folder / "worker.mjs")], site.log("worker"), env)
            client = Program([NODE, str(folder / "client.mjs")], site.log("client"), env)
            async with running(worker) as working:
                assert working.stdout is not None
                if await working.stdout.readline() != b"ready\n":
                    raise WentWrong(f"its worker ended: {tail(worker.log)}")
                async with driven(client, [redis.pid, working.pid]) as asked:
                    yield asked
