"""The permit book: what one coordinator knows of the limit keys that it owns.

Theory. A key lives in a shard, like an execution, and is owned by whoever holds the lease on that
shard. The owner grants; whoever asks vouches for what it holds. Never more than a limit rests on
three rules:

1. *Nothing is granted blindly.* A key shard that was just taken is closed. It opens once, for every
   shard of executions, the holder of the lease (as state names it after the key shard was taken)
   has told all that it holds there (`sync`), and the time is over in which attempts that even it
   does not know of might still run.
2. *What is held is over only when somebody who must know says so*: the coordinator that owns the
   execution gives it back; or the execution's next owner, who heard of all open attempts from the
   journal, does not name it, and the time is over in which a worker goes on without its
   coordinator.
3. *Who lost a shard is not listened to*: whatever comes under an older epoch of the execution's
   shard is ignored, and grants carry the epoch of the key's shard, so that one from a former owner
   is ignored by who has spoken to the next.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping

import msgspec

from penstock.coordinator.limits.breakers import Breaker
from penstock.coordinator.limits.permits import (
    Ask,
    BreakerRule,
    PermitId,
    RateRule,
    Sync,
    Told,
)
from penstock.coordinator.limits.rates import Window
from penstock.coordinator.limits.slots import Slots
from penstock.coordinator.wakeups import Wakeups

Limit = Slots | Window | Breaker
Place = tuple[int, str]
"""A key and the number of its shard."""

RESTING_MAX = 10_000
"""Breakers that nobody uses at the moment and that are remembered all the same: about 20 MB."""


class KeyShard(msgspec.Struct):
    """The keys of one shard. `required`: whose word is needed before anything is granted, as epochs
    by shard of executions, None until state was asked; `covered`: whose word is there, with the
    time from which nothing unknown runs. `in_use`: somebody wanted something of it that was not
    taken in, so everybody must speak."""

    epoch: int
    taken_us: int
    in_use: bool = False
    opened: bool = False
    required: Mapping[int, int] | None = None
    covered: dict[int, tuple[int, int]] = {}
    keys: dict[str, Limit] = {}


class Book:
    """All keys of this coordinator. Answers gather until `serve`."""

    def __init__(self, shard_of: Callable[[str], int]) -> None:
        self._shard_of = shard_of
        self.shards: dict[int, KeyShard] = {}
        self._epochs: dict[int, int] = {}
        self._who: dict[int, str] = {}
        self._touched: dict[Place, None] = {}
        self.due: Wakeups[Place] = Wakeups()
        self._resting: dict[Place, None] = {}
        self._closed: set[int] = set()
        self._missed: set[int] = set()

    def take(self, number: int, epoch: int, now_us: int) -> None:
        """This coordinator owns the keys of a shard from now on. Others may have known that sooner
        and have spoken in vain."""
        in_use = number in self._missed
        self._missed.discard(number)
        self.shards[number] = KeyShard(epoch, now_us, in_use, covered={}, keys={})
        self._closed.add(number)

    def drop(self, number: int) -> None:
        """It does no longer."""
        shard = self.shards.pop(number, None)
        if shard is not None and shard.keys:
            self._missed.add(number)
            for key in shard.keys:
                self.due.set((number, key), 0)
                self._resting.pop((number, key), None)
        self._closed.discard(number)

    def require(self, leases: Mapping[int, int]) -> None:
        """State was asked who holds which shard of executions (all of them, by epoch)."""
        for number, epoch in leases.items():
            self._epochs[number] = max(epoch, self._epochs.get(number, 0))
        for number in self._closed:
            self.shards[number].required = leases

    def awaited(self) -> dict[int, int]:
        """Shards of executions whose owner must speak (again), with the epoch of its lease: some
        key here is in use."""
        awaited: dict[int, int] = {}
        for shard in self.shards.values():
            if shard.keys or shard.in_use:
                covered = shard.covered
                for x, epoch in self._epochs.items():
                    if covered.get(x, (0, 0))[0] < epoch:
                        awaited[x] = epoch
        return awaited

    def sync(self, who: str, said: Sync, now_us: int) -> None:
        """A coordinator tells all that it holds and wants; O(what the keys hold)."""
        spoken = {
            x: (epoch, now_us + unsettled_us)
            for x, (epoch, unsettled_us) in said.shards.items()
            if epoch >= self._epochs.get(x, 0)
        }
        for x, (epoch, _) in spoken.items():
            self._epochs[x] = epoch
            self._who[x] = who
        known = {n: self.shards[n] for n, e in said.key_shards.items() if self._is_ours(n, e)}
        vouched = {(ask.permit, ask.key) for ask in (*said.held, *said.wanted)}
        for number, shard in known.items():
            self._forget_unvouched(number, shard, spoken, vouched)
            shard.covered.update(spoken)
        for ask in said.held:
            self._hold(known, spoken, ask)
        for ask in said.wanted:
            self.ask(ask, now_us)

    def _is_ours(self, number: int, epoch: int) -> bool:
        shard = self.shards.get(number)
        return shard is not None and shard.epoch == epoch

    def _forget_unvouched(
        self,
        number: int,
        shard: KeyShard,
        spoken: Mapping[int, tuple[int, int]],
        vouched: set[tuple[PermitId, str]],
    ) -> None:
        """What nobody vouches for any more: of the same lease it is over; of an earlier one it may
        still run for a while."""
        for key, limit in shard.keys.items():
            self._touched[number, key] = None
            for ask in list(limit.line):
                x = self._shard_of(ask.permit.execution_id)
                if x in spoken and (ask.permit, key) not in vouched:
                    limit.give_back(ask.permit)
            if isinstance(limit, Breaker):
                for permit in list(limit.passing):
                    x = self._shard_of(permit.execution_id)
                    if x in spoken and (permit, key) not in vouched:
                        limit.give_back(permit)
            if not isinstance(limit, Slots):
                continue
            for permit, holding in list(limit.holders.items()):
                x = self._shard_of(permit.execution_id)
                if x not in spoken or (permit, key) in vouched:
                    continue
                epoch, settled_us = spoken[x]
                if holding.ask.epoch == epoch and not holding.until_us:
                    limit.give_back(permit)
                else:
                    limit.doubt(permit, settled_us)

    def _hold(
        self, known: Mapping[int, KeyShard], spoken: Mapping[int, tuple[int, int]], ask: Ask
    ) -> None:
        number = self._shard_of(ask.key)
        x = self._shard_of(ask.permit.execution_id)
        if number not in known:
            self._missed.add(number)
        elif x in spoken:
            self._limit(known[number], ask).hold(ask)
            self._touched[number, ask.key] = None

    def ask(self, ask: Ask, now_us: int) -> None:
        """Somebody wants a permit; what is not ours to grant is left to the next `sync`."""
        number = self._shard_of(ask.key)
        shard = self.shards.get(number)
        if shard is None:
            self._missed.add(number)
        if shard is None or self._is_stale(ask.permit, ask.epoch):
            return
        limit = self._limit(shard, ask)
        limit.ask(ask)
        self._touched[number, ask.key] = None

    def _is_stale(self, permit: PermitId, epoch: int) -> bool:
        return epoch < self._epochs.get(self._shard_of(permit.execution_id), 0)

    def _limit(self, shard: KeyShard, ask: Ask) -> Limit:
        limit = shard.keys.get(ask.key)
        if limit is None:
            if isinstance(ask.rule, RateRule):
                limit = Window(shard.taken_us if shard.epoch > 1 else None)
            else:
                limit = Breaker() if isinstance(ask.rule, BreakerRule) else Slots()
            shard.keys[ask.key] = limit
        return limit

    def give_back(self, permit: PermitId, key: str, epoch: int) -> None:
        """A permit is held and wanted no longer."""
        limit = self.find(key)
        if limit is not None and not self._is_stale(permit, epoch):
            limit.give_back(permit)
            self._touched[self._shard_of(key), key] = None

    def heard(self, permit: PermitId, key: str, failed: bool, now_us: int) -> None:
        """Something that went through a breaker is over."""
        limit = self.find(key)
        if isinstance(limit, Breaker):
            limit.heard(permit, failed, now_us)
            self._touched[self._shard_of(key), key] = None

    def find(self, key: str) -> Limit | None:
        """A key that is known here."""
        shard = self.shards.get(self._shard_of(key))
        return shard.keys.get(key) if shard is not None else None

    def is_open(self, key: str) -> bool:
        """False while nothing is granted under a key because not everybody has spoken."""
        shard = self.shards.get(self._shard_of(key))
        return shard is not None and shard.opened

    def touch(self, key: str) -> None:
        """Something about a key changed: look at it in the next `serve`."""
        self._touched[self._shard_of(key), key] = None

    def serve(self, now_us: int) -> list[Told]:
        """Decide whatever can be decided now."""
        for number in [n for n in self._closed if self._may_open(self.shards[n], now_us)]:
            self._open(number)
        for place in self.due.take_due(now_us):
            self._touched[place] = None
        touched, self._touched = self._touched, {}
        told: list[Told] = []
        for number, key in touched:
            shard = self.shards.get(number)
            limit = shard.keys.get(key) if shard is not None and shard.opened else None
            if shard is None or limit is None:
                continue
            for ask, verdict in limit.serve(now_us):
                who = self._who.get(self._shard_of(ask.permit.execution_id), "")
                told.append(Told(who, ask.permit, key, verdict, shard.epoch))
            self._keep_or_forget((number, key), limit)
        return told

    def _keep_or_forget(self, place: Place, limit: Limit) -> None:
        """A key was served: note when to look at it again; forget what tells nothing any more, and
        of the breakers that nobody uses the one that nobody has used for longest, if they are too
        many."""
        self._resting.pop(place, None)
        at_us = limit.next_us()
        if not at_us and limit.idle:
            self._forget(place)
            return
        self.due.set(place, at_us)
        if isinstance(limit, Breaker) and limit.rests:
            self._resting[place] = None
            if len(self._resting) > RESTING_MAX:
                self._forget(next(iter(self._resting)))

    def _forget(self, place: Place) -> None:
        number, key = place
        self.due.set(place, 0)
        self._resting.pop(place, None)
        del self.shards[number].keys[key]

    def _may_open(self, shard: KeyShard, now_us: int) -> bool:
        at_us = opens_at(shard)
        return at_us is not None and at_us <= now_us

    def _open(self, number: int) -> None:
        shard = self.shards[number]
        shard.opened, shard.in_use = True, False
        self._closed.discard(number)
        for key in shard.keys:
            self._touched[number, key] = None

    def next_us(self) -> int:
        """When time alone changes something, 0 for never."""
        at_us = self.due.next_us()
        times = [at_us] if at_us else []
        for number in self._closed:
            opens_us = opens_at(self.shards[number])
            if opens_us is not None:
                times.append(opens_us)
        return min(times, default=0)

    def __iter__(self) -> Iterator[tuple[str, Limit]]:
        """All keys that are known here."""
        pairs: Iterable[KeyShard] = self.shards.values()
        return ((key, limit) for shard in pairs for key, limit in shard.keys.items())


def opens_at(shard: KeyShard) -> int | None:
    """When a closed shard may grant; None while somebody's word is missing or nobody asks."""
    required, covered = shard.required, shard.covered
    if required is None or not (shard.keys or shard.in_use):
        return None
    if any(covered.get(x, (0, 0))[0] < epoch for x, epoch in required.items()):
        return None
    return max((covered[x][1] for x in required), default=0)
