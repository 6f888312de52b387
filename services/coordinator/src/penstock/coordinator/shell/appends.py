"""Appends in flight, in order, and what may happen once each is answered."""

import asyncio
from collections import deque
from collections.abc import Callable

from penstock.api.state.v1.state_service_pb2 import AppendRequest, AppendResponse
from penstock.common.clock import Clock
from penstock.common.invariant import invariant
from penstock.coordinator.ports import Journal
from penstock.coordinator.shell.dispatch.release import Release, Released
from penstock.coordinator.shell.dues import Owed
from penstock.coordinator.shell.measures import Measures

_STALLED_S = 5.0
"""An append unanswered for this long means that state cannot commit."""


class _Append:
    """One in flight."""

    __slots__ = ("owed", "released", "request", "sent_at", "then")

    def __init__(self, request: AppendRequest, sent_at: float) -> None:
        self.request = request
        self.sent_at = sent_at
        self.released: list[Released] = []
        self.owed: list[Owed] = []
        self.then: list[asyncio.Future[None]] = []


class Appends:
    """Sends, and lets commands go when their events are on disk. `on_fenced` hears of shards (with
    the epoch that was written under) that others own now, `on_owed` of notices that are on disk."""

    def __init__(
        self, journal: Journal, release: Release, clock: Clock, measures: Measures
    ) -> None:
        self._journal = journal
        self._release = release
        self._clock = clock
        self._measures = measures
        self._in_flight: deque[_Append] = deque()
        self._sent = 0
        self.on_fenced: Callable[[int, int], None] = lambda shard, epoch: None
        self.on_owed: Callable[[list[Owed]], None] = lambda owed: None

    def __len__(self) -> int:
        return len(self._in_flight)

    @property
    def next_id(self) -> int:
        """Number of the append that is sent next."""
        return self._sent + 1

    @property
    def stalled(self) -> bool:
        """True while state does not commit: new work should be refused."""
        if not self._journal.connected:
            return True
        flying = self._in_flight
        return bool(flying) and self._clock.monotonic() - flying[0].sent_at > _STALLED_S

    def on_disk(self, batch_id: int) -> bool:
        """True if this append and all before it are answered."""
        return batch_id <= self._sent - len(self._in_flight)

    async def flushed(self) -> None:
        """Return once all that is in flight now is answered and released."""
        if self._in_flight:
            done = asyncio.get_running_loop().create_future()
            self._in_flight[-1].then.append(done)
            await done

    def send(self, request: AppendRequest) -> None:
        """Put one on its way."""
        self._sent += 1
        request.batch_id = self._sent
        self._in_flight.append(_Append(request, self._clock.monotonic()))
        self._journal.send(request)

    def attach(self, released: list[Released], owed: list[Owed]) -> None:
        """Let commands and notices wait for the last append in flight: it holds their events, or
        follows the one that does."""
        if owed:
            self._in_flight[-1].owed.extend(owed)
        if not released:
            return
        if self._in_flight:
            self._in_flight[-1].released.extend(released)
        else:
            self._release.carry_out(released, self._clock.monotonic())

    def on_answer(self, answer: AppendResponse) -> None:
        """An append is on disk, except for the shards that others own now."""
        append = self._in_flight.popleft()
        request = append.request
        invariant(request.batch_id == answer.batch_id, "appends are answered in order")
        self._measures.append_seconds.observe(self._clock.monotonic() - append.sent_at)
        for shard in answer.fenced_shards:
            for write in request.writes:
                if write.shard == shard:
                    self.on_fenced(shard, write.epoch)
        self._release.carry_out(append.released, append.sent_at)
        if append.owed:
            self.on_owed(append.owed)
        for done in append.then:
            if not done.done():
                done.set_result(None)
