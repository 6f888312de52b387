"""An engine behind a driver process: orders go out, answers come back, one JSON line each."""

import asyncio
import json
import statistics
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from bench.peers.peer import Idle, Looped, WentWrong
from bench.peers.processes import Program, cpu_seconds, own_cpu_seconds, running, tail

PATIENCE_S = 120.0
WARM_SHARE = 0.2


def per_second(ended_s: list[float], seconds: float) -> float:
    """Runs ended per second, by whichever count is better for the engine.

    Either those that ended after a fifth of the time and before its end, or all of them over the
    time the last one took: an engine that takes all its runs side by side ends them in bunches,
    which the first count may miss.
    """
    warm = seconds * WARM_SHARE
    within = sum(1 for at in ended_s if warm <= at < seconds)
    return max(within / (seconds - warm), len(ended_s) / max(ended_s))


class Driven:
    """Gives orders to a driver."""

    def __init__(self, driver: asyncio.subprocess.Process, pids: list[int], log: Path) -> None:
        self._driver = driver
        self._pids = [driver.pid, *pids]
        self._log = log

    async def loop(self, work: str, in_flight: int, seconds: float) -> Looped:
        """Keep `in_flight` runs going; raises `WentWrong`."""
        seen = await self._ask(work=work, in_flight=in_flight, seconds=seconds)
        return Looped(
            per_second=per_second(seen["ended_s"], seconds),
            ended=len(seen["ended_s"]),
            p50_ms=statistics.median(seen["latencies_ms"]),
        )

    async def idle(self, count: int, seconds: float) -> Idle:
        """One chain after the other; raises `WentWrong`."""
        seen = await self._ask(work="idle", count=count, seconds=seconds)
        return Idle(seen["chain_ms"], seen["first_step_ms"])

    def cpu_s(self) -> float:
        """The engine's servers and workers, its driver, and this process."""
        return cpu_seconds(self._pids) + own_cpu_seconds()

    async def _ask(self, **order: Any) -> dict[str, Any]:
        assert self._driver.stdin is not None
        assert self._driver.stdout is not None
        try:
            self._driver.stdin.write(json.dumps(order).encode() + b"\n")
            await self._driver.stdin.drain()
            async with asyncio.timeout(order["seconds"] + PATIENCE_S):
                line = await self._driver.stdout.readline()
        except TimeoutError:
            raise WentWrong(f"no answer to {order}: {tail(self._log)}") from None
        except ConnectionError:
            line = b""
        if not line:
            raise WentWrong(f"its driver ended: {tail(self._log)}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise WentWrong(answer["error"])
        return answer


@asynccontextmanager
async def driven(program: Program, pids: list[int]) -> AsyncIterator[Driven]:
    """Start a driver; `pids` are the processes whose CPU counts besides its own."""
    async with running(program) as driver:
        yield Driven(driver, pids, program.log)
