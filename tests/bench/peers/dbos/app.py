"""DBOS: workflows of ten steps in one process, as a library, on PostgreSQL."""

import asyncio
import os
import time
from concurrent.futures import ThreadPoolExecutor

from dbos import DBOS, DBOSConfig

from bench.peers.driver import CHAIN, WIDTH, Chained, keep_stdout, serve

THREADS = 64


@DBOS.step()
def add_one(n: int) -> tuple[int, int]:
    return n + 1, time.monotonic_ns()


@DBOS.step()
async def listed() -> list[int]:
    return list(range(WIDTH))


@DBOS.step()
async def doubled(item: int) -> int:
    return item * 2


@DBOS.step()
async def added(items: list[int]) -> int:
    return sum(items)


@DBOS.workflow()
def chain() -> tuple[int, int]:
    n, first_step_ns = add_one(0)
    for _ in range(CHAIN - 1):
        n, _later = add_one(n)
    return n, first_step_ns


@DBOS.workflow()
async def fan_out() -> int:
    items = await listed()
    return await added(await asyncio.gather(*[doubled(item) for item in items]))


class Dbos:
    """Runs workflows by calling them: the shortest way DBOS has, each step still recorded.

    Plain functions on threads are the faster ones for a chain; steps side by side are what
    coroutines are for.
    """

    def __init__(self, threads: ThreadPoolExecutor) -> None:
        self._threads = threads

    async def chain(self) -> Chained:
        loop = asyncio.get_running_loop()
        return Chained(*await loop.run_in_executor(self._threads, chain))

    async def fan_out(self) -> int:
        return await fan_out()


async def main() -> None:
    answers = keep_stdout()
    config: DBOSConfig = {
        "name": "bench",
        "system_database_url": os.environ["PEER_DATABASE_URL"],
        "log_level": "WARNING",
    }
    DBOS(config=config)
    DBOS.launch()
    try:
        with ThreadPoolExecutor(THREADS) as threads:
            await serve(Dbos(threads), answers)
    finally:
        DBOS.destroy()


if __name__ == "__main__":
    asyncio.run(main())
