"""Prefect: flows run in this process, their runs and states kept by the server."""

import asyncio
import time

from prefect import flow, task
from prefect.futures import wait

from bench.peers.driver import CHAIN, WIDTH, Chained, keep_stdout, serve


@task
async def add_one(n: int) -> tuple[int, int]:
    return n + 1, time.monotonic_ns()


@task
async def listed() -> list[int]:
    return list(range(WIDTH))


@task
def doubled(item: int) -> int:
    return item * 2


@task
async def added(items: list[int]) -> int:
    return sum(items)


@flow
async def chain() -> tuple[int, int]:
    n, first_step_ns = await add_one(0)
    for _ in range(CHAIN - 1):
        n, _later = await add_one(n)
    return n, first_step_ns


@flow
async def fan_out() -> int:
    futures = doubled.map(await listed())
    return await added([future.result() for future in wait(futures).done])


class Prefect:
    """Runs flows by calling them: the shortest way Prefect has."""

    async def chain(self) -> Chained:
        return Chained(*await chain())

    async def fan_out(self) -> int:
        return await fan_out()


async def main() -> None:
    answers = keep_stdout()
    await serve(Prefect(), answers)


if __name__ == "__main__":
    asyncio.run(main())
