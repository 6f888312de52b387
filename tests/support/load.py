"""Work that never stops coming while a test breaks things, and a judge of all of it at the end."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from support.driving import Driver
from support.record import open_record

PATIENCE_S = 60
"""How long it may take until something goes on."""

Check = Callable[[dict[str, Any], int], None]
"""Looks at the end of the n-th execution."""

Params = Callable[[int], dict[str, Any]]
"""Parameters of the n-th execution."""


def numbered(n: int) -> dict[str, Any]:
    """The number, as `n`."""
    return {"n": n}


class NothingGoesOn(Exception):
    """Work stands still; the text is why, as far as the cluster can tell."""


@dataclass
class Load:
    """Keeps so many executions of a workflow under way; `ended` is how many are over."""

    driver: Driver
    workflow: str
    check: Check
    params: Params = numbered
    ended: int = 0
    _stop: bool = False
    _next: int = 0
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def keep_going(self) -> None:
        """One client: an execution after the other."""
        while not self._stop:
            number, self._next = self._next, self._next + 1
            end = await self.driver.run(self.workflow, f"key-{number}", self.params(number))
            self.check(end, number)
            self.ended += 1
            async with self._changed:
                self._changed.notify_all()

    async def more(self, count: int) -> None:
        """Return once so many more have ended than now."""
        target = self.ended + count
        try:
            async with asyncio.timeout(PATIENCE_S), self._changed:
                await self._changed.wait_for(lambda: self.ended >= target)
        except TimeoutError as error:
            raise NothingGoesOn(await self._why()) from error

    async def _why(self) -> str:
        """What the cluster says about some of those that have not ended."""
        told = self.driver.told
        left = [each for each in told.started.values() if each not in told.ended][:5]
        whys = [await self.driver.ask("GET", f"/v1/executions/{each}/why") for each in left]
        limits = await self.driver.ask("GET", "/v1/limits")
        return "\n".join(map(str, [*whys, limits]))

    def stop(self) -> None:
        """Begin nothing new."""
        self._stop = True


@asynccontextmanager
async def open_load(
    url: str, source: str, workflow: str, check: Check, clients: int = 20, params: Params = numbered
) -> AsyncIterator[Load]:
    """Apply a workflow and keep it running by so many clients until the block ends; then wait for
    those under way."""
    timeout = aiohttp.ClientTimeout(total=30)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        driver = Driver(url, session)
        await driver.apply(source)
        load = Load(driver, workflow, check, params)
        async with asyncio.TaskGroup() as group:
            for _ in range(clients):
                group.create_task(load.keep_going())
            try:
                yield load
            finally:
                load.stop()


async def faults_of(load: Load, state_address: str) -> list[str]:
    """What the independent checker finds in the journals of all that was acknowledged, and in what
    clients were told."""
    told = load.driver.told
    found = [
        f"{key} was never told its end" for key, e in told.started.items() if e not in told.ended
    ]
    ids = list(told.started.values())
    if len(set(ids)) != len(ids):
        found.append("two keys met one execution")
    async with open_record(state_address) as record:
        for execution_id in ids:
            found += await record.faults(execution_id)
    return found
