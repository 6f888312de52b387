"""What an execution waits for: back-offs, sleeps, signals, sub-workflows, deadlines. Part of the
fold.

The tables are the truth; `heap` is an index over them that may hold entries that no longer matter
(a timer that was disarmed). They are dropped when they come up, so each operation is O(log n) at
most.
"""

from collections import deque
from heapq import heappop, heappush
from itertools import chain
from typing import NamedTuple

from penstock.workflow.execution.events import NodeWaiting, SignalReceived
from penstock.workflow.execution.open_tasks import OpenTasks
from penstock.workflow.execution.values import Payload

EXECUTION_DEADLINE, NODE_DEADLINE, WAKE = range(3)
"""Kinds of timers, in the order in which they go off when due at the same instant."""

BEGINNING = -1
"""The key under which an execution itself waits for the time that its start was put off to."""

SIGNALS_BUFFERED_MAX = 1_000
"""Signals that nobody has waited for yet, per execution; further ones are refused."""
SIGNALS_BYTES_MAX = 8 * 1024 * 1024
"""What their payloads may take together: the end of a pause may deliver them all in one step."""


class Poll(NamedTuple):
    """How often a condition was found not to hold, and when to stop looking (0: never)."""

    give_up_us: int
    times: int


class Waits:
    """Timers and signals of one execution.

    `due` is when a node or item (by key) wakes up; `sleeping` what it said when it went to sleep
    (absent for a retry back-off); `waiters` who listens for a signal, first come first served;
    `signals` what came before anybody listened; `polls` whose condition was found not to hold;
    `tasks` what people are asked, None until there is the first; `children` who waits for a
    sub-workflow (by its id).
    """

    __slots__ = (
        "children",
        "deadline_us",
        "deadlines",
        "due",
        "heap",
        "polls",
        "signal_ids",
        "signals",
        "sleeping",
        "tasks",
        "waiters",
    )

    def __init__(self) -> None:
        self.due: dict[int, int] = {}
        self.sleeping: dict[int, NodeWaiting] = {}
        self.waiters: dict[str, dict[int, None]] = {}
        self.signals: dict[str, deque[Payload]] = {}
        self.signal_ids: set[str] = set()
        self.children: dict[str, int] = {}
        self.deadlines: dict[int, int] = {}
        self.deadline_us = 0
        self.heap: list[tuple[int, int, int]] = []
        self.polls: dict[int, Poll] = {}
        self.tasks: OpenTasks | None = None

    def arm_execution_deadline(self, due_us: int) -> None:
        """The whole execution ends at `due_us` at the latest."""
        self.deadline_us = due_us
        heappush(self.heap, (due_us, EXECUTION_DEADLINE, 0))

    def arm_node_deadline(self, node: int, due_us: int) -> None:
        """The node fails at `due_us` if it has not ended; later calls for the same node change
        nothing."""
        if node not in self.deadlines:
            self.deadlines[node] = due_us
            heappush(self.heap, (due_us, NODE_DEADLINE, node))

    def wake_at(self, key: int, due_us: int) -> None:
        """The node or item goes on at `due_us`."""
        self.due[key] = due_us
        heappush(self.heap, (due_us, WAKE, key))

    def sleep(self, key: int, event: NodeWaiting, at_us: int) -> None:
        """The node or item waits for a time, a signal, a person, or what comes first."""
        self.sleeping[key] = event
        if event.again:
            times = self.polls[key].times if key in self.polls else 0
            self.polls[key] = Poll(event.give_up_us, times + 1)
        if event.child is not None:
            self.children[event.child.execution_id] = key
        if event.task is not None:
            self.tasks = self.tasks or OpenTasks()
            self.tasks.open(key, event, at_us)
        if event.signal:
            self.waiters.setdefault(event.signal, {})[key] = None
        if event.until_us:
            self.wake_at(key, event.until_us)

    def receive(self, event: SignalReceived) -> None:
        """A signal came; it stays until a wait for it ends well."""
        self.signals.setdefault(event.name, deque()).append(event.payload)
        if event.signal_id:
            self.signal_ids.add(event.signal_id)

    def end_well(self, key: int) -> None:
        """The wait under this key, if any, is over; the signal it waited for is used up, if it
        came."""
        wait = self.sleeping.get(key)
        if wait is not None and wait.signal in self.signals:
            buffered = self.signals[wait.signal]
            buffered.popleft()
            if not buffered:
                del self.signals[wait.signal]
        self.drop(key)

    def drop(self, key: int) -> None:
        """Nothing is waited for under this key any more."""
        self.due.pop(key, None)
        wait = self.sleeping.pop(key, None)
        if wait is None:
            return
        if wait.child is not None:
            del self.children[wait.child.execution_id]
        if wait.task is not None and self.tasks is not None:
            self.tasks.close(key)
        if wait.signal:
            waiters = self.waiters[wait.signal]
            del waiters[key]
            if not waiters:
                del self.waiters[wait.signal]

    def drop_items(self, node: int, size: int) -> None:
        """Drop every wait of a node and of its items; linear in what waits."""
        for table in (self.due, self.sleeping):
            for key in [key for key in table if key % size == node]:
                self.drop(key)

    def given_up(self) -> "Waits":
        """What there is once nothing is waited for any more: the news that nobody is asked now."""
        waited = self.heap or self.sleeping or self.polls or self.signals or self.signal_ids
        if not waited and self.tasks is None:
            return self  # nothing ever was
        nothing = Waits()
        if self.tasks is not None:
            self.tasks.close_all()
            nothing.tasks = self.tasks
        return nothing

    def next_timer(self) -> tuple[int, int, int] | None:
        """The earliest armed timer (due, kind, node or key); None if nothing is armed."""
        heap = self.heap
        while heap:
            due_us, kind, key = heap[0]
            if kind == WAKE:
                armed = self.due.get(key)
            elif kind == NODE_DEADLINE:
                armed = self.deadlines.get(key)
            else:
                armed = self.deadline_us
            if armed == due_us:
                return heap[0]
            heappop(heap)
        return None

    @property
    def buffer_full(self) -> bool:
        """True if no further signal is taken in."""
        kept = self.signals.values()
        if sum(map(len, kept)) >= SIGNALS_BUFFERED_MAX:
            return True
        return sum(len(each.json) for each in chain(*kept)) >= SIGNALS_BYTES_MAX
