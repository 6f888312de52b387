"""Processes of make-believe and what lies between them: who is alive, how long messages take, and
the points at which one of them may die.

A process is a name, a set of tasks and the calls it takes part in. Which process a piece of code
belongs to is carried by a context variable, so the real services need not know that they share an
event loop. A point is whatever can be seen from outside: a message leaves or arrives, rows reach
the disk, an effect happens. Between two points a process can die at any time without anybody being
able to tell the difference, so to die at every point is to die everywhere.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from dataclasses import dataclass, field
from random import Random
from typing import Any, Protocol
from zlib import crc32

from penstock.common.ids import new_ulid
from support.simulated.links import Links

CURRENT: ContextVar["Process"] = ContextVar("CURRENT")
EPOCH_US = 1_700_000_000_000_000


class Severable(Protocol):
    """A call between two processes."""

    def sever(self, dead: "Process | None") -> None: ...

    def starve(self, within_s: tuple[float, float], ends: set[str]) -> None: ...


@dataclass(eq=False)
class Process:
    """One life of a process; its successor is another object of the same role, at the same place.

    `skew_us` is what its machine's wall clock is ahead of the true time.
    """

    fabric: "Fabric"
    role: str
    name: str
    place: str
    alive: bool = True
    frozen: bool = False
    skew_us: int = 0
    tasks: "dict[asyncio.Task[Any], None]" = field(default_factory=dict)
    calls: dict[Severable, None] = field(default_factory=dict)
    addresses: list[str] = field(default_factory=list)
    inside: dict[str, Any] = field(default_factory=dict)
    """Parts of its code that somebody wants to look at."""
    freezes: list[tuple[float, float]] = field(default_factory=list)
    """From when to when it was frozen; 0 while it is."""

    def now_us(self) -> int:
        """What its wall clock shows."""
        return EPOCH_US + round(asyncio.get_running_loop().time() * 1e6) + self.skew_us

    def spawn(self, work: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
        """Run something as a part of this process."""
        context = copy_context()
        context.run(CURRENT.set, self)
        task = asyncio.Task(work, loop=asyncio.get_running_loop(), context=context)
        self.tasks[task] = None
        task.add_done_callback(self._over)
        if not self.alive:
            task.cancel()
        return task

    def _over(self, task: "asyncio.Task[Any]") -> None:
        self.tasks.pop(task, None)
        if not task.cancelled() and task.exception() is not None and self.alive:
            self.fabric.faults.append(f"{self.name} broke: {task.exception()!r}")

    def forget(self, task: "asyncio.Task[Any]") -> None:
        """A task of it is over."""
        self.tasks.pop(task, None)

    def kill(self) -> None:
        """Die without a word: from now on nothing that this process does is seen by anybody."""
        if not self.alive:
            return
        self.alive = False
        self.thaw()
        for address in self.addresses:
            self.fabric.servers.pop(address, None)
        for call in list(self.calls):
            call.sever(self)
        self._reap()

    def freeze(self) -> None:
        """Stop as by SIGSTOP: nothing of it runs, nobody is told, its connections stay."""
        if not self.frozen:
            self.freezes.append((self.fabric.now(), 0.0))
        self.frozen = True
        loop: Any = asyncio.get_running_loop()
        loop.freeze(self)

    def thaw(self) -> None:
        """Go on where it stopped, not knowing that time has passed."""
        if self.frozen:
            self.frozen = False
            self.freezes[-1] = (self.freezes[-1][0], self.fabric.now())
            loop: Any = asyncio.get_running_loop()
            loop.thaw(self)

    def _reap(self) -> None:
        """End what is left of it. Its code may still clean up, which nobody sees, and may refuse to
        end, which does not help it."""
        for task in self.tasks:
            task.cancel()
        if self.tasks:
            asyncio.get_running_loop().call_later(0.001, self._reap, context=NOBODY)


NOBODY = Context()
"""What belongs to no process runs in this: messages under way, the reaper."""


def owner_of(context: Context) -> Process | None:
    """The process that something belongs to."""
    return context.get(CURRENT)


def make_task(
    loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any], **more: Any
) -> "asyncio.Task[Any]":
    """The loop's task factory: a task belongs to the process that began it."""
    task = asyncio.Task(work, loop=loop, **more)
    process = CURRENT.get(None)
    if process is not None:
        process.tasks[task] = None
        task.add_done_callback(process.forget)
        if not process.alive:
            task.cancel()
    return task


Tap = Callable[[str, Process, Process, Any], None]
"""Hears of every message: "sent" or "taken", from whom, to whom, what. "taken" is the instant at
which the receiver's own code gets it."""


class Fabric:
    """Everything that connects processes. All chance comes from `rng`."""

    def __init__(self, rng: Random, *, calm: bool = False) -> None:
        self.rng = rng
        self.calm = calm
        self.servers: dict[str, tuple[Process, dict[str, Any]]] = {}
        self.processes: list[Process] = []
        self.taps: list[Tap] = []
        self.points = 0
        self.trail: list[str] = []
        self.on_point: Callable[[int, str], None] | None = None
        self.faults: list[str] = []
        self.outside: Any = None
        self.database: Any = None
        self.bus: Any = None
        self.work: Any = None
        self.repeated: type | None = None
        self.links = Links(self)
        self.twice = 0.0
        self.digest = 0
        self._born = 0
        self._ids = 0

    def now(self) -> float:
        """Seconds of simulated time."""
        return asyncio.get_running_loop().time()

    def next_id(self) -> str:
        """A ULID, the same ones in every run."""
        self._ids += 1
        return new_ulid(round(self.now() * 1_000), self._ids.to_bytes(10, "big"))

    def born(self, role: str, place: str = "") -> Process:
        """A new process, at a place of its own unless one is given."""
        self._born += 1
        name = f"{role}-{self._born}"
        process = Process(self, role, name, place or name)
        self.processes.append(process)
        return process

    def living(self, role: str) -> list[Process]:
        """The processes of a role that are alive."""
        return [one for one in self.processes if one.alive and one.role == role]

    def point(self, what: str) -> None:
        """Something is about to be seen from outside: here a process may die."""
        self.points += 1
        self.trail.append(what)
        self.note(what.encode())
        if self.on_point is not None:
            self.on_point(self.points, what)

    def note(self, data: bytes) -> None:
        """Make something a part of `digest`, which is the same for the same history only."""
        self.digest = crc32(data, self.digest)

    def tap(self, what: str, sender: Process, receiver: Process, message: Any) -> None:
        """Let everybody who listens know of a message."""
        for tap in self.taps:
            tap(what, sender, receiver, message)

    def delay_s(self) -> float:
        """How long a message is under way: mostly short, now and then long."""
        if self.calm:
            return 0.000_2
        dice = self.rng.random()
        if dice < 0.05:
            return self.rng.uniform(0.002, 0.04)
        return self.rng.uniform(0.000_05, 0.001)

    def copies(self, message: Any) -> int:
        """How often a message arrives: some kinds may come twice."""
        return 2 if type(message) is self.repeated and self.rng.random() < 0.3 else 1

    def break_calls(self, one: str, other: str) -> None:
        """The network fails between two roles for an instant: all calls between them end."""
        for process in self.living(one):
            for call in list(process.calls):
                ends = (call.client.role, call.server.role)  # type: ignore[attr-defined]
                if other in ends:
                    call.sever(None)
