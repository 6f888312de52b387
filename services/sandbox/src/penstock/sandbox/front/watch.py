"""Limits from outside: wall clock and resident memory. It looks only while calls are in jails.

Who is guilty is asked of the jail itself: its Python thread answers by signal while V8 runs.
"""

import asyncio
import time
from collections.abc import Callable, Sequence

from penstock.sandbox.front.calls import InFlight, holder_of
from penstock.sandbox.front.jail import Jail
from penstock.sandbox.front.losses import SANDBOX_MEMORY, SANDBOX_TIMEOUT, Verdict, expire
from penstock.sandbox.front.process import Marker

_MEMORY_EVERY_S = 0.04
_RECHECK_S = 0.05
_SLACK_BYTES = 64 * 1024 * 1024
"""Resident memory over a call's limit that is not yet held against it: V8's garbage."""


class Watch:
    """Watches the jails that carry calls."""

    def __init__(self, group: asyncio.TaskGroup, condemn: Callable[[Jail, Verdict], None]) -> None:
        self._group = group
        self._condemn = condemn
        self._due: dict[Jail, tuple[float, asyncio.TimerHandle]] = {}
        self._seen: dict[Jail, tuple[Marker, float]] = {}
        self._loaded: set[Jail] = set()
        self._ticking: asyncio.TimerHandle | None = None

    def sent(self, jail: Jail, calls: Sequence[InFlight]) -> None:
        """A jail was given calls: see that they end in time."""
        self._loaded.add(jail)
        if calls:
            self._arm(jail, min([call.wall_s for call in calls]))
        if self._ticking is None:
            self._tick_later()

    def forget(self, jail: Jail) -> None:
        """A jail is gone."""
        self._loaded.discard(jail)
        self._seen.pop(jail, None)
        if (due := self._due.pop(jail, None)) is not None:
            due[1].cancel()

    def close(self) -> None:
        """Stop watching."""
        for jail in list(self._loaded):
            self.forget(jail)
        if self._ticking is not None:
            self._ticking.cancel()

    def _arm(self, jail: Jail, delay_s: float) -> None:
        loop = asyncio.get_running_loop()
        at = loop.time() + delay_s
        due = self._due.get(jail)
        if due is not None:
            if due[0] <= at:
                return
            due[1].cancel()
        self._due[jail] = (at, loop.call_at(at, self._on_due, jail))

    def _on_due(self, jail: Jail) -> None:
        del self._due[jail]
        if jail.in_flight:
            self._group.create_task(self._check_time(jail))

    async def _check_time(self, jail: Jail) -> None:
        marker = await jail.process.ask_marker()
        if jail not in self._loaded:
            return
        if marker is None:
            self._condemn(jail, Verdict(SANDBOX_TIMEOUT, "The jail does not answer any more."))
        elif marker.slot == 0:
            self._arm(jail, self._expire_waiting(jail))
        else:
            self._judge_running(jail, marker)

    def _judge_running(self, jail: Jail, marker: Marker) -> None:
        call = holder_of(jail.in_flight, marker.slot)
        if call is None:
            self._arm(jail, _RECHECK_S)
            return
        left_s = call.wall_s - self._ran_s(jail, marker)
        if left_s > 0:
            self._arm(jail, left_s)
            return
        message = f"The code ran longer than {call.wall_s:g} s."
        self._condemn(jail, Verdict(SANDBOX_TIMEOUT, message, marker.slot, marker.is_sure))

    def _ran_s(self, jail: Jail, marker: Marker) -> float:
        """How long the running call has run. The jail's wall clock may jump, so two other measures
        bound it: how long the jail has been busy, and how long the same run has been seen."""
        now = time.monotonic()
        first, since = self._seen.get(jail, (marker, now))
        if (first.slot, first.started_ms) != (marker.slot, marker.started_ms):
            first, since = marker, now
        self._seen[jail] = (first, since)
        by_clock = time.time() - marker.started_ms / 1000  # noqa: TID251 - the jail's own clock
        bound = now - jail.busy_since if jail.is_busy else by_clock
        return max(now - since, min(by_clock, bound))

    def _expire_waiting(self, jail: Jail) -> float:
        """Fail the calls that have waited too long; return when to look again, in seconds."""
        now = time.monotonic()
        soonest = _RECHECK_S if jail.is_busy else 3600.0
        for call in list(jail.in_flight.values()):
            if call.is_dropped or not call.waiting_since:
                continue
            left_s = call.waiting_since + call.wall_s - now
            if left_s <= 0:
                expire(call)
                jail.drop(call)
            else:
                soonest = min(soonest, left_s)
        if jail.has_news and not jail.is_busy:
            jail.send(())
        return soonest

    def _tick_later(self) -> None:
        loop = asyncio.get_running_loop()
        self._ticking = loop.call_later(_MEMORY_EVERY_S, self._tick)

    def _tick(self) -> None:
        self._ticking = None
        self._loaded = {jail for jail in self._loaded if jail.in_flight}
        for jail in self._loaded:
            grown = jail.process.resident_bytes() - jail.process.idle_bytes
            if grown > _SLACK_BYTES + min([call.memory_bytes for call in jail.in_flight.values()]):
                self._group.create_task(self._check_memory(jail, grown))
        if self._loaded:
            self._tick_later()

    async def _check_memory(self, jail: Jail, grown: int) -> None:
        marker = await jail.process.ask_marker()
        if jail not in self._loaded:
            return
        call = holder_of(jail.in_flight, marker.slot) if marker is not None else None
        if call is not None and grown <= call.memory_bytes + _SLACK_BYTES:
            return
        limit = min([item.memory_bytes for item in jail.in_flight.values()], default=0)
        megabytes = (call.memory_bytes if call is not None else limit) >> 20
        message = f"The code used more memory than {megabytes} MB."
        slot, is_sure = (marker.slot, marker.is_sure) if marker and call else (0, False)
        self._condemn(jail, Verdict(SANDBOX_MEMORY, message, slot, is_sure))
