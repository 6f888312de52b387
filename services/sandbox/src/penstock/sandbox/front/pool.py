"""The pool of jails: which jail serves whom, when one is started, retired or closed.

A jail serves one tenant for all its life. The calls of a tenant wait in one queue; a jail that gets
free takes from it, so an idle pool sends at once and a busy one sends batches. A further jail of
the tenant is used only if calls would otherwise wait for longer than a moment: many cheap calls
cost least in one jail, slow ones run side by side. All work is event-driven: nothing polls.
"""

import asyncio
import time
from collections.abc import Callable

from penstock.common.logging import get_logger
from penstock.sandbox.front.calls import InFlight, Slots
from penstock.sandbox.front.jail import Jail
from penstock.sandbox.front.losses import Verdict, sort_out
from penstock.sandbox.front.process import JailNotStarted, start_jail
from penstock.sandbox.front.queues import PRESSURE_S, SPREAD_S, TenantQueue, idlest, is_pressed
from penstock.sandbox.front.watch import Watch
from penstock.sandbox.metrics import Metrics
from penstock.sandbox.settings import Settings

_TRACES_TOLD = 10
_RESTART_DELAYS_S = (0.0, 0.1, 0.5, 1.0, 2.0, 5.0)


class Pool:
    """All jails of this process."""

    def __init__(self, settings: Settings, group: asyncio.TaskGroup, metrics: Metrics) -> None:
        self._settings = settings
        self._jails_max = settings.jails_max()
        self._group = group
        self._metrics = metrics
        self._queues: dict[str, TenantQueue] = {}
        self._spare: list[Jail] = []
        self._alive: set[Jail] = set()
        self._verdicts: dict[Jail, Verdict] = {}
        self._starting = 0
        self._failed_starts = 0
        self._pressure: asyncio.TimerHandle | None = None
        self._sweeping: asyncio.TimerHandle | None = None
        self._watch = Watch(group, self.condemn)
        self._is_closed = False
        self.slots = Slots()
        self.on_warm_changed: Callable[[bool], None] = lambda is_warm: None
        self.confinement: dict[str, str] = {}

    @property
    def is_warm(self) -> bool:
        """Whether at least one jail can take calls."""
        return bool(self._alive)

    def queued(self) -> int:
        """How many calls wait for a jail."""
        return sum([queue.size for queue in self._queues.values()])

    async def start(self) -> None:
        """Start the preloaded jails; return when the first is warm. Raises `JailNotStarted`."""
        await self._start_one()
        for _ in range(self._settings.preload_size - 1):
            self._start_soon()

    def close(self) -> None:
        """Kill all jails."""
        self._is_closed = True
        for timer in (self._pressure, self._sweeping):
            if timer is not None:
                timer.cancel()
        self._watch.close()
        for jail in self._alive:
            jail.process.kill()

    def enqueue(self, call: InFlight) -> None:
        """Queue a call; `flush` sends it."""
        tenant = call.call.tenant
        queue = self._queues.get(tenant)
        if queue is None:
            queue = self._queues[tenant] = TenantQueue(tenant)
        call.since = time.monotonic()
        queue.put(call)

    def flush_tenants(self, tenants: set[str]) -> None:
        """Send what has gathered for these tenants."""
        for tenant in tenants:
            if (queue := self._queues.get(tenant)) is not None:
                self._flush(queue)

    def condemn(self, jail: Jail, verdict: Verdict) -> None:
        """Kill a jail for a reason; its calls are sorted out when it is gone."""
        self._verdicts.setdefault(jail, verdict)
        jail.process.kill()

    def _flush(self, queue: TenantQueue) -> None:
        for jail in queue.jails:
            if jail.is_busy:
                continue
            calls = queue.share(jail) if self._may_use(queue) else []
            if calls or jail.has_news:
                jail.send(calls)
                self._watch.sent(jail, calls)
                self._metrics.on_sent(sum([call.count for call in calls]))
        if queue.has_calls:
            self._want_jail(queue)

    def _may_use(self, queue: TenantQueue) -> bool:
        """Whether a free jail of this tenant is used now; if not yet, see to it that it will be."""
        if not queue.has_calls or queue.wants_another(time.monotonic()):
            return queue.has_calls
        if not queue.is_due:
            queue.is_due = True
            asyncio.get_running_loop().call_later(SPREAD_S, self._on_due, queue)
        return False

    def _on_due(self, queue: TenantQueue) -> None:
        queue.is_due = False
        if not self._is_closed:
            self._flush(queue)

    def _want_jail(self, queue: TenantQueue) -> None:
        """Give the queue another jail: a spare one, a new one, or one taken from an idle tenant."""
        if self._spare and (not queue.jails or self._may_use(queue)):
            self._give(self._spare.pop(), queue)
        elif not queue.jails and not self._starting and not self._has_room():
            self._evict()
        elif not queue.jails and not self._starting:
            self._start_soon()
        elif self._pressure is None and queue.jails and self._has_room():
            loop = asyncio.get_running_loop()
            self._pressure = loop.call_later(PRESSURE_S, self._on_pressure)

    def _has_room(self) -> bool:
        return len(self._alive) + self._starting < self._jails_max

    def _on_pressure(self) -> None:
        self._pressure = None
        if self._has_room() and not self._starting and is_pressed(self._queues.values()):
            self._start_soon()
        for queue in self._queues.values():
            if queue.has_calls:
                self._want_jail(queue)

    def _give(self, jail: Jail, queue: TenantQueue) -> None:
        jail.tenant = queue.tenant
        queue.jails.append(jail)
        self._flush(queue)

    def _evict(self) -> None:
        """Close the jail that has been idle longest, to make room for another tenant."""
        if (jail := idlest(self._queues.values())) is not None:
            self._retire(jail)

    def _retire(self, jail: Jail) -> None:
        """Give a jail no more calls; it ends when it has none."""
        self._remove(jail)
        if not jail.in_flight:
            jail.process.kill()

    def _remove(self, jail: Jail) -> None:
        if jail in self._spare:
            self._spare.remove(jail)
        if jail.tenant is not None and jail in self._queues[jail.tenant].jails:
            self._queues[jail.tenant].jails.remove(jail)

    def _start_soon(self) -> None:
        self._starting += 1
        self._group.create_task(self._start_in_background())

    async def _start_in_background(self) -> None:
        delays = _RESTART_DELAYS_S
        try:
            await asyncio.sleep(delays[min(self._failed_starts, len(delays) - 1)])
            self._starting -= 1
            await self._start_one()
        except (JailNotStarted, TimeoutError, OSError) as error:
            self._failed_starts += 1
            get_logger("pool").error("jail_not_started", error=str(error))
            if not self._is_closed:
                self._start_soon()

    async def _start_one(self) -> None:
        self._starting += 1
        try:
            process = await start_jail(self._settings)
        finally:
            self._starting -= 1
        self._failed_starts = 0
        self.confinement = process.confinement
        jail = Jail(process, self._on_free)
        self._alive.add(jail)
        self._group.create_task(self._bury(jail))
        if self._is_closed:
            process.kill()
            return
        self._metrics.on_jail_started()
        self.on_warm_changed(True)
        self._on_warm(jail)

    def _on_warm(self, jail: Jail) -> None:
        """Put a fresh jail to use: for a worn jail's tenant, for whoever waits, or as a spare."""
        worn = next((old for old in self._alive if self._is_worn(old)), None)
        if worn is not None and worn.tenant is not None:
            queue = self._queues[worn.tenant]
            self._retire(worn)
            self._give(jail, queue)
            return
        waiting = [queue for queue in self._queues.values() if queue.has_calls]
        if waiting:
            self._give(jail, min(waiting, key=lambda queue: len(queue.jails)))
        else:
            self._spare.append(jail)
        self._sweep_later()

    def _is_worn(self, jail: Jail) -> bool:
        is_serving = jail.tenant is not None and jail in self._queues[jail.tenant].jails
        return is_serving and jail.calls_taken >= self._settings.recycle_calls

    def _on_free(self, jail: Jail) -> None:
        if jail.tenant is None or jail not in self._alive:
            return
        queue = self._queues[jail.tenant]
        if jail not in queue.jails:
            self._on_retired_free(jail)
            return
        self._flush(queue)
        if self._is_worn(jail) and not self._starting:
            self._start_soon()
        starved = [other for other in self._queues.values() if other.has_calls and not other.jails]
        for other in starved:
            self._want_jail(other)

    def _on_retired_free(self, jail: Jail) -> None:
        if not jail.in_flight:
            jail.process.kill()
        elif jail.has_news and not jail.is_busy:
            jail.send(())

    async def _bury(self, jail: Jail) -> None:
        """Wait for a jail's end, sort out its calls, and start another if one is needed."""
        await jail.process.wait_ended()
        self._alive.discard(jail)
        self._remove(jail)
        self._watch.forget(jail)
        verdict = self._verdicts.pop(jail, None) or Verdict.of_death(jail)
        self._metrics.on_jail_ended(verdict.reason if jail.in_flight else "closed")
        if self._is_closed:
            return
        if jail.in_flight:
            _report(jail, verdict)
        tenants = set()
        for call in sort_out(jail, verdict):
            self.enqueue(call)
            tenants.add(call.call.tenant)
        if not self._alive:
            self.on_warm_changed(False)
        if len(self._alive) + self._starting < self._settings.preload_size:
            self._start_soon()
        self.flush_tenants(
            tenants | {tenant for tenant, queue in self._queues.items() if queue.has_calls}
        )

    def _sweep_later(self) -> None:
        if self._sweeping is None and len(self._alive) > self._settings.preload_size:
            loop = asyncio.get_running_loop()
            self._sweeping = loop.call_later(self._settings.cleanup_interval, self._sweep)

    def _sweep(self) -> None:
        """Close jails that nobody has used for long, down to the preloaded number."""
        self._sweeping = None
        long_ago = time.monotonic() - self._settings.idle_timeout
        idle = [jail for jail in self._alive if jail.is_idle and jail.idle_since < long_ago]
        surplus = len(self._alive) - self._settings.preload_size
        for jail in sorted(idle, key=lambda jail: jail.idle_since)[:surplus]:
            self._retire(jail)
        self._sweep_later()


def _report(jail: Jail, verdict: Verdict) -> None:
    traces = {trace for one in jail.in_flight.values() for trace in one.traces()}
    get_logger("pool").warning(
        "jail_lost",
        reason=verdict.reason,
        message=verdict.message,
        calls=sum([one.count for one in jail.in_flight.values()]),
        tenant=jail.tenant,
        traces=sorted(traces)[:_TRACES_TOLD],
        last_words=jail.process.last_words[-300:].decode(errors="replace"),
    )
