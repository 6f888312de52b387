"""Whatever becomes of coordinators, clocks and state: who sleeps wakes, never early, and ends once
(I1, I4, I9)."""

import asyncio
from contextlib import AsyncExitStack
from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from penstock.api.dispatch.v1.dispatch_service_pb2 import Hello
from penstock.common.errors import PenstockError
from penstock.common.value_codec import ref_from_proto
from penstock.coordinator.core.inputs import Completed, Outcome, Report, Waiting
from penstock.coordinator.settings import Settings
from penstock.coordinator.shell.coordinator import Coordinator, open_coordinator
from penstock.nodes import catalog
from penstock.workflow.execution.values import Payload
from support.coordinator.memory_state import MemoryState
from support.coordinator.memory_worker import TYPES
from support.coordinator.sleeping import (
    TurnedClock,
    apply_in_memory,
    start_in_memory,
    wakes_on_time,
)
from support.long_form import in_full

SHARDS = 4
NAPS_US = (0, 500_000, 40_000_000, 90_000_000, 3_600_000_000)
SIGNALLED = "go"


class World:
    """Coordinators over one state, each with a worker; everything random comes from `rng`."""

    def __init__(self, rng: Random, tasks: asyncio.TaskGroup) -> None:
        self.rng = rng
        self.tasks = tasks
        self.state = MemoryState(SHARDS)
        self.clock = TurnedClock()
        self.ids: list[str] = []
        self.shells: list[tuple[Coordinator, AsyncExitStack]] = []

    async def open(self) -> None:
        stack = AsyncExitStack()
        shell = await stack.enter_async_context(
            open_coordinator(
                Settings(dormant_after_ms=self.rng.choice((0, 0, 1_000))),
                self.state.ports(),
                catalog(),
                self.clock,
            )
        )
        shell.shards._recovery._adoption_s = 0.01
        shell.join(f"h:{self.rng.randrange(10**9)}")
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        work = tasks.create_task(self.work(shell))
        stack.callback(work.cancel)
        self.shells.append((shell, stack))
        await self.renew()

    async def close(self) -> None:
        _, stack = self.shells.pop(self.rng.randrange(len(self.shells)))
        await stack.aclose()
        await self.renew()

    def cut_off(self) -> None:
        """A coordinator is taken for dead: others may take its shards while it still acts."""
        shell = self.rng.choice(self.shells)[0]
        self.state.members.pop(shell.id, None)

    async def renew(self) -> None:
        """Everybody renews: shards go where they belong."""
        for _ in range(3):
            for shell, _ in self.shells:
                await shell.shards.renew(self.tasks)
                for worker in shell.workers.by_id.values():
                    shell.workers.heard(worker)
            await self.breathe(10)

    async def breathe(self, times: int) -> None:
        for _ in range(times):
            await asyncio.sleep(0)

    async def work(self, shell: Coordinator) -> None:
        """Node 0 sleeps as long as its execution's turn says; the rest is done at once."""
        hello = Hello(worker_id=shell.id, node_types=TYPES, credits=100)
        worker, stream = shell.floor.arrive(hello, {})
        report_id = 0
        async for message in stream.messages():
            shell.workers.heard(worker)
            for group in map(in_full, message.tasks):
                for task in group.tasks:
                    ref = ref_from_proto(task.ref)
                    kind: Waiting | Completed = Completed(Payload(b"1"))
                    if ref.node == 0:
                        nap_us = self.rng.choice(NAPS_US)
                        kind = Waiting(nap_us, signal="" if nap_us else SIGNALLED)
                    report_id += 1
                    report = Report(worker.id, ref, (Outcome(ref, kind),))
                    shell.floor.report(worker, report_id, group.execution_id, report)

    async def turn(self) -> None:
        rng = self.rng
        match rng.randrange(11):
            case 0 | 1 | 2:
                await self.start()
            case 3 | 4:
                self.clock.ahead_us += rng.choice((1_000, 20_000_000, 70_000_000, 3_700_000_000))
            case 5:
                self.clock.ahead_us -= rng.choice((1_000, 20_000_000))
            case 6 if len(self.shells) < 3:
                await self.open()
            case 7 if len(self.shells) > 1:
                await self.close()
            case 8 if self.ids:
                await self.signal(rng.choice(self.ids))
            case 9:
                self.cut_off()
                if rng.random() < 0.5:
                    await self.renew()
            case _:
                await self.breathe(rng.randrange(20))
                for shell, _ in self.shells:
                    shell.dormancy.dozing.sweep()

    async def start(self) -> None:
        try:
            async with asyncio.timeout(5):
                shell = self.rng.choice(self.shells)[0]
                self.ids.append(await start_in_memory(shell))
        except PenstockError:
            return

    async def signal(self, execution_id: str) -> None:
        if self.state.ended(execution_id):
            return
        for shell, _ in self.shells:
            try:
                async with asyncio.timeout(5):
                    await shell.interventions.signal("default", execution_id, SIGNALLED, b"", "")
            except PenstockError:
                continue

    async def run_out(self) -> None:
        """Time passes and signals come until all is over."""
        async with asyncio.timeout(30):
            while not all(map(self.state.ended, self.ids)):
                self.clock.ahead_us += 3_700_000_000
                await self.renew()
                for execution_id in self.ids:
                    if self.state.resting.get(execution_id) == 0:
                        await self.signal(execution_id)
                for shell, _ in self.shells:
                    shell.dormancy.sleepers.look_again()
                await asyncio.sleep(0.05)


async def live_through(rng: Random, turns: int) -> World:
    async with asyncio.TaskGroup() as tasks:
        world = World(rng, tasks)
        await apply_in_memory(world.state)
        await world.open()
        try:
            for _ in range(turns):
                await world.turn()
            await world.run_out()
            async with asyncio.timeout(5):
                while any(len(shell.executions) for shell, _ in world.shells):
                    await asyncio.sleep(0)
        finally:
            while world.shells:
                await world.close()
    return world


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
@given(st.integers(0, 2**32), st.integers(5, 60))
def test_who_sleeps_wakes_on_time_and_ends_once(seed: int, turns: int) -> None:
    world = asyncio.run(live_through(Random(seed), turns))
    for execution_id in world.ids:
        assert wakes_on_time(world.state, execution_id)
        assert world.state.events(execution_id).count("node_completed") == 2
