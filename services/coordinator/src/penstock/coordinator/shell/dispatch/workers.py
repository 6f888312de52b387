"""Workers as the coordinator sees them: credits, what is on its way to them, and their silence."""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence

from penstock.api.dispatch.v1.dispatch_service_pb2 import Hello, WorkResponse
from penstock.api.journal.v1.journal_pb2 import NodeRef as NodeRefProto
from penstock.common.clock import Clock
from penstock.coordinator.queueing.kinds import Kind, amounts_of
from penstock.coordinator.shell.dispatch.balances import Balance
from penstock.coordinator.shell.dispatch.choosing import Choosy
from penstock.coordinator.shell.dispatch.placement import Crew, Seat, Team, Teams
from penstock.workflow.execution.values import NodeRef

HEARTBEAT_MS = 1_000
_SILENCE_S = 4.0
_RETURN_S = 2.0
_MESSAGE_BYTES = 4 * 1024 * 1024
"""Tasks gathered for one message; above it the next message begins."""


_TeamKey = tuple[str, frozenset[str], bool]
"""Pool, node types, and whether they are another coordinator's own."""


class Stream:
    """What is on its way to a worker over one connection. One writer sends all that gathered."""

    def __init__(self) -> None:
        self._messages: deque[WorkResponse] = deque()
        self._last = WorkResponse()
        self._room = 0
        self._filled = asyncio.Event()
        self.closed = False

    def message(self) -> WorkResponse:
        """The message being gathered, to add to."""
        if self._room <= 0 or not self._messages:
            self._last = WorkResponse()
            self._messages.append(self._last)
            self._room = _MESSAGE_BYTES
            self._filled.set()
        return self._last

    def grew(self, size: int) -> None:
        """About so many bytes were added to it."""
        self._room -= size

    def close(self) -> None:
        """Let `messages` end after what is there."""
        self.closed = True
        self._filled.set()

    async def messages(self) -> AsyncIterator[WorkResponse]:
        """Whatever gathered since the last one was taken, until closed."""
        while True:
            await self._filled.wait()
            while self._messages:
                yield self._messages.popleft()
            if self.closed:
                return
            self._filled.clear()


class Worker(Seat):
    """One worker process: a seat that placement fills, and a stream.

    `claims` are the attempts it said it holds when it arrived, at `arrived_at`; `known_since` is
    when it came first, unless it was given up in between. `echo_us` is when it sent what was taken
    in last, by its own clock. `continued` maps an attempt that it asked to go on with, and the
    lease whose report asked for it: until the worker has seen the answer it says that it holds the
    latter. `answered` is a list, shared by all workers, of those that have answers to send.
    `fenced`: it was given work that it stops when it hears nothing for a while.
    """

    __slots__ = (
        "answered",
        "arrived_at",
        "broken_at",
        "claims",
        "committed",
        "continued",
        "draining",
        "echo_us",
        "fenced",
        "heard_at",
        "id",
        "kinds",
        "known_since",
        "pool",
        "refused",
        "stream",
        "void",
    )

    def __init__(self, hello: Hello, answered: list["Worker"]) -> None:
        super().__init__(
            int(hello.credits), hello.labels, dict(amounts_of(hello.resources)), hello.worker_id
        )
        self.answered = answered
        self.id = hello.worker_id
        self.pool = hello.pool or "default"
        self.kinds = frozenset(hello.node_types)
        self.draining = False
        self.fenced = False
        self.heard_at = 0.0
        self.broken_at = 0.0
        self.arrived_at = 0.0
        self.known_since = 0.0
        self.echo_us = 0
        self.claims: dict[str, Sequence[NodeRef]] = {}
        self.stream = Stream()
        self.committed: list[int] = []
        self.refused: list[int] = []
        self.void: set[int] = set()
        self.continued: dict[tuple[str, NodeRef], NodeRef] = {}

    def answer(self, report_id: int, accepted: bool) -> None:
        """Tell what became of a report, at the next `flush`."""
        if not self.committed and not self.refused:
            self.answered.append(self)
        if accepted:
            self.committed.append(report_id)
        else:
            self.refused.append(report_id)

    def forgets(self, report_id: int, execution_id: str, refs: Iterable[NodeRef]) -> None:
        """A report is refused because its execution is not here: the worker drops what it was
        about. A copy of it that came beside it is void too, and so is what the worker said to hold
        of these attempts before it heard so; what it says on its next stream counts again."""
        self.answer(report_id, False)
        self.void.add(report_id)
        held = self.claims.get(execution_id)
        if held is not None:
            dropped = set(refs)
            self.claims[execution_id] = [ref for ref in held if ref not in dropped]

    def flush(self) -> None:
        """Put the answers that gathered on their way."""
        message = self.stream.message()
        message.committed.extend(self.committed)
        message.refused.extend(self.refused)
        self.committed.clear()
        self.refused.clear()

    def give_back(self, execution_id: str, ref: NodeRef) -> None:
        """It has this attempt no longer."""
        self.free += 1
        if not self.eased:
            self.ease()
        if self.ledger.held:
            self.ledger.let_go((execution_id, ref.node, ref.item))
        if self.continued:
            self.continued.pop((execution_id, ref), None)

    def hold(self, execution_id: str, ref: NodeRef, kind: Kind) -> None:
        """It has this attempt from now on, as far as resources go."""
        if kind.demand is not None and kind.demand.resources:
            self.ledger.hold((execution_id, ref.node, ref.item), kind.demand.resources)

    def cancel(self, execution_id: str, ref: NodeRef | None) -> None:
        """Tell the worker to abandon an attempt, or all of an execution."""
        cancel = self.stream.message().cancels.add(execution_id=execution_id)
        if ref is not None:
            cancel.ref.CopyFrom(NodeRefProto(node=ref.node, item=ref.item, attempt=ref.attempt))


