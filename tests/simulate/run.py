"""One seed, from nothing to a verdict."""

import asyncio
import gc
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from penstock.api.workflow.v1 import workflow_service_pb2 as wf
from penstock.common.errors import PenstockError
from simulate.callers import Callers
from simulate.checks import Verdicts
from simulate.cluster import Cluster
from simulate.faults import Faults
from simulate.flows import asks_people, awaits_signals
from simulate.limits import left_of
from simulate.people import Person
from simulate.script import TENANTS, Script, draw
from simulate.stand_ins import COMPILE, stand_ins
from support.simulated.fabric import make_task, owner_of
from support.simulated.loop import run_simulated

SETTLED_S = 20.0
"""Within this time a cluster without faults takes its first request."""
LONGEST_S = 240.0
"""Simulated time after which what has not ended will not."""
_LOOK_S = 0.2


@dataclass
class Verdict:
    """What a run came to. `digest` is the same for the same history only."""

    seed: int
    violations: list[str]
    digest: str
    steps: int
    points: int
    simulated_s: float
    cpu_s: float
    trail: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def good(self) -> bool:
        return not self.violations


class Run:
    """The parts of one run."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.plans = {name: COMPILE(source) for name, source in script.flows.items()}
        self.cluster = Cluster(script)
        self.verdicts = Verdicts(self.cluster, self.plans)
        self.callers = Callers(self.cluster, self.plans, self.verdicts.is_over)
        self.person = Person(self.callers, self.cluster)
        self.faults = Faults(self.cluster)
        self.steps = 0
        self.now_s = 0.0

    async def live(self) -> None:
        """Bring the cluster up, let callers and faults have their way, wait until all is over."""
        loop: Any = asyncio.get_running_loop()
        loop.set_task_factory(make_task)
        loop.owner_of = owner_of
        loop.set_exception_handler(self._on_loop_fault)
        begun = loop.time()
        try:
            async with asyncio.timeout(LONGEST_S):
                await self._through()
        except TimeoutError:
            self.verdicts.blame(f"no end within {LONGEST_S} s to {self._left()} (I1)")
        except PenstockError as error:
            self.verdicts.blame(f"in the end a read was answered by {error!r} (I6)")
        finally:
            if not self.broken:
                self.verdicts.at_the_end(self.callers.told, self.callers.hands)
            self.steps, self.now_s = loop.steps, loop.time() - begun
            await self.cluster.end()

    def _on_loop_fault(self, _: Any, context: dict[str, Any]) -> None:
        """A callback broke: a check that cannot look, or a part of a service. What the tasks of
        dead processes leave behind is nobody's."""
        if "handle" in context:
            self.verdicts.blame(f"a callback broke: {context['exception']!r}")

    async def _through(self) -> None:
        cluster = self.cluster
        await self._put_workflows()
        for place in cluster.script.places:
            cluster.begin(place)
        await self._until(self._is_up)
        client = cluster.fabric.born("client")
        errands = [client.spawn(self.callers.run(one)) for one in cluster.script.errands]
        if any(asks_people(source) for source in self.script.flows.values()):
            client.spawn(self.person.run())
        going_wrong = cluster.fabric.born("fate").spawn(self.faults.run())
        await self._until(lambda: all(one.done() for one in errands))
        tending = [client.spawn(self._tend(one)) for one in self._open() if self._hears(one)]
        await self._until(lambda: not self._left() and all(one.done() for one in tending))
        going_wrong.cancel()
        self._heal()
        await self._until(self._is_at_rest)
        if self.verdicts.disk.histories and not self.broken:
            await client.spawn(self._look_at_all())

    async def _until(self, condition: Any) -> None:
        while not condition() and not self.broken:
            await asyncio.sleep(_LOOK_S)

    @property
    def broken(self) -> list[str]:
        """What is wrong so far."""
        return self.verdicts.so_far(self.callers.told.broken)

    def _is_up(self) -> bool:
        shells = self.cluster.shells
        gateways = self.cluster.living("gateway")
        return (
            any(len(shell.shards) and shell.workers.by_id for shell in shells)
            and bool(gateways)
            and all("doors" in one.inside for one in gateways)
        )

    def _open(self) -> list[str]:
        """Executions that have not ended, also those that nobody was told of."""
        histories = self.verdicts.disk.histories
        return [execution for execution, history in histories.items() if not history.ended]

    def _hears(self, execution: str) -> bool:
        """True if an execution may wait for a signal."""
        return awaits_signals(self.script.flows[self.verdicts.disk.histories[execution].plan.name])

    def _left(self) -> list[str]:
        """What the run waits for."""
        return self._open() + self.verdicts.crons.undecided()

    async def _tend(self, execution: str) -> None:
        """Signal an execution whose caller does not know of it."""
        tenant = self.verdicts.disk.histories[execution].tenant
        await self.callers.signal_until_over(tenant, execution, "tended")

    def _heal(self) -> None:
        """Whatever was still to go wrong does not."""
        cluster = self.cluster
        cluster.fabric.links.mend_all()
        cluster.database.phase = "healthy"
        cluster.bus.start()
        for place in cluster.script.places:
            process = cluster.here.get(place)
            if process is not None:
                process.thaw()
                if process.inside["stop"].is_set():
                    process.kill()
            cluster.begin(place)

    def _is_at_rest(self) -> bool:
        """All that workers and coordinators had to say to each other is said."""
        shells = self.cluster.shells
        if self.cluster.database.journal.notices or self._open():
            return False
        return len(shells) == self.cluster.script.coordinators and all(
            shell.shards.settled.is_set()
            and not shell.executions.by_id
            and not any(left_of(shell))
            and all(one.free == self.cluster.script.credits for one in shell.workers.by_id.values())
            for shell in shells
        )

    async def _look_at_all(self) -> None:
        """What the API shows in the end."""
        for execution, history in self.verdicts.disk.histories.items():
            view = await self.callers.view(history.tenant, execution)
            self.verdicts.shown(execution, view)

    async def _put_workflows(self) -> None:
        workflows = self.cluster.database.stores.workflows
        for tenant in TENANTS:
            for name, source in self.script.flows.items():
                plan = self.plans[name]
                await workflows.put(
                    tenant,
                    wf.Workflow(name=name, definition_hash=plan.definition_hash, source=source),
                )
        await self.verdicts.crons.put()

    def counts(self) -> Counter[str]:
        """What happened, for whoever wants to know how much a run covers."""
        told, releases = self.callers.told, self.verdicts.releases
        counts = Counter({f"fault {kind}": count for kind, count in self.faults.done.items()})
        counts.update({f"refused {reason}": count for reason, count in told.refusals.items()})
        epochs = self.cluster.database.journal.epochs.values()
        counts["executions"] = len(self.verdicts.disk.histories)
        counts["rows"] = sum(len(one.rows) for one in self.verdicts.disk.histories.values())
        counts["effects"] = len(self.cluster.outside.effects)
        counts["looks at memory"] = self.verdicts.memory.looks
        counts["fenced writes"] = releases.fenced
        counts["let go by rates"] = self.verdicts.limits.granted
        counts["crowded limits"] = self.verdicts.limits.crowded
        counts["slots fired"] = self.verdicts.crons.fired
        counts["slots passed over"] = self.verdicts.crons.passed
        counts["shards taken"] = sum(epochs)
        counts["signals"] = len(told.signals)
        approvals, effects = self.person.answered.values()
        counts["approvals answered"], counts["doubts answered"] = approvals, effects
        counts["hands laid"], counts["hands again"] = (
            len(self.callers.hands.done),
            self.callers.hands.again,
        )
        counts["notices"] = len(self.cluster.database.journal.ever_owed)
        counts["database refusals"] = self.cluster.database.refused
        return counts


def run_script(script: Script) -> Verdict:
    """Run a script to its verdict."""
    begun = time.process_time()
    gc.disable()
    try:
        with stand_ins():
            run = Run(script)
            run_simulated(run.live())
    finally:
        gc.enable()
    fabric = run.cluster.fabric
    return Verdict(
        script.seed,
        run.broken,
        f"{fabric.digest:08x}-{run.steps}-{fabric.points}",
        run.steps,
        fabric.points,
        run.now_s,
        time.process_time() - begun,
        fabric.trail,
        run.counts(),
    )


def run_seed(seed: int) -> Verdict:
    """Draw a seed's script and run it."""
    return run_script(draw(seed))
