"""Workers as the coordinator sees them: credits, what is on its way to them, and their silence."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence

from penstock.api.dispatch.v1.dispatch_service_pb2 import Hello, WorkResponse
from penstock.api.journal.v1.journal_pb2 import NodeRef as NodeRefProto
from penstock.common.clock import Clock
from penstock.workflow.execution.values import NodeRef

HEARTBEAT_MS = 1_000
_SILENCE_S = 4.0
_RETURN_S = 2.0
_MESSAGE_BYTES = 4 * 1024 * 1024
"""Tasks gathered for one message; above it the next message begins."""


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


class Worker:
    """One worker process.

    `claims` are the attempts it said it holds when it arrived, at `arrived_at`.
    `free` is its room for more tasks (negative while it has more leases than credits). `continued`
    maps an attempt that it asked to go on with, and the lease whose report asked for it: until the
    worker has seen the answer it says that it holds the latter.
    """

    __slots__ = (
        "arrived_at",
        "broken_at",
        "claims",
        "committed",
        "continued",
        "draining",
        "free",
        "heard_at",
        "id",
        "kinds",
        "pool",
        "refused",
        "stream",
    )

    def __init__(self, hello: Hello) -> None:
        self.id = hello.worker_id
        self.pool = hello.pool or "default"
        self.kinds = frozenset(hello.node_types)
        self.free = int(hello.credits)
        self.draining = False
        self.heard_at = 0.0
        self.broken_at = 0.0
        self.arrived_at = 0.0
        self.claims: Mapping[str, Sequence[NodeRef]] = {}
        self.stream = Stream()
        self.committed: list[int] = []
        self.refused: list[int] = []
        self.continued: dict[tuple[str, NodeRef], NodeRef] = {}

    def answer(self, report_id: int, accepted: bool) -> None:
        """Tell what became of a report, at the next `flush`."""
        if accepted:
            self.committed.append(report_id)
        else:
            self.refused.append(report_id)

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
        if self.continued:
            self.continued.pop((execution_id, ref), None)

    def cancel(self, execution_id: str, ref: NodeRef | None) -> None:
        """Tell the worker to abandon an attempt, or all of an execution."""
        cancel = self.stream.message().cancels.add(execution_id=execution_id)
        if ref is not None:
            cancel.ref.CopyFrom(NodeRefProto(node=ref.node, item=ref.item, attempt=ref.attempt))


class Workers:
    """All workers that are here or may come back."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.by_id: dict[str, Worker] = {}
        self._serving: dict[tuple[str, str], tuple[Worker, ...]] = {}

    def serving(self, kind: tuple[str, str]) -> Sequence[Worker]:
        """Workers that take tasks of this pool and node type now."""
        found = self._serving.get(kind)
        if found is None:
            pool, uses = kind
            found = tuple(
                w
                for w in self.by_id.values()
                if w.pool == pool and uses in w.kinds and not w.draining and not w.broken_at
            )
            self._serving[kind] = found
        return found

    def changed(self) -> None:
        """Some worker came, went or drains: forget who serves what."""
        self._serving.clear()

    def arrive(self, hello: Hello) -> tuple[Worker, bool]:
        """A worker introduces itself on a new stream: the worker, and whether it is a return."""
        worker = self.by_id.get(hello.worker_id)
        returned = worker is not None
        if worker is None:
            worker = self.by_id[hello.worker_id] = Worker(hello)
        else:
            worker.stream.close()
            worker.stream = Stream()
            worker.committed.clear()
            worker.refused.clear()
            worker.draining = False
        worker.broken_at = 0.0
        worker.heard_at = worker.arrived_at = self._clock.monotonic()
        self.changed()
        return worker, returned

    def recent(self, age_s: float) -> list[Worker]:
        """Workers that arrived within the last `age_s` seconds."""
        since = self._clock.monotonic() - age_s
        return [worker for worker in self.by_id.values() if worker.arrived_at >= since]

    def heard(self, worker: Worker) -> None:
        """Any message is a sign of life."""
        worker.heard_at = self._clock.monotonic()

    def broke(self, worker: Worker, stream: Stream) -> None:
        """A stream ended; the worker may come back if this was its current one."""
        if worker.stream is stream and self.by_id.get(worker.id) is worker:
            worker.broken_at = self._clock.monotonic()
            self.changed()

    def drain(self, worker: Worker) -> None:
        """The worker takes no more tasks."""
        if not worker.draining:
            worker.draining = True
            self.changed()

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
        if lost:
            self.changed()
        return lost

    def flush(self) -> None:
        """Put all answers that gathered on their way."""
        for worker in self.by_id.values():
            if worker.committed or worker.refused:
                worker.flush()

    def tell_coordinators(self, addresses: Iterable[str]) -> None:
        """Send everybody the list of live coordinators."""
        known = sorted(addresses)
        for worker in self.by_id.values():
            worker.stream.message().coordinators.extend(known)

    def close(self) -> None:
        """End all streams."""
        for worker in self.by_id.values():
            worker.stream.close()
