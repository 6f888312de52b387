"""Who sleeps and is due soon: asked of state, a window at a time.

Executions at rest are rows, not memory. Of those only the ones that wake up within the next minute
are known here, at most some ten thousand of them, as entries of the timers. What makes that safe is
one rule: of every shard that is ours, whoever is at rest on disk and due by `horizon_us` is armed
or in memory. A look asks for the earliest sleepers from the beginning, so that it finds them
however they came to be missed; whoever falls asleep while it is under way, or is due before the
horizon, stays armed from memory. A timer too many is harmless: it loads an execution that goes
again.
"""

import asyncio
from collections.abc import Callable, Iterable

from penstock.common.clock import Clock
from penstock.common.errors import PenstockError
from penstock.common.logging import get_logger
from penstock.coordinator.ports import Leases, Sleeper
from penstock.coordinator.shell.live import Executions
from penstock.coordinator.shell.timers import Timers

WINDOW_S = 60.0
LOOK_S = 20.0
"""Time between two looks; the window outlasts it, so that a look may be late."""
_RETRY_S = 1.0
_STEP_S = 1.0
"""The wall clock is looked at this often: it may jump."""
_PAGE = 5_000
ARMED_MAX = 20_000
"""Sleepers known ahead of their time: about 6 MB."""


class Sleepers:
    """Arms timers of executions that are not in memory."""

    def __init__(
        self,
        leases: Leases,
        executions: Executions,
        timers: Timers,
        clock: Clock,
        armed_max: int = ARMED_MAX,
    ) -> None:
        self._leases = leases
        self._executions = executions
        self._timers = timers
        self._clock = clock
        self._armed_max = armed_max
        self._armed = 0
        self._more = False
        self._until_us = 0
        self._again = asyncio.Event()
        self._log = get_logger("sleepers")
        self.horizon_us = 0
        self.looked = False
        self.shards: Callable[[], Iterable[int]] = lambda: ()
        self.is_waking: Callable[[str], bool] = lambda execution_id: False

    def keeps(self, wake_us: int) -> bool:
        """True if a wake-up must stay armed although the execution leaves memory."""
        return 0 < wake_us <= max(self.horizon_us, self._until_us)

    def look_again(self) -> None:
        """Shards came: some of their sleepers may be due."""
        self._again.set()

    def took(self, count: int) -> None:
        """So many of those that were armed are on their way."""
        self._armed -= count
        if self._more and self._armed <= self._armed_max // 2:
            self._again.set()

    async def run(self) -> None:
        """Look for ever."""
        while True:
            self._again.clear()
            try:
                await self.look()
                await self._pause(LOOK_S)
            except PenstockError as error:
                self._log.warning("sleepers_not_listed", error=str(error))
                await self._pause(_RETRY_S)

    async def _pause(self, seconds: float) -> None:
        """Wait, unless asked to look again, or the wall clock says that the window is over."""
        until = self._clock.monotonic() + seconds
        while self._clock.monotonic() < until and not self._again.is_set():
            try:
                async with asyncio.timeout(min(_STEP_S, seconds)):
                    await self._again.wait()
            except TimeoutError:
                over_us = self.horizon_us - round(WINDOW_S / 2 * 1e6)
                if not self._more and self._clock.now_us() > over_us:
                    return

    async def look(self) -> None:
        """Arm whoever is due within the window, the earliest first, as many as may be. Raises
        retryable errors."""
        shards = sorted(self.shards())
        self._until_us = self._clock.now_us() + round(WINDOW_S * 1e6)
        armed = 0
        last = Sleeper(0, "")
        try:
            while shards:
                page = await self._leases.sleepers(shards, self._until_us, last, _PAGE)
                armed += self._arm(page)
                if len(page) < _PAGE:
                    break
                last = page[-1]
                if armed >= self._armed_max:
                    self._horizon(last.wake_us - 1, armed, more=True)
                    return
            self._horizon(self._until_us, armed, more=False)
        finally:
            self._until_us = 0

    def _horizon(self, horizon_us: int, armed: int, *, more: bool) -> None:
        self.horizon_us = horizon_us
        self._armed = armed
        self._more = more
        self.looked = True

    def _arm(self, page: list[Sleeper]) -> int:
        """Arm those that are neither in memory nor on their way; returns how many."""
        executions, set_aside = self._executions.by_id, self._executions.set_aside
        count = 0
        for wake_us, execution_id in page:
            if (
                execution_id in executions
                or execution_id in set_aside
                or self.is_waking(execution_id)
            ):
                continue
            self._timers.set(execution_id, wake_us)
            count += 1
        return count
