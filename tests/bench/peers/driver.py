"""The Python side of a peer: answers the bench's orders, one JSON line each, on stdin and stdout.

Runs inside the peer's own environment, so it needs the standard library only. What the peer prints
goes to stderr. `driver.mjs` is the same in JavaScript.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

CHAIN = 10
WIDTH = 100
WIDTH_SUM = 2 * sum(range(WIDTH))


@dataclass(frozen=True, slots=True)
class Chained:
    """What ten steps in a row gave, and when the first of them ran (`time.monotonic_ns`)."""

    value: int
    first_step_ns: int


class Engine(Protocol):
    """A peer, as its driver sees it."""

    async def chain(self) -> Chained:
        """Ten steps in a row, each adding one to the last one's result, from 0."""

    async def fan_out(self) -> int:
        """One step giving 0 to 99, a step for each that doubles it, one step that adds them up."""


class WrongAnswer(Exception):
    """The engine did something else than was asked."""


@dataclass
class Loop:
    """A closed loop: when each run ended and how long it took."""

    begun: float = field(default_factory=time.perf_counter)
    ended_s: list[float] = field(default_factory=list)
    latencies_ms: list[float] = field(default_factory=list)

    async def keep_going(self, one: Callable[[], Awaitable[None]], until_s: float) -> None:
        """One run after the other until the time is over."""
        while time.perf_counter() - self.begun < until_s:
            start = time.perf_counter()
            await one()
            now = time.perf_counter()
            self.ended_s.append(now - self.begun)
            self.latencies_ms.append((now - start) * 1000)


async def checked_chain(engine: Engine) -> Chained:
    """One chain, its result checked."""
    chained = await engine.chain()
    if chained.value != CHAIN:
        raise WrongAnswer(f"a chain of {CHAIN} gave {chained.value!r}")
    return chained


async def one_chain(engine: Engine) -> None:
    """One chain of a loop."""
    await checked_chain(engine)


async def one_fan_out(engine: Engine) -> None:
    """One fan-out of a loop."""
    added = await engine.fan_out()
    if added != WIDTH_SUM:
        raise WrongAnswer(f"a fan-out of {WIDTH} gave {added!r}")


async def run_loop(engine: Engine, order: dict[str, Any]) -> dict[str, Any]:
    """Keep `in_flight` runs going for `seconds`."""
    one = {"chain": one_chain, "fan_out": one_fan_out}[order["work"]]
    loop = Loop()
    async with asyncio.TaskGroup() as group:
        for _ in range(order["in_flight"]):
            group.create_task(loop.keep_going(lambda: one(engine), order["seconds"]))
    return {"ended_s": loop.ended_s, "latencies_ms": loop.latencies_ms}


async def run_idle(engine: Engine, order: dict[str, Any]) -> dict[str, Any]:
    """Chains one by one: up to `count`, for at most `seconds`."""
    chain_ms: list[float] = []
    first_step_ms: list[float] = []
    stop_at = time.perf_counter() + order["seconds"]
    while len(chain_ms) < order["count"] and time.perf_counter() < stop_at:
        begun_ns = time.monotonic_ns()
        chained = await checked_chain(engine)
        chain_ms.append((time.monotonic_ns() - begun_ns) / 1e6)
        first_step_ms.append((chained.first_step_ns - begun_ns) / 1e6)
    return {"chain_ms": chain_ms, "first_step_ms": first_step_ms}


async def obey(engine: Engine, order: dict[str, Any]) -> dict[str, Any]:
    """Carry out one order; what went wrong is the answer too."""
    run = run_idle if order["work"] == "idle" else run_loop
    try:
        return await run(engine, order)
    except Exception as error:
        causes = error.exceptions if isinstance(error, ExceptionGroup) else (error,)
        return {"error": f"{type(causes[0]).__name__}: {causes[0]}"}


async def serve(engine: Engine, answers: int) -> None:
    """Answer orders on the descriptor `answers` until stdin ends."""
    while line := await asyncio.to_thread(sys.stdin.readline):
        answer = await obey(engine, json.loads(line))
        left = json.dumps(answer).encode() + b"\n"
        while left:
            left = left[os.write(answers, left) :]


def keep_stdout() -> int:
    """Take stdout for answers; what else prints goes to stderr from now on."""
    answers = os.dup(1)
    os.dup2(2, 1)
    return answers