class Workers:
    """All workers that are here or may come back."""

    def __init__(self, clock: Clock, balances: Mapping[str, Balance] | None = None) -> None:
        self._clock = clock
        self._balances = dict(balances or {})
        self.by_id: dict[str, Worker] = {}
        self._answered: list[Worker] = []
        self._teams: dict[_TeamKey, Team[Worker]] = {}
        self._crews: dict[Kind, Crew[Worker]] = {}
        self._coordinators = 1
        self._rank = 0
        self._shared = True

    def serving(self, kind: Kind) -> Crew[Worker]:
        """Workers that take tasks of this kind now."""
        if not self._shared:
            self._share_out()
        crew = self._crews.get(kind)
        if crew is None:
            crew = self._crews[kind] = self._crew_for(kind)
        return crew

    def _crew_for(self, kind: Kind) -> Crew[Worker]:
        pool, uses, demand = kind
        balance = self._balances.get(pool) or self._balances.get("", "least_busy")
        if demand is not None or balance != "least_busy":
            serving = [worker for worker in self.in_pool(pool) if uses in worker.kinds]
            return Choosy(kind, serving, balance)
        own: list[Team[Worker]] = []
        away: list[Team[Worker]] = []
        for (its_pool, kinds, is_away), team in self._teams.items():
            if its_pool == pool and uses in kinds:
                (away if is_away else own).append(team)
        return own[0] if len(own) == 1 and not away else Teams(own, away)

    def in_pool(self, pool: str) -> list[Worker]:
        """Workers of a pool that take tasks now; O(workers)."""
        return [one for one in self.by_id.values() if one.pool == pool and one.team is not None]

    def counts(self) -> Counter[str]:
        """Workers of each pool that take tasks now."""
        return Counter(one.pool for one in list(self.by_id.values()) if one.team is not None)

    def share_with(self, coordinators: int, rank: int) -> None:
        """There are so many coordinators, of which this is number `rank`."""
        self._coordinators, self._rank = coordinators, rank
        self._shared = False

    def _share_out(self) -> None:
        """Find out which workers are this coordinator's own: of each pool, in the order of their
        ids, every one in turn. All coordinators that know the same workers find the same."""
        counts: Counter[str] = Counter()
        for _, worker in sorted(self.by_id.items()):
            away = counts[worker.pool] % self._coordinators != self._rank
            counts[worker.pool] += 1
            if away != worker.away:
                placed = worker.team is not None
                self._stand_down(worker)
                worker.away = away
                worker.elsewhere = 0
                if placed:
                    self._team_of(worker).add(worker)
                    self._crews.clear()
        self._shared = True

    def _team_of(self, worker: Worker) -> Team[Worker]:
        key = (worker.pool, worker.kinds, worker.away)
        team = self._teams.get(key)
        if team is None:
            team = self._teams[key] = Team()
        return team

    def _stand_down(self, worker: Worker) -> None:
        """It takes no more tasks, for now or for ever."""
        team = self._team_of(worker)
        team.remove(worker)
        self._crews.clear()
        if not team:
            del self._teams[(worker.pool, worker.kinds, worker.away)]

    def arrive(self, hello: Hello) -> tuple[Worker, bool]:
        """A worker introduces itself on a new stream: the worker, and whether it is a return."""
        worker = self.by_id.get(hello.worker_id)
        returned = worker is not None
        if worker is None:
            worker = self.by_id[hello.worker_id] = Worker(hello, self._answered)
            worker.known_since = self._clock.monotonic()
        else:
            worker.stream.close()
            worker.stream = Stream()
            worker.committed.clear()
            worker.refused.clear()
            worker.void.clear()
            worker.draining = False
        worker.broken_at = 0.0
        worker.heard_at = worker.arrived_at = self._clock.monotonic()
        self._team_of(worker).add(worker)
        self._crews.clear()
        self._shared = self._coordinators == 1
        return worker, returned

    def recent(self, age_s: float) -> list[Worker]:
        """Workers that arrived within the last `age_s` seconds."""
        since = self._clock.monotonic() - age_s
        return [worker for worker in self.by_id.values() if worker.arrived_at >= since]

    def heard(self, worker: Worker, elsewhere: int = 0) -> None:
        """Any message is a sign of life. `elsewhere` is what it holds for other coordinators."""
        worker.heard_at = self._clock.monotonic()
        if worker.away and elsewhere != worker.elsewhere:
            worker.elsewhere = elsewhere
            worker.ease()

    def uses_elsewhere(self, worker: Worker, resources: Mapping[str, float]) -> None:
        """It said what other coordinators' attempts hold of its resources."""
        worker.ledger.elsewhere = dict(amounts_of(resources))

    def broke(self, worker: Worker, stream: Stream) -> None:
        """A stream ended; the worker may come back if this was its current one."""
        if worker.stream is stream and self.by_id.get(worker.id) is worker:
            worker.broken_at = self._clock.monotonic()
            self._stand_down(worker)

    def drain(self, worker: Worker) -> None:
        """The worker takes no more tasks."""
        if not worker.draining:
            worker.draining = True
            self._stand_down(worker)

    def take_lost(self) -> list[tuple[Worker, str]]:
        """Remove and return the workers that are gone, and why."""
        now = self._clock.monotonic()
        lost = []
        for worker in list(self.by_id.values()):
            if worker.broken_at and now - worker.broken_at > _RETURN_S:
                lost.append((worker, "its connection broke"))
            elif not worker.broken_at and now - worker.heard_at > _SILENCE_S:
                lost.append((worker, "it fell silent"))
        for worker, _ in lost:
            del self.by_id[worker.id]
            worker.stream.close()
            self._stand_down(worker)
        if lost:
            self._shared = self._coordinators == 1
        return lost

    def flush(self) -> None:
        """Put all answers that gathered on their way."""
        for worker in self._answered:
            if worker.committed or worker.refused:
                worker.flush()
        self._answered.clear()

    def tell_coordinators(self, addresses: Iterable[str]) -> None:
        """Send everybody the list of live coordinators."""
        known = sorted(addresses)
        for worker in self.by_id.values():
            worker.stream.message().coordinators.extend(known)

    def close(self) -> None:
        """End all streams."""
        for worker in self.by_id.values():
            worker.stream.close()
