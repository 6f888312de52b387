"""Leaving memory: executions that only wait are let go after a short while.

An execution is at rest when nothing of it is queued or running (`core.resting`). The commit that
makes it so says so in its row; from then on the row alone would do to wake it. It is kept in memory
for a little longer, in case it is needed at once, and then let go, in one go with the check that
nothing has happened to it since, that its history is on disk, and that no input waits for it. Who
waits for its end is kept with its shard. A wait that is shorter than that while is not told to the
row: it would cost two changes of a row for nothing.
"""

import asyncio
from collections import deque
from collections.abc import Callable

from penstock.api.state.v1.state_service_pb2 import REST_ENDED, REST_RESTS, Projection
from penstock.common.clock import Clock
from penstock.coordinator.core.resting import is_at_rest
from penstock.coordinator.shell.live import Executions, Live
from penstock.coordinator.shell.measures import Measures
from penstock.coordinator.shell.turns import Turns

_SWEEP_S = 0.25
_SWEPT_MAX = 5_000
"""Executions looked at before others have their turn: about 10 ms."""

Drowsy = tuple[float, Live, int, int]
"""Not before (monotonic); who; its last event then; the append that holds it."""


class Dozing:
    """Lets executions at rest go. `keeps_timer` says whether a wake-up is near enough to stay
    armed; `may_doze` whether whoever is let go will be woken."""

    def __init__(
        self, executions: Executions, turns: Turns, clock: Clock, measures: Measures, after_s: float
    ) -> None:
        self._executions = executions
        self._turns = turns
        self._clock = clock
        self._measures = measures
        self._after_s = after_s
        self._drowsy: deque[Drowsy] = deque()
        self._filled = asyncio.Event()
        self.crowded_from = 0
        self.keeps_timer: Callable[[int], bool] = lambda wake_us: True
        self.may_doze: Callable[[], bool] = lambda: False

    def note(self, live: Live, row: Projection, now_us: int, batch_id: int) -> None:
        """A record of an execution that waits, or that was at rest, is on its way to disk. One that
        counts under its workflow's limit stays, so that whoever takes the shard knows of it."""
        is_nap = 0 < live.wake_us < now_us + self._after_s * 1e6
        counts = live.plan.concurrency is not None
        rests = not is_nap and not counts and is_at_rest(live.state)
        if rests:
            row.rest = REST_RESTS
            self._expect(live, batch_id)
        elif live.rests:
            row.rest = REST_ENDED
        live.rests = rests

    def loaded(self, live: Live) -> None:
        """An execution at rest came back; unless something happens to it, it goes again."""
        live.rests = True
        self._expect(live, 0)

    def _expect(self, live: Live, batch_id: int) -> None:
        due = self._clock.monotonic() + self._after_s
        self._drowsy.append((due, live, live.state.seq, batch_id))
        self._filled.set()

    async def run(self) -> None:
        """Sweep for ever, while there is anybody to let go."""
        while True:
            await self._filled.wait()
            more = self.sweep()
            if not self._drowsy:
                self._filled.clear()
            await asyncio.sleep(0 if more else _SWEEP_S)

    def sweep(self) -> bool:
        """Let go who has been at rest for long enough; with little room left, everybody at rest.
        True if there may be more of them."""
        if not self.may_doze():
            return False
        now = self._clock.monotonic()
        crowded = 0 < self.crowded_from <= len(self._executions)
        busy: set[str] | None = None
        for _ in range(min(len(self._drowsy), _SWEPT_MAX)):
            due, live, seq, batch_id = self._drowsy[0]
            if (due > now and not crowded) or not self._turns.appends.on_disk(batch_id):
                return False
            self._drowsy.popleft()
            if live.gone or not live.rests or live.state.seq != seq:
                continue
            if busy is None:
                busy = self._turns.waiting_ids()
            if live.id in busy or live.early is not None or live.state.holders:
                self._expect(live, batch_id)
            else:
                self._let_go(live)
        return len(self._drowsy) >= _SWEPT_MAX

    def _let_go(self, live: Live) -> None:
        if live.waiters:
            live.shard.absent[live.id] = live.waiters
            live.waiters = []
        if not self.keeps_timer(live.wake_us):
            self._turns.timers.set(live.id, 0)
        self._executions.forget(live)
        self._measures.dozed.inc()
