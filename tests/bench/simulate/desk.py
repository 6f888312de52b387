"""A simulated coordinator: the real shell's workers, ready queues and release, with turns that end
when a simulated commit does."""

from collections.abc import Callable, Sequence
from typing import Any, cast

from bench.simulate.machine import LATENCY_S, Machine, Task
from bench.simulate.virtual_time import VirtualTime
from penstock.api.dispatch.v1.dispatch_service_pb2 import Hello
from penstock.coordinator.core.commands import Dispatch
from penstock.coordinator.queueing.kinds import slots_of
from penstock.coordinator.queueing.queue import FairRules
from penstock.coordinator.shell.dispatch.ready import ReadyQueues
from penstock.coordinator.shell.dispatch.release import Release
from penstock.coordinator.shell.dispatch.workers import Worker, Workers
from penstock.coordinator.shell.live import Executions, Live, Phase, Shard
from penstock.workflow.execution.tables import tables_of
from penstock.workflow.execution.values import NodeRef, Payload
from penstock.workflow.plan import Plan

COMMIT_S = 0.002
WATCH_S = 0.5


class Attempts:
    """Stands in for the fold: every attempt handed out is current until it is done."""

    __slots__ = ("holders", "outputs", "tables", "touched")

    def __init__(self, plan: Plan) -> None:
        self.tables = tables_of(plan)
        self.outputs: dict[int, Payload] = {}
        self.holders: dict[NodeRef, str] = {}
        self.touched = None

    def is_current(self, ref: NodeRef) -> bool:
        """Nothing is ever cancelled here."""
        return True

    def hand_over(self, ref: NodeRef, worker: str) -> None:
        """A worker has it."""
        self.holders[ref] = worker


class Run:
    """What the shell's placement sees of an execution; `tasks` are those not yet done."""

    __slots__ = (
        "favourite", "gone", "id", "permits", "plan", "shard", "slots", "state", "steps_left",
        "tasks", "tenant", "usual",
    )  # fmt: skip

    def __init__(self, name: str, plan: Plan, shard: Shard, steps: int) -> None:
        self.id = name
        self.plan = plan
        self.shard = shard
        self.slots = slots_of(plan)
        self.tenant = "default"
        self.usual = True
        self.state = Attempts(plan)
        self.favourite: Worker | None = None
        self.gone = False
        self.permits = None
        self.steps_left = steps
        self.tasks: dict[NodeRef, Task] = {}


class _Always:
    def holds(self) -> bool:
        return True


class _SimulatedRelease(Release):
    """The real release; what it would send to a worker goes to the simulated one."""

    sent: Callable[[Worker, Live, Sequence[NodeRef]], None]

    def _send(self, worker: Worker, live: Live, refs: Sequence[NodeRef]) -> None:
        self.sent(worker, live, refs)


class Desk:
    """One coordinator."""

    def __init__(self, time: VirtualTime, on_done: Callable[["Desk", Task], None]) -> None:
        self._time = time
        self._on_done = on_done
        self._inbox: list[tuple[Run, tuple[NodeRef, ...]]] = []
        self._back: list[tuple[Worker, Task]] = []
        self._turning = False
        self.shard = Shard(0, 1, 0)
        self.shard.phase = Phase.OWNED
        self.workers = Workers(time)
        nobody = cast("Any", None)
        ready = ReadyQueues(time, FairRules(30.0, {}))
        self.release = _SimulatedRelease(
            Executions(), self.workers, _Always(), nobody, ready, segments=True
        )
        self.release.sent = self._sent
        self.machines: dict[str, Machine] = {}
        self.held: dict[str, dict[Task, None]] = {}
        self.messages = 0
        self.dispatched = 0
        self._told: set[str] = set()

    @property
    def unfinished(self) -> int:
        """Tasks that workers hold."""
        return sum(len(held) for held in self.held.values())

    def arrive(self, hello: Hello, machine: Machine) -> None:
        """A worker opens its stream."""
        self.workers.arrive(hello)
        self.machines[hello.worker_id] = machine
        self.held[hello.worker_id] = {}
        self.release.hand_out()

    def lose(self, worker_id: str) -> None:
        """A worker's connection breaks."""
        worker = self.workers.by_id[worker_id]
        self.workers.broke(worker, worker.stream)

    def drain(self, worker_id: str) -> None:
        """A worker takes no more."""
        self.workers.drain(self.workers.by_id[worker_id])

    def watch(self) -> None:
        """Hear the heartbeats of those that are here, and give up those that are not."""
        for worker in self.workers.by_id.values():
            if self.machines[worker.id].alive:
                self.workers.heard(worker)
        for worker, _ in self.workers.take_lost():
            for task in self.held.pop(worker.id):
                run = cast("Run", task.live)
                task.started_at = -1.0
                self.put(run, (task.ref,))
        self._time.after(WATCH_S, self.watch)

    def put(self, run: Run, refs: tuple[NodeRef, ...]) -> None:
        """Attempts became ready; they are given out at the end of the turn."""
        self._inbox.append((run, refs))
        self._turn_later()

    def _turn_later(self) -> None:
        if not self._turning:
            self._turning = True
            self._time.after(COMMIT_S, self._turn)

    def _turn(self) -> None:
        """What came back frees credits, what became ready is handed out: as one turn's commit is
        answered."""
        self._turning = False
        back, self._back = self._back, []
        for worker, task in back:
            worker.give_back(task.live.id, task.ref)
            self._on_done(self, task)
        inbox, self._inbox = self._inbox, []
        self._told.clear()
        self.release.carry_out(
            [(cast("Live", run), (Dispatch(refs),), None) for run, refs in inbox], 0.0
        )
        self.messages += len(self._told)

    def _sent(self, worker: Worker, live: Live, refs: Sequence[NodeRef]) -> None:
        self._told.add(worker.id)
        self.dispatched += len(refs)
        machine, held = self.machines[worker.id], self.held[worker.id]
        tasks = [cast("Run", live).tasks[ref] for ref in refs]
        held.update(dict.fromkeys(tasks))

        def arrive() -> None:
            for task in tasks:
                machine.take(task, lambda done: self._done(worker, done))

        self._time.after(LATENCY_S, arrive)

    def _done(self, worker: Worker, task: Task) -> None:
        held = self.held.get(worker.id)
        if held is None or task not in held:
            return
        del held[task]
        machine = self.machines[worker.id]
        self.workers.heard(worker, max(0, machine.held - len(held)))
        self._back.append((worker, task))
        self._turn_later()
