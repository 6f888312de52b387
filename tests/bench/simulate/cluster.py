"""A whole simulated cluster: coordinators that share the workers, work that arrives at random, and
samples of how well the workers are used."""

from collections.abc import Iterator
from random import Random

from bench.simulate.desk import WATCH_S, Desk, Run
from bench.simulate.machine import Machine, Task
from bench.simulate.observed import Observed, Sample
from bench.simulate.scenario import SHARDS, Group, Scenario
from bench.simulate.service_times import SHAPES
from bench.simulate.virtual_time import VirtualTime
from penstock.api.dispatch.v1.dispatch_service_pb2 import Hello
from penstock.coordinator.shell.shards.rendezvous import spread
from penstock.workflow.execution.values import NodeRef
from penstock.workflow.plan import NodePlan, Plan

_USES = "js@1"
_SAMPLES = 60
_WARM = 0.25
"""Share of the time that is not observed, while the cluster fills."""
_RETURN_S = 3.0
"""After the last start: time for what is under way, and for the silence of the dead."""


class SimulatedCluster:
    """One run of one scenario; the same seed gives the same run."""

    def __init__(self, scenario: Scenario, seed: int) -> None:
        self._scenario = scenario
        self._random = Random(f"{seed}/{scenario.name}")
        self._time = VirtualTime()
        self._draw = SHAPES[scenario.shape](scenario.mean_s)
        names = [f"coordinator-{n}-{self._random.random()}" for n in range(scenario.coordinators)]
        self._desks = {name: Desk(self._time, self._done) for name in names}
        for rank, desk in enumerate(self._desks.values()):
            desk.workers.share_with(scenario.coordinators, rank)
        owners = spread(SHARDS, names)
        self._owners = [self._desks[owners[shard]] for shard in range(SHARDS)]
        self._machines: dict[str, Machine] = {}
        self._runs = 0
        self.observed = Observed()

    def run(self) -> Observed:
        """Let it all happen; returns what was seen."""
        scenario, time = self._scenario, self._time
        for group in scenario.groups:
            for _ in range(group.count):
                self._join(group)
        for desk in self._desks.values():
            time.after(WATCH_S, desk.watch)
        for plan, rate in self._streams():
            self._arrivals(plan, rate)
        self._churn()
        warm_s = scenario.seconds * _WARM
        step = (scenario.seconds - warm_s) / _SAMPLES
        for n in range(_SAMPLES):
            time.after(warm_s + n * step, self._sample)
        time.run(scenario.seconds)
        self._close(warm_s)
        time.run(scenario.seconds + _RETURN_S)
        for desk in self._desks.values():
            self.observed.messages += desk.messages
            self.observed.dispatched += desk.dispatched
            self.observed.unfinished += desk.unfinished
        return self.observed

    def _streams(self) -> Iterator[tuple[Plan, float]]:
        """The plan of each pool's executions and how many of them arrive per second."""
        scenario = self._scenario
        pools: dict[str, int] = {}
        for group in scenario.groups:
            pools[group.pool] = pools.get(group.pool, 0) + group.count * group.slots
        for pool, slots in pools.items():
            node = NodePlan(0, "n", _USES, pool=pool)
            plan = Plan(pool, pool, (node,) * scenario.steps, 0)
            work_s = scenario.mean_s * scenario.steps * scenario.width
            yield plan, scenario.load * slots / work_s

    def _arrivals(self, plan: Plan, rate: float) -> None:
        def arrive() -> None:
            if self._time.now < self._scenario.seconds:
                self._start(plan)
                self._time.after(self._random.expovariate(rate), arrive)

        self._time.after(self._random.expovariate(rate), arrive)

    def _start(self, plan: Plan) -> None:
        self._runs += 1
        desk = self._owners[self._random.randrange(SHARDS)]
        run = Run(f"run-{self._runs}", plan, desk.shard, self._scenario.steps)
        self._ready(desk, run, 0)

    def _ready(self, desk: Desk, run: Run, step: int) -> None:
        width = self._scenario.width
        refs = tuple(NodeRef(step, item) for item in range(width))
        now = self._time.now
        for ref in refs:
            run.tasks[ref] = Task(run, ref, self._draw(self._random), now)  # type: ignore[arg-type]
        desk.put(run, refs)

    def _done(self, desk: Desk, task: Task) -> None:
        run: Run = task.live  # type: ignore[assignment]
        del run.tasks[task.ref]
        self.observed.waits_s.append(task.started_at - task.ready_at)
        if run.tasks:
            return
        run.steps_left -= 1
        if run.steps_left:
            self._ready(desk, run, task.ref.node + 1)
        else:
            run.gone = True

    def _join(self, group: Group) -> None:
        name = f"worker-{len(self._machines)}"
        machine = self._machines[name] = Machine(self._time, group.slots)
        hello = Hello(worker_id=name, pool=group.pool, node_types=[_USES], credits=group.credits)
        for desk in self._desks.values():
            desk.arrive(hello, machine)

    def _churn(self) -> None:
        scenario = self._scenario
        leaving = self._random.sample(sorted(self._machines), scenario.dying + scenario.draining)
        for count, act in (
            (scenario.dying, lambda: self._kill(leaving.pop())),
            (scenario.draining, lambda: self._drain(leaving.pop())),
            (scenario.joining, lambda: self._join(scenario.groups[0])),
        ):
            for n in range(count):
                self._time.after(scenario.seconds * (n + 0.5) / count * 0.9, act)

    def _kill(self, name: str) -> None:
        self._machines[name].die()
        for desk in self._desks.values():
            desk.lose(name)

    def _drain(self, name: str) -> None:
        machine = self._machines[name]
        machine.leaving = True
        machine.gone_at = self._time.now
        for desk in self._desks.values():
            desk.drain(name)

    def _sample(self) -> None:
        here = [m for m in self._machines.values() if m.alive and not m.leaving]
        ready = sum(desk.release.ready.depth for desk in self._desks.values())
        self.observed.samples.append(Sample.of(here, ready))

    def _close(self, warm_s: float) -> None:
        """Note what each worker did while it was there."""
        now = self._time.now
        for machine in self._machines.values():
            until = machine.gone_at if machine.gone_at >= 0 else now
            here_s = until - machine.since
            if here_s > now / 2:
                self.observed.used.append(machine.busy_s / machine.slots / here_s)
