"""ClusterLimits held across the cluster: this coordinator as owner of keys, and as one who asks.

What is decided is decided by the book (for keys owned here) and the claims (for executions owned
here), both pure; this is the clock, the messages and the leases around them. What arrives gathers
until the next turn of `run`, which sleeps until something arrives or is due: without limits in use
it never wakes.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Protocol

from penstock.common.clock import Clock
from penstock.common.ids import shard_of
from penstock.coordinator.limits.book import Book
from penstock.coordinator.limits.breakers import Breaker
from penstock.coordinator.limits.claims import Claims, GiveBack, KeyOwner, Message
from penstock.coordinator.limits.permits import Ask, Sync, Told, Verdict, split_key
from penstock.coordinator.limits.slots import Slots
from penstock.coordinator.shell.live import Shard

_US = 1_000_000
_GREET_S = 1.0
MARGIN_S = 2.0
"""How much longer than its own patience a worker may take to stop what it runs."""


class Peers(Protocol):
    """The other coordinators, by id. Nothing here waits; what cannot be delivered is made up for by
    the next sync."""

    def send(self, coordinator_id: str, message: Message) -> None:
        """To an owner of keys."""
        ...

    def sync(self, coordinator_id: str, address: str) -> None:
        """Tell an owner of keys everything, again."""
        ...

    def greet(self, coordinator_id: str, address: str) -> None:
        """Ask another to tell this one everything."""
        ...

    def answer(self, told: Told) -> None:
        """To one who asked."""
        ...

    def keep(self, members: Mapping[str, str]) -> None:
        """Only these are there; let the others go."""
        ...

    def close(self) -> None:
        """Let everybody go."""
        ...


class Alone:
    """No other coordinators."""

    def send(self, coordinator_id: str, message: Message) -> None:
        """Nobody is there."""

    def sync(self, coordinator_id: str, address: str) -> None:
        """Nobody is there."""

    def greet(self, coordinator_id: str, address: str) -> None:
        """Nobody is there."""

    def answer(self, told: Told) -> None:
        """Nobody is there."""

    def keep(self, members: Mapping[str, str]) -> None:
        """Nobody is there."""

    def close(self) -> None:
        """Nobody is there."""


class MayAct(Protocol):
    """Whether this coordinator's leases hold."""

    def holds(self) -> bool:
        """False once they may be over."""
        ...


