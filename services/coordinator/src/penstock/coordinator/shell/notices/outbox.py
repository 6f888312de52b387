"""The outbox: what executions owe to elsewhere is delivered until it has arrived.

A notice is on disk before it comes here, in the transaction of the event that made it so. It is
handed to the owner of its target, this coordinator or another one, and tried again with growing
pauses until its effect is on disk there; only then is it forgotten, here and in the table. So it
arrives at least once, and receivers see to it that once more changes nothing. Notices for one
target are delivered one after the other in the order they were written: a cancel never overtakes
the start it is meant for.

Who takes a shard reads what is left of it. The same reading serves when more is owed than is kept
in memory: from then on new notices of that shard are left in the table, where the reader finds them
once there is room again.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any

from penstock.api.peer.v1 import peer_service_pb2 as peer
from penstock.api.state.v1.notice_service_pb2 import RefusedNotice
from penstock.common.clock import Clock
from penstock.common.errors import PenstockError, Unavailable, WrongOwner
from penstock.common.logging import get_logger
from penstock.common.value_codec import failure_from_proto
from penstock.coordinator.core.inputs import ChildRefused
from penstock.coordinator.ports import Notices, Peers
from penstock.coordinator.shell.dues import Owed
from penstock.coordinator.shell.live import Phase, Shard
from penstock.coordinator.shell.notices.lines import HELD_MAX, Lines, Portion
from penstock.coordinator.shell.notices.notice_codec import refusal_of
from penstock.coordinator.shell.notices.receiving import Receiving
from penstock.coordinator.shell.shards.shards import Shards
from penstock.workflow.execution.values import Failure

_AT_ONCE = 500
"""Notices of one delivery."""
_DELIVERIES_MAX = 8
_READ_RETRY_S = 1.0
_PAGE = 1_000
_SETTLE_S = 0.05
"""How long arrived notices gather before they are forgotten in the table together."""
_SETTLED_MAX = 10_000
_REFUSED_MAX = 500


class NoPeers:
    """For a coordinator that is the only one: nobody else can be reached."""

    async def deliver(
        self, address: str, notices: Sequence[peer.Notice]
    ) -> Sequence[peer.Delivery]:
        """Raises `Unavailable`."""
        raise Unavailable(f"this coordinator knows no way to {address}")

    async def ask(self, address: str, tenant: str, request: Any) -> Any:
        """Raises `Unavailable`."""
        raise Unavailable(f"this coordinator knows no way to {address}")


class _Ledger:
    """What is known of one shard's notices. `last_id` is the last one that came to memory,
    `reading` while the table is being read, `behind` if one was left there meanwhile."""

    __slots__ = ("behind", "last_id", "reading", "shard")

    def __init__(self, shard: Shard) -> None:
        self.shard = shard
        self.last_id = 0
        self.reading = True
        self.behind = False


class Outbox:
    """Delivers. `own` is this coordinator as a receiver."""

    def __init__(
        self, stored: Notices, own: Receiving, peers: Peers, shards: Shards, clock: Clock
    ) -> None:
        self._stored = stored
        self._own = own
        self._peers = peers
        self._shards = shards
        self._ledgers: dict[int, _Ledger] = {}
        self._clock = clock
        self._lines = Lines(clock)
        self._arrived: list[tuple[int, int]] = []
        self._refused: list[RefusedNotice] = []
        self._unread: deque[_Ledger] = deque()
        self.refused = 0
        self._to_settle = asyncio.Event()
        self._to_read = asyncio.Event()
        self._places = asyncio.Semaphore(_DELIVERIES_MAX)
        self._log = get_logger("outbox")

    def __len__(self) -> int:
        return len(self._lines)

    def oldest_s(self) -> float:
        """How long the notice that came first has been waiting to arrive; from any thread."""
        return self._lines.oldest_s()

    def on_loaded(self, shard: Shard) -> None:
        """A shard came to life: what it owed before is read."""
        ledger = self._ledgers[shard.number] = _Ledger(shard)
        self._read_later(ledger)

    def on_owed(self, owed: Sequence[Owed]) -> None:
        """These are on disk, unless their shard was lost over it."""
        for one in owed:
            shard = one.shard
            ledger = self._ledgers.get(shard.number)
            if shard.phase is not Phase.OWNED or ledger is None or ledger.shard is not shard:
                continue
            if one.id <= ledger.last_id:
                continue  # the reader of the table was quicker
            if ledger.reading:
                ledger.behind = True
            elif len(self._lines) >= HELD_MAX:
                ledger.reading = ledger.behind = True
                self._read_later(ledger)
            else:
                self._take(ledger, one)

    def _take(self, ledger: _Ledger, owed: Owed) -> None:
        """Put one into its target's line."""
        ledger.last_id = owed.id
        self._lines.add(owed)

    def _read_later(self, ledger: _Ledger) -> None:
        self._unread.append(ledger)
        self._to_read.set()

    async def run(self) -> None:
        """Read, deliver and settle until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._read())
            group.create_task(self._settle())
            await self._deliver(group)

    async def _read(self) -> None:
        """Read what shards owe, one after the other, as long as there is room."""
        while True:
            await self._to_read.wait()
            if not self._unread:
                self._to_read.clear()
                continue
            ledger = self._unread.popleft()
            try:
                await self._read_shard(ledger)
            except PenstockError as error:
                self._log.warning("notices_not_read", shard=ledger.shard.number, error=str(error))
                self._unread.append(ledger)
                await asyncio.sleep(_READ_RETRY_S)

    async def _read_shard(self, ledger: _Ledger) -> None:
        """Take in everything after the last one known; what comes meanwhile is found too, for it is
        on disk before `on_owed` hears of it."""
        shard = ledger.shard
        while shard.phase is Phase.OWNED:
            while not self._lines.is_roomy:
                self._lines.room.clear()
                await self._lines.room.wait()
            ledger.behind = False
            page, more = await self._stored.page(shard.number, ledger.last_id, _PAGE)
            for number, body in page:
                self._take(ledger, Owed(shard, number, peer.Notice.FromString(body)))
            if not more and not ledger.behind:
                ledger.reading = False
                return

    async def _deliver(self, group: asyncio.TaskGroup) -> None:
        while True:
            await self._lines.wait()
            for destination, portions in self._next().items():
                await self._places.acquire()
                group.create_task(self._hand_over(destination, portions))

    def _next(self) -> dict[str, list[Portion]]:
        """What is to be delivered, by where it goes: "" is here."""
        found: dict[str, list[Portion]] = {}
        for portion in self._lines.next_portions(_AT_ONCE):
            try:
                self._shards.of(portion[0].notice.target_id)
                destination = ""
            except WrongOwner as elsewhere:
                destination = str(elsewhere.facts["owner"])
            except PenstockError:
                self._lines.conclude(portion, portion)
                continue
            found.setdefault(destination, []).append(portion)
        return found

    async def _hand_over(self, destination: str, portions: Sequence[Portion]) -> None:
        try:
            if destination:
                await self._send(destination, portions)
            else:  # each on its own: one that takes long holds up none of the others' lines
                async with asyncio.TaskGroup() as group:
                    for portion in portions:
                        group.create_task(self._hand_over_here(portion))
        finally:
            self._places.release()

    async def _hand_over_here(self, portion: Portion) -> None:
        await self._conclude(portion, await self._own.receive([one.notice for one in portion]))

    async def _send(self, destination: str, portions: Sequence[Portion]) -> None:
        owed = [one for portion in portions for one in portion]
        answers = iter(await _answers_of(self._peers, destination, owed, self._log))
        async with asyncio.TaskGroup() as group:
            for portion in portions:
                told = [next(answers, peer.Delivery()) for _ in portion]
                group.create_task(self._conclude(portion, told))

    async def _conclude(self, portion: Portion, answers: Sequence[peer.Delivery]) -> None:
        """Draw the line of one portion; whoever is behind it may go then."""
        left: list[Owed] = []
        for owed, answer in zip(portion, answers, strict=True):
            kind = answer.WhichOneof("kind")
            if kind == "arrived":
                self._arrived.append((owed.shard.number, owed.id))
            elif kind != "refused" or not await self._refuse(owed, answer):
                left.append(owed)
        self._lines.conclude(portion, left)
        if self._arrived or self._refused:
            self._to_settle.set()

    async def _refuse(self, owed: Owed, answer: peer.Delivery) -> bool:
        """A start can never be made: its node is told, and forgets the notice in the same commit.
        Without a node that waits it is written down for people. False if that cannot be now."""
        notice, failure = owed.notice, failure_from_proto(answer.refused)
        self.refused += 1
        self._log.warning("notice_refused", **_facts_of(notice, failure))
        parent = notice.start.parent
        if parent.detached:
            start = refusal_of(notice, failure, self._clock.now_us())
            told = RefusedNotice(shard=owed.shard.number, id=owed.id, start=start)
            told.tenant, told.execution_id = notice.tenant, parent.execution_id
            self._refused.append(told)
            return True
        if notice.start.HasField("parent"):
            refused = ChildRefused(notice.target_id, failure, owed.id)
            try:
                await self._own.tell(notice.tenant, notice.sender_id, refused)
            except PenstockError:
                return False
        self._arrived.append((owed.shard.number, owed.id))
        return True

    async def _settle(self) -> None:
        """Have the table forget what has arrived, and keep what was refused; if that is lost, it is
        delivered once more."""
        while True:
            await self._to_settle.wait()
            await asyncio.sleep(_SETTLE_S)
            some, refused = self._arrived[:_SETTLED_MAX], self._refused[:_REFUSED_MAX]
            try:
                await self._stored.settle(some, refused)
            except PenstockError as error:
                count = len(some) + len(refused)
                self._log.warning("notices_not_settled", count=count, error=str(error))
                await asyncio.sleep(_READ_RETRY_S)
                continue
            del self._arrived[: len(some)]
            del self._refused[: len(refused)]
            if not self._arrived and not self._refused:
                self._to_settle.clear()


def _facts_of(notice: peer.Notice, failure: Failure) -> dict[str, str]:
    return {
        "target": notice.target_id,
        "sender": notice.sender_id,
        "reason": failure.reason,
        "message": failure.message,
    }


async def _answers_of(
    peers: Peers, destination: str, owed: Sequence[Owed], log: Any
) -> Sequence[peer.Delivery]:
    """What another coordinator says to these; nothing if it cannot be reached."""
    try:
        return await peers.deliver(destination, [one.notice for one in owed])
    except PenstockError as error:
        log.info("notices_not_delivered", count=len(owed), error=str(error))
        return []
