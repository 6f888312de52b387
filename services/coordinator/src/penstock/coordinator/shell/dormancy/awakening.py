"""Coming back to memory: executions at rest are loaded when a timer or somebody wants them.

Whoever wants one is told in the order of asking, in one go with the execution's return, so that
what they put into the inbox is decided in that order; a second request while the first is under way
waits for the same load. Requests of callers go before timers.
"""

import asyncio
from collections import deque
from collections.abc import Iterable
from typing import Protocol

from penstock.common.clock import Clock
from penstock.common.errors import Internal, PenstockError, Unavailable
from penstock.common.invariant import invariant
from penstock.common.logging import get_logger
from penstock.coordinator.ports import Leases
from penstock.coordinator.shell.dispatch.release import MOVED
from penstock.coordinator.shell.dormancy.dozing import Dozing
from penstock.coordinator.shell.live import Executions, Live, Phase, Recovered, Shard
from penstock.coordinator.shell.shards.folding import Folding
from penstock.coordinator.shell.shards.shards import Shards
from penstock.coordinator.shell.turns import Turns

_AT_ONCE = 200
"""Executions of one load: enough to make a round trip to state cheap, few enough to wait for."""
_CALLED_MAX = 10_000
"""Executions that callers wait for at the same time."""
_RETRY_US = 1_000_000
_NO_ROOM_S = 0.1


class Visitor(Protocol):
    """Somebody who wants an execution that is not in memory."""

    def on_awake(self, live: Live) -> None:
        """Here it is. Must not wait; what it puts into the inbox keeps its place."""
        ...

    def on_absent(self) -> None:
        """There is no such execution at rest: it has ended, or there never was one."""
        ...

    def on_failed(self, error: PenstockError) -> None:
        """It could not be found out."""
        ...


class _Asking:
    """A visitor that can be waited for."""

    def __init__(self) -> None:
        self.found: asyncio.Future[Live | None] = asyncio.get_running_loop().create_future()

    def on_awake(self, live: Live) -> None:
        if not self.found.done():
            self.found.set_result(live)

    def on_absent(self) -> None:
        if not self.found.done():
            self.found.set_result(None)

    def on_failed(self, error: PenstockError) -> None:
        if not self.found.done():
            self.found.set_exception(error)


class Awakening:
    """The way back into memory. `executions_max` holds timers back, never callers."""

    def __init__(
        self,
        leases: Leases,
        folding: Folding,
        executions: Executions,
        shards: Shards,
        turns: Turns,
        dozing: Dozing,
    ) -> None:
        self._leases = leases
        self._folding = folding
        self._executions = executions
        self._shards = shards
        self._turns = turns
        self._dozing = dozing
        self._wanted: dict[str, list[Visitor]] = {}
        self._called: deque[str] = deque()
        self._timed: deque[str] = deque()
        self._filled = asyncio.Event()
        self._log = get_logger("awakening")
        self.executions_max = 0

    def is_waking(self, execution_id: str) -> bool:
        """True if it is on its way."""
        return execution_id in self._wanted

    def reach(self, execution_id: str, visitor: Visitor) -> None:
        """Tell `visitor` of the execution, at once if it is in memory; never waits. Raises as
        `Shards.of`, and `Unavailable` if too many are wanted already."""
        live = self._executions.get(execution_id)
        if live is not None:
            visitor.on_awake(live)
            return
        self._shards.of(execution_id)
        visitors = self._wanted.get(execution_id)
        if visitors:
            visitors.append(visitor)
            return
        if len(self._called) >= _CALLED_MAX:
            raise Unavailable("too many executions are on their way back to memory; try again")
        if visitors is None:
            self._wanted[execution_id] = [visitor]
        else:
            visitors.append(visitor)
        self._called.append(execution_id)
        self._filled.set()

    async def find(self, execution_id: str) -> Live | None:
        """The execution in memory; None if it is not live. Raises as `reach`."""
        asking = _Asking()
        self.reach(execution_id, asking)
        return await asking.found

    def time_passed(self, execution_id: str) -> None:
        """The timer of an execution that is not in memory went off."""
        if execution_id not in self._wanted:
            self._wanted[execution_id] = []
            self._timed.append(execution_id)
            self._filled.set()

    async def run(self, clock: Clock) -> None:
        """Load what is wanted, for ever."""
        while True:
            await self._filled.wait()
            ids = self._next()
            if ids:
                await self._load(ids, clock)
            elif self._timed:
                await asyncio.sleep(_NO_ROOM_S)
            elif not self._called:
                self._filled.clear()

    def _next(self) -> dict[str, None]:
        """What to load now: whatever callers want, then timers as long as there is room."""
        ids: dict[str, None] = {}
        for queue, room in (
            (self._called, _AT_ONCE),
            (self._timed, min(_AT_ONCE, self.executions_max - len(self._executions))),
        ):
            while queue and len(ids) < room:
                execution_id = queue.popleft()
                if execution_id in self._wanted:
                    ids[execution_id] = None
        return ids

    async def _load(self, ids: Iterable[str], clock: Clock) -> None:
        shards: dict[str, Shard] = {}
        for execution_id in ids:
            try:
                shards[execution_id] = self._shards.of(execution_id)
            except PenstockError as error:
                self._fail(execution_id, error)
        try:
            rows = self._leases.load_resting(
                [each for each in shards if each not in self._executions.set_aside]
            )
            loaded = await self._folding.fold(rows, shards.__getitem__)
        except PenstockError as error:
            self._log.warning("sleepers_not_loaded", count=len(shards), error=str(error))
            for execution_id in shards:
                self._turns.timers.set(execution_id, clock.now_us() + _RETRY_US)
                self._fail(execution_id, error)
            return
        for live in loaded:
            self._bring_in(live)
        for execution_id in sorted(shards.keys() - {live.id for live in loaded}):
            self._miss(execution_id, shards[execution_id])

    def _bring_in(self, live: Live) -> None:
        """Hold it, let the core go on with it, then let in who wanted it."""
        shard = live.shard
        if shard.phase is not Phase.OWNED:
            self._fail(live.id, Unavailable(MOVED))
            return
        invariant(live.id not in self._executions.by_id, "what is in memory is not loaded")
        live.early = []
        live.waiters = shard.absent.pop(live.id, [])
        self._executions.add(live)
        self._turns.put(live, Recovered())
        self._dozing.loaded(live)
        for visitor in self._wanted.pop(live.id, ()):
            visitor.on_awake(live)

    def _miss(self, execution_id: str, shard: Shard) -> None:
        if execution_id not in self._executions.set_aside:
            for visitor in self._wanted.pop(execution_id, ()):
                visitor.on_absent()
            return
        broken = Internal("the history of this execution cannot be read by this version")
        for waiter in shard.absent.pop(execution_id, ()):
            waiter.on_failed(broken)
        self._fail(execution_id, broken)

    def _fail(self, execution_id: str, error: PenstockError) -> None:
        for visitor in self._wanted.pop(execution_id, ()):
            visitor.on_failed(error)