class ClusterLimits:
    """Both sides. `on_told` hears answers to what this coordinator asked; `on_served` is called
    after a batch of them, whoever gave them; `refused` counts by kind what was turned away under
    keys owned here."""

    def __init__(self, coordinator_id: str, clock: Clock, tenure: MayAct, fence_s: float) -> None:
        self.id = coordinator_id
        self.fence_s = fence_s
        self.doubt_us = round((fence_s + MARGIN_S) * _US)
        self.book = Book(self._shard_of)
        self._filled = asyncio.Event()
        self.claims = Claims(self._shard_of, self._send, self._filled.set)
        self.peers: Peers = Alone()
        self.on_told: Callable[[Told], None] = lambda told: None
        self.on_served: Callable[[], None] = lambda: None
        self.refused: Counter[str] = Counter()
        self._clock = clock
        self._tenure = tenure
        self._count = 0
        self._members: dict[str, str] = {}
        self._execution_owners: dict[int, str] = {}
        self._spoken_to: set[str] = set()
        self._missed_by: set[str] = set()
        self._in_doubt = False
        self._answered = False
        self._greeted_s = 0.0

    def _shard_of(self, text: str) -> int:
        return shard_of(text, self._count or 1)

    def now_us(self) -> int:
        """The time that permits count in: monotonic, of this process."""
        return round(self._clock.monotonic() * _US)

    # What changes with membership

    def follow(
        self, count: int, members: Mapping[str, str], leases: Mapping[int, KeyOwner]
    ) -> None:
        """State says who is there and who holds which shard; called at each renewal."""
        self._count = count
        self._members = dict(members)
        now_us = self.now_us()
        mine = {n: o.epoch for n, o in leases.items() if o.coordinator_id == self.id}
        for number in [n for n, shard in self.book.shards.items() if mine.get(n) != shard.epoch]:
            self.book.drop(number)
        for number, epoch in mine.items():
            if number not in self.book.shards:
                self.book.take(number, epoch, now_us)
        self._execution_owners = {n: o.coordinator_id for n, o in leases.items()}
        if len(leases) == count:
            self.book.require({n: owner.epoch for n, owner in leases.items()})
        self.peers.keep({i: a for i, a in self._members.items() if i != self.id})
        self._missed_by |= self._spoken_to - self._members.keys()
        self._missed_by &= {owner.coordinator_id for owner in leases.values()}
        self._spoken_to &= self._members.keys()
        returned = self._missed_by & self._members.keys()
        for coordinator_id in self.claims.follow(leases) | returned:
            self._sync(coordinator_id)
        if self._in_doubt or self.book.awaited() or self.book.next_us():
            self._filled.set()  # who holds what decides when keys open, and who must speak

    def loaded(self, shard: Shard) -> None:
        """The executions of a shard are here. If somebody had them before and did not say that
        nothing runs, attempts may run that their journals do not tell of."""
        unsettled_us = 0 if shard.settled else self.doubt_us
        self.claims.speaks_for[shard.number] = (shard.epoch, self.now_us() + unsettled_us)

    def speak(self) -> None:
        """What this coordinator speaks for changed: tell everybody who was told before."""
        for coordinator_id in list(self._spoken_to):
            self._sync(coordinator_id)
        self._filled.set()

    def may_be_settled(self, shard: Shard) -> bool:
        """True if nothing of a shard that is here runs that this coordinator does not know of."""
        epoch, settled_us = self.claims.speaks_for.get(shard.number, (0, 0))
        return epoch == shard.epoch and settled_us <= self.now_us() and self._tenure.holds()

    def forget(self, shard: Shard) -> None:
        """A shard went to somebody else, with all of its executions."""
        self.claims.speaks_for.pop(shard.number, None)
        self.claims.forget(shard.number)

    # What comes from others

    def hear(self, message: Message) -> None:
        """Somebody asks or gives back."""
        now_us = self.now_us()
        if isinstance(message, GiveBack):
            permit, key, epoch, failed = message
            if failed is not None:
                self.book.heard(permit, key, failed, now_us)
            self.book.give_back(permit, key, epoch)
        else:
            self.book.ask(message, now_us)
        self._filled.set()

    def hear_sync(self, who: str, said: Sync) -> None:
        """A coordinator tells all that it knows."""
        self.book.sync(who, said, self.now_us())
        self._filled.set()

    def hear_answer(self, told: Told) -> None:
        """The owner of a key answers."""
        if self.claims.told(told):
            self.on_told(told)
            self._answered = True
            self._filled.set()

    def greeted(self, coordinator_id: str) -> None:
        """An owner of keys wants to be told everything."""
        if coordinator_id in self._members:
            self._sync(coordinator_id)

    def sync_for(self, coordinator_id: str) -> Sync:
        """What an owner of keys should know, as of now."""
        return self.claims.sync_for(coordinator_id, self.now_us())

    # What people do

    def release(self, tenant: str, execution_id: str) -> int:
        """Free whatever an execution holds or wants, here as owner and here as asker; returns how
        much that was. What still runs then runs beside the limit."""
        found = 0
        for claim in self.claims.of(execution_id):
            if split_key(claim.ask.key)[1] == tenant:
                self.claims.give_back(claim.ask.permit, claim.ask.key)
                found += 1
        for key, limit in list(self.book):
            if split_key(key)[1] == tenant and isinstance(limit, Slots):
                for permit in [p for p in limit.holders if p.execution_id == execution_id]:
                    limit.give_back(permit)
                    self.book.touch(key)
                    found += 1
        self._filled.set()
        return found

    def set_breaker(self, key: str, *, is_open: bool) -> bool:
        """Open or close a breaker; False if it is not known here."""
        breaker = self.book.find(key)
        if not isinstance(breaker, Breaker):
            return False
        if is_open:
            breaker.trip(self.now_us())
        else:
            breaker.reset()
        self.book.touch(key)
        self._filled.set()
        return True

    # What goes to others

    def _send(self, coordinator_id: str, message: Message) -> None:
        if coordinator_id == self.id:
            self.hear(message)
            return
        if coordinator_id not in self._spoken_to:
            self._sync(coordinator_id)
        self.peers.send(coordinator_id, message)

    def _sync(self, coordinator_id: str) -> None:
        """Tell an owner of keys everything: one that is not to be reached once it is back."""
        if coordinator_id == self.id:
            self._spoken_to.add(coordinator_id)
            self.hear_sync(self.id, self.sync_for(self.id))
        elif (address := self._members.get(coordinator_id)) is not None:
            self._spoken_to.add(coordinator_id)
            self._missed_by.discard(coordinator_id)
            self.peers.sync(coordinator_id, address)
        else:
            self._missed_by.add(coordinator_id)

    # The loop

    async def run(self) -> None:
        """Serve for ever."""
        while True:
            self.turn()
            await asyncio.sleep(0)
            due_us = self.due_us()
            if not due_us:
                await self._filled.wait()
                continue
            left_s = (due_us - self.now_us()) / _US
            try:
                async with asyncio.timeout(max(0.001, left_s)):
                    await self._filled.wait()
            except TimeoutError:
                continue

    @property
    def stirred(self) -> bool:
        """True if something arrived since the last turn: the loop goes on."""
        return self._filled.is_set()

    def due_us(self) -> int:
        """When time alone calls for a turn, 0 for never; the loop asks after each turn. While the
        leases are in doubt nothing is granted: their renewal calls for a turn."""
        granting_us = 0 if self._in_doubt else self.book.next_us()
        return min((t for t in (granting_us, self.claims.next_us()) if t), default=0)

    def turn(self) -> None:
        """Decide whatever can be decided now, and tell. Nothing is decided that could not be told:
        of a rate, what is let go later would be let go together with what comes after it."""
        self._filled.clear()
        now_us = self.now_us()
        self.claims.settle(now_us)
        self._in_doubt = not self._tenure.holds()
        for each in () if self._in_doubt else self.book.serve(now_us):
            if each.verdict is Verdict.REFUSED:
                self.refused[split_key(each.key)[0]] += 1
            self._deliver(each)
        if self._answered:
            self._answered = False
            self.on_served()
        self._call_for_words()

    def _deliver(self, told: Told) -> None:
        shard = self.book.shards.get(self._shard_of(told.key))
        if shard is None or shard.epoch != told.epoch:
            return
        if told.who == self.id:
            self.hear_answer(told)
        else:
            self.peers.answer(told)

    def _call_for_words(self) -> None:
        """Have those tell everything whose word is missing."""
        awaited = self.book.awaited()
        own = self.claims.speaks_for
        if any(own.get(x, (0, 0))[0] >= epoch for x, epoch in awaited.items()):
            self.hear_sync(self.id, self.sync_for(self.id))
        owners = {self._execution_owners.get(number, "") for number in awaited}
        others = owners - {self.id}
        now_s = self._clock.monotonic()
        if others and now_s - self._greeted_s >= _GREET_S / 2:
            self._greeted_s = now_s
            for coordinator_id in others & self._members.keys():
                self.peers.greet(coordinator_id, self._members[coordinator_id])

    def ask(self, ask: Ask) -> None:
        """Want a permit; `on_told` will hear."""
        self.claims.want(ask)
