"""Quotas at the way in: how much accounts and workflows have live, and how much they start.

What is used is counted on disk, once a second for whoever starts something, and counted on from
there by what goes through this coordinator. So within one coordinator a quota is exact; of several,
each sees what the others started a second late. Nothing is kept that a crash could lose. What the
engine itself starts, such as sub-workflows, is counted and never refused: what waits for it would
hold its own place for ever.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator

from penstock.common.clock import Clock
from penstock.common.errors import LimitExceeded, PenstockError
from penstock.coordinator.core.commands import Finish
from penstock.coordinator.limits.tallies import Quota, Quotas, Tally
from penstock.coordinator.ports import Usage
from penstock.coordinator.shell.live import Caller, Live

_FRESH_S = 1.0
_SHARE = 20
"""A count that takes long is made less often: at most so small a part of the time goes into it."""
_TALLIES_MAX = 10_000
_SPANS = {1_000_000: "second", 60_000_000: "minute", 3_600_000_000: "hour", 86_400_000_000: "day"}

Place = tuple[Quota, str, str]


class Taken:
    """A start's place under quotas: counts, and tells the caller on."""

    __slots__ = ("_caller", "_clock", "_settled", "_tallies")

    def __init__(self, tallies: list[Tally], clock: Clock, caller: Caller) -> None:
        self._tallies = tallies
        self._clock = clock
        self._caller = caller
        self._settled = False
        for tally in tallies:
            tally.pending += 1

    def on_committed(self, live: Live, accepted: bool) -> None:
        """The start is on disk."""
        self._settle(started=True)
        self._caller.on_committed(live, accepted)

    def on_failed(self, error: PenstockError) -> None:
        """It was not made, or nobody here will know."""
        self._settle(started=False)
        self._caller.on_failed(error)

    def _settle(self, *, started: bool) -> None:
        if not self._settled:
            self._settled = True
            now_us = _us(self._clock)
            for tally in self._tallies:
                tally.settled(now_us, started=started)


class Leaving:
    """Makes room when an execution ends."""

    __slots__ = ("_tallies",)

    def __init__(self, tallies: list[Tally]) -> None:
        self._tallies = tallies

    def on_ended(self, live: Live, end: Finish) -> None:
        """The end is on disk."""
        for tally in self._tallies:
            tally.ended()

    def on_failed(self, error: PenstockError) -> None:
        """This coordinator will not know; the next count does."""


class QuotaDesk:
    """All quotas in use here. `refused` counts refusals by the quota's name."""

    def __init__(self, quotas: Quotas | None, usage: Usage, clock: Clock) -> None:
        self._quotas = quotas
        self._usage = usage
        self._clock = clock
        self._tallies: dict[Place, Tally] = {}
        self._counting = asyncio.Lock()
        self.refused: Counter[str] = Counter()

    def _places(self, tenant: str, workflow: str) -> Iterator[Place]:
        quotas = self._quotas
        for quota in quotas.of(tenant) if quotas is not None else ():
            yield quota, tenant, workflow if quota.scope == "workflow" else ""

    def is_fresh(self, tenant: str, workflow: str) -> bool:
        """True if it is known how much is used; else `count` first."""
        if self._quotas is None:
            return True
        now_us = _us(self._clock)
        tallies = map(self._tallies.get, self._places(tenant, workflow))
        return all(tally is not None and now_us < tally.fresh_until_us for tally in tallies)

    async def count(self, tenant: str, workflow: str) -> None:
        """Have state count what is not known any more; many who come at once share one count.
        Raises retryable errors."""
        if self.is_fresh(tenant, workflow):
            return
        async with self._counting:
            for place in self._places(tenant, workflow):
                tally = self._tallies.get(place)
                if tally is None:
                    self._make_room()
                    tally = self._tallies[place] = Tally(place[0])
                if _us(self._clock) >= tally.fresh_until_us:
                    await self._count_one(tally, place)

    async def _count_one(self, tally: Tally, place: Place) -> None:
        quota, tenant, workflow = place
        asked_us, nth_us = _us(self._clock), 0
        if quota.per_us:
            since_us = self._clock.now_us() - quota.per_us
            count, nth_us = await self._usage.started(tenant, workflow, since_us, quota.limit)
        else:
            count = await self._usage.live(tenant, workflow)
        now_us = _us(self._clock)
        pause_us = max(round(_FRESH_S * 1e6), _SHARE * (now_us - asked_us))
        tally.counted(asked_us, count, nth_us, now_us + pause_us)

    def _make_room(self) -> None:
        if len(self._tallies) >= _TALLIES_MAX:
            now_us = _us(self._clock)
            keep = {
                p: t for p, t in self._tallies.items() if t.pending or now_us < t.fresh_until_us
            }
            self._tallies = keep

    def take(self, live: Live, caller: Caller) -> Caller:
        """Take a place for a start; returns who is to be told of it in place of `caller`. Raises
        `LimitExceeded`."""
        if self._quotas is None:
            return caller
        places = self._places(live.tenant, live.plan.name)
        tallies = [tally for place in places if (tally := self._tallies.get(place)) is not None]
        for tally in tallies:
            if tally.is_full:
                self.refused[f"quota {tally.quota.name}"] += 1
                raise self._refusal(tally, live.plan.name)
        if any(not tally.quota.per_us for tally in tallies):
            live.waiters.append(Leaving(tallies))
        return Taken(tallies, self._clock, caller)

    def _refusal(self, tally: Tally, workflow: str) -> LimitExceeded:
        quota, again_s = tally.quota, tally.again_s(self._clock.now_us())
        who = "this account" if quota.scope == "tenant" else f"the workflow {workflow!r}"
        if quota.per_us:
            span = _SPANS.get(quota.per_us, f"{quota.per_us / 1e6:g} s")
            told = f"{who} has started {tally.used} executions within the last {span}"
        else:
            told = f"{who} has {tally.used} executions that have not ended"
        return LimitExceeded(
            f"{told}; its quota {quota.name} allows {quota.limit}",
            fix=f"Try again in {again_s} s, or have PENSTOCK_COORDINATOR_QUOTAS raised.",
            quota=quota.name,
            limit=quota.limit,
            used=tally.used,
            retry_after_s=again_s,
        )


def _us(clock: Clock) -> int:
    return round(clock.monotonic() * 1e6)
