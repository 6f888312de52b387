"""Attempts that are ready and not on a worker yet: a queue per kind, that is per pool, node type
and what the node asks of a worker beyond that.

In a queue the usual case is a plain row: first in, first out, except that an execution with many
attempts goes to the end after each chunk, so that a wide fan-out does not hold up everybody else.
`penstock.coordinator.queueing` says what priorities, deadlines and several tenants make of it.
Between queues, which may want the same workers, the one that had its turn longest ago comes first;
if all that waits is one tenant's, the one with the highest level does.

Entries that are void by the time they surface (execution ended, attempt cancelled) are dropped
then.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from penstock.common.clock import Clock
from penstock.coordinator.queueing.kinds import Kind, Slot
from penstock.coordinator.queueing.queue import FairRules, KindQueue
from penstock.coordinator.shell.dispatch.company import key_of
from penstock.coordinator.shell.dispatch.placement import Crew, chunk_size, room_of, run_length
from penstock.coordinator.shell.dispatch.urgency import due_of, is_usual, level_of
from penstock.coordinator.shell.dispatch.workers import Worker
from penstock.coordinator.shell.live import Live
from penstock.workflow.execution.values import NodeRef

_SHARE = 64
"""Entries of one kind handled before the next kind has its turn."""

CLAIM_AFTER_S = 5.0
"""What asks for resources and found no room for so long gets a worker that empties for it: else
those that ask for less would always come first."""

HandOver = Callable[[Worker, Live, Sequence[NodeRef], bool], None]
"""Who gets which attempts; true if they are a part of more that was queued together."""


class Entry:
    """Attempts of one execution and slot, from `at` on still waiting, the first ones since
    `since`."""

    __slots__ = ("at", "live", "refs", "since")

    def __init__(self, live: Live, refs: Sequence[NodeRef], since: float) -> None:
        self.live = live
        self.refs = refs
        self.since = since
        self.at = 0


class ReadyQueues:
    """All queues."""

    def __init__(self, clock: Clock, rules: FairRules) -> None:
        self._now = clock.monotonic
        self._rules = rules
        self._queues: dict[Kind, KindQueue[Entry]] = {}
        self._turns = 0

    def __iter__(self) -> Iterator[KindQueue[Entry]]:
        return iter(list(self._queues.values()))

    @property
    def waiting(self) -> bool:
        """True if anything waits."""
        return bool(self._queues)

    @property
    def depth(self) -> int:
        """How many attempts wait (void ones included); O(kinds)."""
        return sum(queue.depth for queue in self._queues.values())

    def get(self, kind: Kind) -> KindQueue[Entry] | None:
        """The queue of a kind, if something of it waits."""
        return self._queues.get(kind)

    def age_s(self, queue: KindQueue[Entry], tenant: str | None = None) -> float:
        """How long the entry that came first has waited, of a tenant or of all; O(1)."""
        since = queue.oldest(tenant)
        return max(0.0, self._now() - since) if since is not None else 0.0

    def add(self, live: Live, refs: Sequence[NodeRef]) -> None:
        """Queue attempts of one execution; O(attempts)."""
        slots = live.slots
        if len(refs) == 1:
            self._add(live, refs, slots[refs[0].node])
            return
        by_slot: dict[Slot, list[NodeRef]] = {}
        for ref in refs:
            by_slot.setdefault(slots[ref.node], []).append(ref)
        for slot, some in by_slot.items():
            self._add(live, some, slot)

    def waiting_of(self, live: Live) -> set[NodeRef]:
        """The attempts of an execution that wait here. O(entries of its kinds and its tenant)."""
        found: set[NodeRef] = set()
        for kind in {slot.kind for slot in live.slots}:
            queue = self._queues.get(kind)
            for _, entry in queue.entries(live.tenant) if queue is not None else ():
                if entry.live is live:
                    found.update(islice(entry.refs, entry.at, None))
        return found

    def _add(self, live: Live, refs: Sequence[NodeRef], slot: Slot) -> None:
        kind = slot.kind
        queue = self._queues.get(kind)
        if queue is None:
            queue = self._queues[kind] = KindQueue(kind, live.tenant, self._rules, self._turns)
        usual = live.usual
        if usual is None:
            usual = live.usual = is_usual(live)
        entry = Entry(live, refs, self._now())
        if usual and slot.priority is None and queue.lines is None and queue.tenant == live.tenant:
            queue.depth += len(refs)
            queue.row.append(entry)
        else:
            level = level_of(live) if slot.priority is None else slot.priority
            queue.add(entry, len(refs), live.tenant, level, due_of(live, refs))

    def hand_out(self, crew_for: Callable[[Kind], Crew[Worker]], hand_over: HandOver) -> None:
        """Give what waits to workers with room, until nothing waits or no room is left."""
        queues = self._queues
        busy = bool(queues)
        while busy:
            busy = False
            for queue in list(queues.values()) if len(queues) == 1 else self._in_turns():
                crew = crew_for(queue.kind)
                if queue.lines is None and queue.kind.demand is None:
                    more = self._serve_row(queue, crew, hand_over)
                else:
                    more = self._serve(queue, crew, hand_over)
                if not queue:
                    crew.settle()
                    del queues[queue.kind]
                elif more:
                    busy = True

    def _in_turns(self) -> list[KindQueue[Entry]]:
        """The queues in the order in which they may ask for workers."""
        queues = list(self._queues.values())
        tenant = queues[0].only_tenant
        if tenant is not None and all(queue.only_tenant == tenant for queue in queues):
            now = self._now()
            queues.sort(key=lambda queue: (-queue.top_level(now), queue.served_at))
        else:
            queues.sort(key=lambda queue: queue.served_at)
        return queues

    def _serve_row(self, queue: KindQueue[Entry], crew: Crew[Worker], hand_over: HandOver) -> bool:
        """Hand out up to a share of a plain row; True if there is reason to come back."""
        row = queue.row
        chosen: Worker | None = None
        run = 0
        self._turns += 1
        for _ in range(min(_SHARE, len(row))):
            entry = row[0]
            live = entry.live
            refs = entry.refs
            waiting = len(refs) - entry.at
            if live.gone:
                row.popleft()
                queue.depth -= waiting
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
            row.popleft()
            queue.served_at = self._turns
            if len(refs) == 1:
                queue.depth -= 1
                run -= 1
                if live.state.is_current(refs[0]):
                    hand_over(worker, live, refs, False)
                continue
            count = chunk_size(waiting, len(crew), worker.free)
            queue.depth -= count
            _hand_over_part(entry, worker, count, hand_over)
            if count < waiting:
                row.append(entry)
        return bool(row)

    def _serve(self, queue: KindQueue[Entry], crew: Crew[Worker], hand_over: HandOver) -> bool:
        """The same for a queue in order of urgency, or whose attempts ask more of a worker."""
        demand = queue.kind.demand
        amounts = demand.resources if demand is not None else ()
        key = demand.key if demand is not None else ""
        self._turns += 1
        for _ in range(_SHARE):
            entry = queue.peek(self._now())
            if entry is None:
                return False
            live = entry.live
            waiting = len(entry.refs) - entry.at
            if live.gone or live.state.is_paused:
                queue.took(waiting, all_of_it=True, charged=False)
                continue
            if key:
                at_home = key_of(live, entry.refs[entry.at], key)
                chosen = (at_home and crew.home_of(at_home)) or crew.least()
            elif waiting > 1:
                chosen = crew.least_of_all()
            else:
                chosen = live.favourite
                if chosen is None or not crew.keeps(chosen):
                    chosen = crew.least()
            if chosen is None:
                if amounts and self._now() - entry.since > CLAIM_AFTER_S:
                    crew.claim()
                return False
            if amounts:
                crew.settle()
            queue.served_at = self._turns
            count = 1 if key else chunk_size(waiting, len(crew), room_of(chosen, amounts))
            queue.took(count, all_of_it=count == waiting)
            _hand_over_part(entry, chosen, count, hand_over)
        return bool(queue)


def _hand_over_part(entry: Entry, worker: Worker, count: int, hand_over: HandOver) -> None:
    """Give the next `count` attempts of an entry, without those that are void by now."""
    is_current = entry.live.state.is_current
    some = entry.refs[entry.at : entry.at + count]
    entry.at += count
    current = [ref for ref in some if is_current(ref)]
    if current:
        hand_over(worker, entry.live, current, len(entry.refs) > 1)
