"""Membership and shards: join every second, take what is ours, give back what is not.

Every member computes the same spread (rendezvous hashing over the members that state names). A
shard is ours to take once nobody alive holds it, and is given back, after its appends in flight are
answered, when another member should have it. Losing the lease (fenced, or state names another
epoch) drops the shard at once.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping

from penstock.api.state.v1.state_service_pb2 import JoinResponse
from penstock.common.clock import Clock
from penstock.common.errors import InvalidArgument, PenstockError, Unavailable, WrongOwner
from penstock.common.ids import is_ulid, shard_of
from penstock.common.logging import get_logger
from penstock.coordinator.limits.claims import KeyOwner
from penstock.coordinator.shell.live import Phase, Shard
from penstock.coordinator.shell.shards.membership import Membership
from penstock.coordinator.shell.shards.parting import Parting
from penstock.coordinator.shell.shards.recovery import Recovery
from penstock.coordinator.shell.shards.rendezvous import shards_of
from penstock.coordinator.shell.shards.tenure import Tenure

OnRenewed = Callable[[int, Mapping[str, str], Mapping[int, KeyOwner]], None]
"""Hears at each renewal how many shards there are, who is a member at which address, and who has
the lease on which shard."""

_RENEW_S = 1.0
_RETRY_S = 0.2


class Shards:
    """The shards of this coordinator, and who has the others."""

    def __init__(
        self,
        membership: Membership,
        tenure: Tenure,
        recovery: Recovery,
        parting: Parting,
        clock: Clock,
    ) -> None:
        self._membership = membership
        self._tenure = tenure
        self._recovery = recovery
        self._parting = parting
        self._clock = clock
        self._members: dict[str, str] = {}
        self._owners: dict[int, str] = {}
        self._desired: frozenset[int] = frozenset()
        self._reachable = True
        self._log = get_logger("shards")
        self.count = 0
        self.held: dict[int, Shard] = {}
        self.owned: dict[int, Shard] = {}
        self.settled = asyncio.Event()
        self._wants: frozenset[int] | None = None
        self.on_schedules_changed: Callable[[int], None] = lambda number: None
        self.on_renewed: OnRenewed = lambda count, members, leases: None

    def __len__(self) -> int:
        return len(self.owned)

    @property
    def members(self) -> list[str]:
        """Addresses of all live coordinators."""
        return sorted(self._members.values())

    def of(self, execution_id: str) -> Shard:
        """The shard of an execution, if it is alive here. Raises `InvalidArgument` for what is no
        id, `WrongOwner` with the owner's address, `Unavailable` if there is no owner yet."""
        if not is_ulid(execution_id):
            raise InvalidArgument(f"{execution_id!r} is not an execution id", fix="Give a ULID.")
        if not self.count:
            raise Unavailable("this coordinator has no shards yet")
        number = shard_of(execution_id, self.count)
        shard = self.held.get(number)
        if shard is not None and shard.phase is Phase.OWNED:
            return shard
        owner = self._owners.get(number)
        if shard is None and owner in self._members and owner != self._membership.coordinator_id:
            raise WrongOwner(execution_id=execution_id, owner=self._members[owner])
        raise Unavailable("the shard of this execution is on its way to a coordinator")

    def is_elsewhere(self, execution_id: str) -> bool:
        """True if another live coordinator owns the execution's shard."""
        try:
            self.of(execution_id)
        except WrongOwner:
            return True
        except PenstockError:
            return False
        return False

    async def run(self, address: str, tasks: asyncio.TaskGroup) -> None:
        """Keep membership and shards up for ever; loads and hand-backs are tasks of the group."""
        self._membership.address = address
        while True:
            renewed = await self.renew(tasks)
            await asyncio.sleep(_RENEW_S if renewed else _RETRY_S)

    async def renew(self, tasks: asyncio.TaskGroup) -> bool:
        """Join once and draw the consequences; False if state could not be reached."""
        asked_at = self._clock.monotonic()
        try:
            answer = await self._membership.renew()
            self._tenure.renewed(asked_at)
            self._take_in(answer)
            leases = {x.shard: KeyOwner(x.coordinator_id, x.epoch) for x in answer.leases}
            self.on_renewed(self.count, self._members, leases)
            self._parting.resume()
            await self._rebalance(answer, tasks)
        except PenstockError as error:
            if self._reachable:
                self._log.warning("membership_not_renewed", error=str(error))
            self._reachable = False
            return False
        self._reachable = True
        return True

    def _take_in(self, answer: JoinResponse) -> None:
        """Believe state about members, owners and epochs."""
        members = {m.coordinator_id: m.address for m in answer.members}
        mine = self._membership.coordinator_id
        if members != self._members or answer.shard_count != self.count:
            self._members, self.count = members, answer.shard_count
            self._desired = shards_of(mine, members, self.count)
            self._parting.tell_workers(members, mine)
        self.on_schedules_changed(answer.schedules_changed)
        self._owners = {lease.shard: lease.coordinator_id for lease in answer.leases}
        own = [lease for lease in answer.leases if lease.coordinator_id == mine]
        epochs = {lease.shard: lease.epoch for lease in own}
        for shard in list(self.held.values()):
            if epochs.get(shard.number) != shard.epoch:
                self.drop(shard.number, "state says that its lease is over")

    async def _rebalance(self, answer: JoinResponse, tasks: asyncio.TaskGroup) -> None:
        mine = self._membership.coordinator_id
        desired = self._desired
        alive = {x.shard for x in answer.leases if x.coordinator_id in self._members}
        strays = [
            lease.shard
            for lease in answer.leases
            if lease.coordinator_id == mine and lease.shard not in self.held
        ]
        if strays:
            await self._membership.release(strays)
        wanted = sorted(desired - self.held.keys() - (alive - set(strays)))
        if wanted:
            for granted in await self._membership.acquire(wanted):
                settled = granted.settled
                shard = Shard(granted.shard, granted.epoch, granted.head, settled=settled)
                self.held[shard.number] = shard
                tasks.create_task(self._recovery.bring_to_life(shard))
        self._wants = desired
        self._see_whether_settled()
        surplus = [s for n, s in self.held.items() if n not in desired and s.phase is Phase.OWNED]
        if surplus:
            tasks.create_task(self._hand_back(surplus))

    def refresh(self, _: Shard | None = None) -> None:
        """Some shard's phase changed."""
        self.owned = {n: s for n, s in self.held.items() if s.phase is Phase.OWNED}
        self._see_whether_settled()

    def _see_whether_settled(self) -> None:
        """Settled: nothing that is ours is still on its way."""
        loading = any(shard.phase is Phase.LOADING for shard in self.held.values())
        if self._wants is not None and not loading and self._wants <= self.held.keys():
            self.settled.set()

    def on_fenced(self, number: int, epoch: int) -> None:
        """An append under this lease was refused; the lease may have been replaced since."""
        shard = self.held.get(number)
        if shard is not None and shard.epoch == epoch:
            self.drop(number, "an append was fenced")

    def drop(self, number: int, cause: str) -> None:
        """The lease is lost: forget the shard and all of its executions, act on nothing of it."""
        shard = self.held.pop(number, None)
        if shard is None:
            return
        self._log.warning("shard_lost", shard=number, epoch=shard.epoch, cause=cause)
        shard.phase = Phase.GONE
        self.refresh()
        self._parting.forget(shard)

    async def _hand_back(self, shards: Iterable[Shard]) -> None:
        """Let others have these shards: no new decisions, wait for what is in flight, release."""
        leaving = list(shards)
        for shard in leaving:
            shard.phase = Phase.LEAVING
        self.refresh()
        await self._parting.flushed()
        settled = await self._parting.settle(leaving)
        numbers = [s.number for s in leaving if self.held.pop(s.number, None) is s]
        for shard in leaving:
            shard.phase = Phase.GONE
            self._parting.forget(shard)
        if not numbers:
            return
        try:
            await self._membership.release(numbers, settled)
        except PenstockError as error:
            self._log.warning("shards_not_released", shards=numbers, error=str(error))

    async def load_again(self, number: int) -> str:
        """Forget what is held of a shard and load it from the journal, as after a restart; returns
        once it is given back, empty, or why that cannot be."""
        shard = self.owned.get(number)
        if shard is None:
            return "the shard is not here any more"
        await self._hand_back([shard])
        return ""

    async def leave(self) -> None:
        """Give everything back and leave the cluster, so that others need not wait."""
        await self._hand_back(list(self.held.values()))
        try:
            await self._membership.leave()
        except PenstockError as error:
            self._log.warning("cluster_not_left", error=str(error))
