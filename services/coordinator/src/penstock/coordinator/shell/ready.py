"""Attempts that are ready and not on a worker yet: a queue per pool and node type.

First in, first out, except that an execution with many attempts goes to the end of its queue after
each chunk, so that a wide fan-out does not hold up everybody else. Entries that are void by the
time they surface (execution ended, attempt cancelled) are dropped then.
"""

from collections import deque
from collections.abc import Callable, Sequence

from penstock.coordinator.shell.live import Live
from penstock.coordinator.shell.placement import Crew, chunk_size, run_length
from penstock.coordinator.shell.workers import Worker
from penstock.workflow.execution.values import NodeRef

Kind = tuple[str, str]
"""Pool and node type."""

_SHARE = 64
"""Entries of one kind handled before the next kind has its turn."""

HandOver = Callable[[Worker, Live, Sequence[NodeRef], bool], None]
"""Who gets which attempts; true if they are a part of more that was queued together."""


class Entry:
    """Attempts of one execution and kind, from `at` on still waiting."""

    __slots__ = ("at", "live", "refs")

    def __init__(self, live: Live, refs: Sequence[NodeRef]) -> None:
        self.live = live
        self.refs = refs
        self.at = 0


class ReadyQueues:
    """All queues. `depth` is how many attempts wait (void ones included)."""

    def __init__(self) -> None:
        self._queues: dict[Kind, deque[Entry]] = {}
        self.depth = 0

    def add(self, live: Live, refs: Sequence[NodeRef]) -> None:
        """Queue attempts of one execution; O(attempts)."""
        self.depth += len(refs)
        nodes = live.plan.nodes
        node = nodes[refs[0].node]
        if len(refs) == 1:
            self._queue((node.pool, node.uses)).append(Entry(live, refs))
            return
        by_kind: dict[Kind, list[NodeRef]] = {}
        for ref in refs:
            node = nodes[ref.node]
            by_kind.setdefault((node.pool, node.uses), []).append(ref)
        for kind, some in by_kind.items():
            self._queue(kind).append(Entry(live, some))

    def holds(self, live: Live, ref: NodeRef) -> bool:
        """True if this attempt waits here. O(entries)."""
        return any(
            entry.live is live and ref in entry.refs[entry.at :]
            for queue in self._queues.values()
            for entry in queue
        )

    def waits(self, kind: Kind) -> bool:
        """True if something of this kind waits."""
        return kind in self._queues

    def _queue(self, kind: Kind) -> deque[Entry]:
        queue = self._queues.get(kind)
        if queue is None:
            queue = self._queues[kind] = deque()
        return queue

    def hand_out(self, crew_for: Callable[[Kind], Crew[Worker]], hand_over: HandOver) -> None:
        """Give what waits to workers with room, until nothing waits or no room is left."""
        busy = bool(self.depth)
        while busy:
            busy = False
            for kind in list(self._queues):
                queue = self._queues[kind]
                crew = crew_for(kind)
                if queue and self._serve(queue, crew, hand_over):
                    busy = True
                if not queue:
                    del self._queues[kind]

    def _serve(self, queue: deque[Entry], crew: Crew[Worker], hand_over: HandOver) -> bool:
        """Hand out up to a share of a queue; True if there is reason to come back."""
        chosen: Worker | None = None
        run = 0
        for _ in range(min(_SHARE, len(queue))):
            entry = queue[0]
            live = entry.live
            refs = entry.refs
            waiting = len(refs) - entry.at
            if live.gone:
                queue.popleft()
                self.depth -= waiting
                continue
            worker = live.favourite
            if waiting > 1:
                worker = crew.least_of_all()
                if worker is None:
                    return False
            elif worker is None or not crew.keeps(worker):
                if chosen is None or run <= 0 or chosen.free <= 0:
                    chosen = crew.least()
                    if chosen is None:
                        return False
                    run = run_length(chosen)
                worker = chosen
            queue.popleft()
            if len(refs) == 1:
                self.depth -= 1
                run -= 1
                if live.state.is_current(refs[0]):
                    hand_over(worker, live, refs, False)
                continue
            count = chunk_size(waiting, len(crew), worker.free)
            self._hand_over_part(entry, worker, count, hand_over)
            if count < waiting:
                queue.append(entry)
        return bool(queue)

    def _hand_over_part(
        self, entry: Entry, worker: Worker, count: int, hand_over: HandOver
    ) -> None:
        """Give the next `count` attempts of an entry, without those that are void by now."""
        is_current = entry.live.state.is_current
        some = entry.refs[entry.at : entry.at + count]
        entry.at += count
        self.depth -= count
        current = [ref for ref in some if is_current(ref)]
        if current:
            hand_over(worker, entry.live, current, True)
