"""Celery: starts chains and chords and waits for their results.

One thread starts everything and reads every result: waiting for results on many threads stalls for
half a second now and then.
"""

import asyncio
import queue
import time
from collections.abc import Callable
from typing import Any

from celery import Signature, chain, chord
from celery.result import AsyncResult

from bench.peers.celery import tasks
from bench.peers.driver import CHAIN, WIDTH, Chained, keep_stdout, serve

DRAIN_S = 0.001
LOOK_AGAIN_S = 0.25
"""A result that was stored before its channel was listened to is found by looking."""


def ten_in_a_row() -> Signature:
    middle = [tasks.add_one.s() for _ in range(CHAIN - 2)]
    return chain(tasks.begun.s(0), *middle, tasks.ended.s())


def hundred_side_by_side() -> Signature:
    each = [tasks.doubled.s(index) for index in range(WIDTH)]
    return chain(tasks.listed.s(), chord(each, tasks.added.s()))


Make = Callable[[], Signature]
Answer = asyncio.Future[Any]


class Starter:
    """The thread that starts canvases and reads their results."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._asked: queue.SimpleQueue[tuple[Make, Answer] | None] = queue.SimpleQueue()
        self._pending: dict[str, tuple[AsyncResult, Answer]] = {}

    def ask(self, make: Make) -> Answer:
        answer = self._loop.create_future()
        self._asked.put((make, answer))
        return answer

    def stop(self) -> None:
        self._asked.put(None)

    def run(self) -> None:
        looked = time.monotonic()
        while True:
            while not self._pending or not self._asked.empty():
                asked = self._asked.get()
                if asked is None:
                    return
                self._start(*asked)
            tasks.app.backend.result_consumer.drain_events(timeout=DRAIN_S)
            if time.monotonic() - looked > LOOK_AGAIN_S:
                looked = time.monotonic()
                for result, _answer in list(self._pending.values()):
                    if result.ready():
                        self._ended(result)

    def _start(self, make: Make, answer: Answer) -> None:
        result = make().apply_async()
        self._pending[result.id] = (result, answer)
        result.then(self._ended)

    def _ended(self, result: AsyncResult) -> None:
        _result, answer = self._pending.pop(result.id, (None, None))
        if answer is not None:
            self._loop.call_soon_threadsafe(answer.set_result, result.result)


class CeleryClient:
    """Ten tasks in a row are a chain; one, a hundred, one are a chain with a chord."""

    def __init__(self, starter: Starter) -> None:
        self._starter = starter

    async def chain(self) -> Chained:
        return Chained(*await self._starter.ask(ten_in_a_row))

    async def fan_out(self) -> int:
        return await self._starter.ask(hundred_side_by_side)


async def main() -> None:
    answers = keep_stdout()
    starter = Starter(asyncio.get_running_loop())
    async with asyncio.TaskGroup() as group:
        group.create_task(asyncio.to_thread(starter.run))
        await serve(CeleryClient(starter), answers)
        starter.stop()


if __name__ == "__main__":
    asyncio.run(main())
