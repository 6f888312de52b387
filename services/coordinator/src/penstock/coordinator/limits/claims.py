"""What this coordinator's executions hold and want: the other side of the permit book.

A claim is wanted, held, or in doubt: the attempt is not ours to speak for any more, but a worker
that lost its way may run it until a time at which it is certain to have stopped. Until then it
counts as held. Where claims go follows from the leases on the keys' shards, as state names them;
whenever those change, or a stream to an owner is new, the owner is told everything (`sync_for`).
"""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import msgspec

from penstock.coordinator.limits.permits import Ask, PermitId, RateRule, Sync, Told, Verdict


class KeyOwner(NamedTuple):
    """Who has the lease on a shard of keys."""

    coordinator_id: str
    epoch: int


class Claim(msgspec.Struct):
    """One permit under one key. `until_us`: in doubt until then."""

    ask: Ask
    held: bool = False
    until_us: int = 0


class GiveBack(NamedTuple):
    """To an owner: this is held and wanted no longer. `failed` tells a breaker how it ended, None
    if that says nothing."""

    permit: PermitId
    key: str
    epoch: int
    failed: bool | None = None


Message = Ask | GiveBack
Send = Callable[[str, Message], None]
"""To the owner with this id; never waits."""

ClaimKey = tuple[PermitId, str]


class Claims:
    """All claims of this coordinator. `speaks_for` are the shards of executions that it holds and
    has loaded, with epoch and the time from which no attempt unknown to it can run. `on_doubt`
    hears that there is another doubt to `settle` in time."""

    def __init__(
        self, shard_of: Callable[[str], int], send: Send, on_doubt: Callable[[], None]
    ) -> None:
        self._shard_of = shard_of
        self._send = send
        self._on_doubt = on_doubt
        self._claims: dict[ClaimKey, Claim] = {}
        self._by_execution: dict[str, dict[PermitId, dict[str, Claim]]] = {}
        self._doubtful: dict[ClaimKey, int] = {}
        self.owners: dict[int, KeyOwner] = {}
        self.speaks_for: dict[int, tuple[int, int]] = {}

    def __len__(self) -> int:
        return len(self._claims)

    def find(self, permit: PermitId, key: str) -> Claim | None:
        """One claim, if it is there."""
        return self._claims.get((permit, key))

    def want(self, ask: Ask) -> None:
        """Ask for a permit."""
        self._add(Claim(ask))
        self._tell(ask.key, ask)

    def recall(self, ask: Ask, until_us: int = 0) -> None:
        """It may be held since before this coordinator had the execution."""
        self._add(Claim(ask, True, until_us))

    def _add(self, claim: Claim) -> None:
        ask = claim.ask
        key = (ask.permit, ask.key)
        self._claims[key] = claim
        if claim.until_us:
            self._note_doubt(key, claim.until_us)
        own = self._by_execution.setdefault(ask.permit.execution_id, {})
        own.setdefault(ask.permit, {})[ask.key] = claim

    def _remove(self, key: ClaimKey) -> None:
        del self._claims[key]
        self._doubtful.pop(key, None)
        permit, text = key
        own = self._by_execution[permit.execution_id]
        del own[permit][text]
        if not own[permit]:
            del own[permit]
        if not own:
            del self._by_execution[permit.execution_id]

    def told(self, told: Told) -> bool:
        """Take an answer in; True if it counts: it is from the key's owner, and wanted."""
        claim = self._claims.get((told.permit, told.key))
        owner = self.owners.get(self._shard_of(told.key))
        if claim is None or owner is None or owner.epoch != told.epoch:
            return False
        if told.verdict is Verdict.EVICTED:
            return claim.held and not claim.until_us
        if claim.held:
            return False
        if told.verdict is Verdict.GRANTED and not isinstance(claim.ask.rule, RateRule):
            claim.held = True
        else:
            self._remove((told.permit, told.key))
        return True

    def give_back(self, permit: PermitId, key: str, failed: bool | None = None) -> None:
        """It is over, or wanted no longer."""
        claim = self._claims.get((permit, key))
        if claim is not None:
            self._remove((permit, key))
            self._tell(key, GiveBack(permit, key, claim.ask.epoch, failed))

    def doubt(self, permit: PermitId, key: str, until_us: int) -> None:
        """It is lost sight of, and over by then."""
        claim = self._claims.get((permit, key))
        if claim is not None and not claim.held:
            self.give_back(permit, key)
        elif claim is not None and not claim.until_us:
            claim.until_us = until_us
            self._note_doubt((permit, key), until_us)

    def _note_doubt(self, key: ClaimKey, until_us: int) -> None:
        self._doubtful[key] = until_us
        self._on_doubt()

    def settle(self, now_us: int) -> list[Ask]:
        """Give back what was in doubt long enough; O(claims in doubt)."""
        due = [key for key, until_us in self._doubtful.items() if until_us <= now_us]
        over = [self._claims[key].ask for key in due]
        for ask in over:
            self.give_back(ask.permit, ask.key)
        return over

    def is_doubtful(self, number: int) -> bool:
        """True if something of a shard of executions is in doubt; O(claims in doubt)."""
        return any(self._shard_of(permit.execution_id) == number for permit, _ in self._doubtful)

    def next_us(self) -> int:
        """When the first doubt ends, 0 if there is none."""
        return min(self._doubtful.values(), default=0)

    def of(self, execution_id: str) -> Iterable[Claim]:
        """The claims of an execution."""
        own = self._by_execution.get(execution_id, {})
        return [claim for claims in own.values() for claim in claims.values()]

    def of_permit(self, permit: PermitId) -> Iterable[Claim]:
        """The claims of one attempt, or of an execution as a whole; O(its claims)."""
        return list(self._by_execution.get(permit.execution_id, {}).get(permit, {}).values())

    def forget(self, number: int) -> None:
        """A shard of executions is somebody else's now, who speaks for them, also for those that
        are over and in doubt; O(executions with claims)."""
        gone = [each for each in self._by_execution if self._shard_of(each) == number]
        for execution_id in gone:
            for claim in self.of(execution_id):
                self._remove((claim.ask.permit, claim.ask.key))

    def _tell(self, key: str, message: Message) -> None:
        owner = self.owners.get(self._shard_of(key))
        if owner is not None:
            self._send(owner.coordinator_id, message)

    def sync_for(self, coordinator_id: str, now_us: int) -> Sync:
        """All that this owner of keys should know; O(claims)."""
        shards = {
            x: (epoch, max(0, settled_us - now_us))
            for x, (epoch, settled_us) in self.speaks_for.items()
        }
        keys = {n: o.epoch for n, o in self.owners.items() if o.coordinator_id == coordinator_id}
        held: list[Ask] = []
        wanted: list[Ask] = []
        for claim in self._claims.values():
            if self._shard_of(claim.ask.key) in keys:
                (held if claim.held else wanted).append(claim.ask)
        return Sync(shards, keys, tuple(held), tuple(wanted))

    def follow(self, owners: Mapping[int, KeyOwner]) -> set[str]:
        """Believe state about who owns which shard of keys; returns owners to sync with, those of
        shards that changed hands and in which something is claimed."""
        moved = {n for n, owner in owners.items() if self.owners.get(n) != owner}
        self.owners = dict(owners)
        if not moved or not self._claims:
            return set()
        used = {self._shard_of(key) for _, key in self._claims}
        return {owners[n].coordinator_id for n in moved & used}
