"""A simulated worker process: runs tasks in slots, first come first served, and reports."""

from collections import deque
from collections.abc import Callable

from bench.simulate.virtual_time import VirtualTime
from penstock.coordinator.shell.live import Live
from penstock.workflow.execution.values import NodeRef

LATENCY_S = 0.0005
"""One way between coordinator and worker."""


class Task:
    """One attempt of a simulated execution."""

    __slots__ = ("live", "ready_at", "ref", "service_s", "started_at")

    def __init__(self, live: Live, ref: NodeRef, service_s: float, ready_at: float) -> None:
        self.live = live
        self.ref = ref
        self.service_s = service_s
        self.ready_at = ready_at
        self.started_at = -1.0


Done = Callable[[Task], None]


class Machine:
    """What coordinators know as one worker each. `busy_s` is work done, over all slots."""

    __slots__ = (
        "_time",
        "alive",
        "busy",
        "busy_s",
        "gone_at",
        "leaving",
        "queue",
        "since",
        "slots",
    )

    def __init__(self, time: VirtualTime, slots: int) -> None:
        self._time = time
        self.slots = slots
        self.busy = 0
        self.busy_s = 0.0
        self.queue: deque[tuple[Task, Done]] = deque()
        self.alive = True
        self.leaving = False
        self.since = time.now
        self.gone_at = -1.0

    @property
    def held(self) -> int:
        """Tasks that are here, running or not."""
        return self.busy + len(self.queue)

    def take(self, task: Task, done: Done) -> None:
        """A task arrived."""
        if not self.alive:
            return
        if self.busy < self.slots:
            self._start(task, done)
        else:
            self.queue.append((task, done))

    def _start(self, task: Task, done: Done) -> None:
        self.busy += 1
        task.started_at = self._time.now

        def end() -> None:
            self._end(task, done)

        self._time.after(task.service_s, end)

    def _end(self, task: Task, done: Done) -> None:
        if not self.alive:
            return
        self.busy -= 1
        self.busy_s += task.service_s
        if self.queue:
            self._start(*self.queue.popleft())

        def report() -> None:
            done(task)

        self._time.after(LATENCY_S, report)

    def die(self) -> None:
        """Everything here is lost."""
        self.alive = False
        self.gone_at = self._time.now
        self.busy = 0
        self.queue.clear()
