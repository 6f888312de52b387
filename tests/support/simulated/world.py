"""A whole cluster in one event loop: the real coordinator and the real worker, between a state
service, a sandbox and an outside world of make-believe; time, chance and death are the test's.

    world = World(seed, {"chain": flow("chain", FIXED["chain"])})
    world.run({"first": "chain"}, crash=Crash(17, ("worker",)))
    assert world.violations() == []

The same arguments take the same course, so a failure is replayed by running it again.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import AsyncExitStack, ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache, lru_cache
from random import Random
from typing import Any
from unittest.mock import patch

import grpc
import structlog

from penstock.api.sandbox.v1.sandbox_service_pb2_grpc import add_SandboxServiceServicer_to_server
from penstock.api.state.v1 import state_service_pb2_grpc as state_grpc
from penstock.api.state.v1.notice_service_pb2_grpc import add_NoticeServiceServicer_to_server
from penstock.api.state.v1.schedule_store_pb2_grpc import (
    add_ScheduleStoreServiceServicer_to_server,
)
from penstock.api.workflow.v1 import workflow_service_pb2 as wf
from penstock.api.workflow.v1.workflow_service_pb2_grpc import WorkflowServiceStub
from penstock.common.clock import SystemClock
from penstock.common.errors import PenstockError
from penstock.common.ids import IdSource
from penstock.common.journal_codec import decode_batch
from penstock.common.rpc.channel import call, open_channel
from penstock.coordinator.adapters.peers import open_peers
from penstock.coordinator.adapters.watching import Watching
from penstock.coordinator.rpc.dispatch import DispatchRpc
from penstock.coordinator.rpc.register import registration
from penstock.coordinator.rpc.workflows import WorkflowRpc
from penstock.coordinator.service import open_state
from penstock.coordinator.settings import Settings as CoordinatorSettings
from penstock.coordinator.shell.coordinator import open_coordinator
from penstock.nodes import catalog
from penstock.nodes.http.exchange import HttpClient
from penstock.state.rpc.schedule_store import ScheduleStoreService
from penstock.worker.service import run_worker
from penstock.worker.settings import Settings as WorkerSettings
from penstock.workflow.compile import compile_source
from penstock.workflow.execution.events import ExecutionEnded, NodeCompleted
from penstock.workflow.plan import Plan
from support.journal_checker import check_journal
from support.journal_families import check_families
from support.simulated import outside as outside_door
from support.simulated.disk import Disk
from support.simulated.fabric import CURRENT, EPOCH_US, Fabric, make_task, owner_of
from support.simulated.flows import ordinals_of
from support.simulated.loop import run_simulated
from support.simulated.outside import Outside
from support.simulated.sandbox import SandboxService
from support.simulated.server import SimulatedServer
from support.simulated.spoken import apart
from support.simulated.state import StateService
from support.simulated.watches import EffectWatch, Plans, ReleaseWatch
from support.simulated.wire import SimulatedChannel

STATE, SANDBOX, COORDINATOR = "state:1", "sandbox:1", "coordinator:1"
LONGEST_S = 300.0
"""Simulated time after which an execution counts as one that never ends."""

TYPES = cache(catalog)
COMPILE = lru_cache(200)(lambda source: compile_source(source, TYPES()))


@dataclass(frozen=True)
class Crash:
    """These roles die together: just before what would have been point `at`, or, counted in
    `steps`, the callback with that number."""

    at: int
    victims: tuple[str, ...]
    steps: bool = False


@contextmanager
def _stand_ins() -> Iterator[None]:
    """What the services take from outside themselves: network, clock, ids, HTTP."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    with ExitStack() as stack:
        stack.callback(structlog.reset_defaults)
        for owner, name, stand_in in (
            (grpc.aio, "insecure_channel", lambda address, **_: SimulatedChannel(address)),
            (SystemClock, "now_us", lambda _: EPOCH_US + round(_now() * 1e6)),
            (SystemClock, "monotonic", lambda _: _now()),
            (IdSource, "next", lambda _: CURRENT.get().fabric.next_id()),
            (HttpClient, "exchange", outside_door.exchange),
        ):
            stack.enter_context(patch.object(owner, name, stand_in))
        for name, stand_in in (
            ("penstock.worker.service.catalog", TYPES),
            ("penstock.worker.service.compile_source", lambda source, _: COMPILE(source)),
            (
                "penstock.coordinator.shell.starts.definitions.compile_source",
                lambda s, _: COMPILE(s),
            ),
        ):
            stack.enter_context(patch(name, stand_in))
        yield


def _now() -> float:
    return asyncio.get_running_loop().time()


@dataclass
class World:
    """`mischief` is asked at every point and may do what it likes with the world. `to_the_last`:
    it goes on until whatever executions started has ended too, and nothing is owed any more."""

    seed: object
    flows: Mapping[str, str]
    calm: bool = False
    workers: int = 1
    settings: Mapping[str, Any] = field(default_factory=dict)
    mischief: "Callable[[World, str], None] | None" = None
    to_the_last: bool = False
    asked: bool = False
    started: dict[str, str] = field(default_factory=dict)
    steps: int = 0
    over: bool = False

    def __post_init__(self) -> None:
        self.fabric = Fabric(Random(f"{self.seed}"), calm=self.calm)
        self.disk = Disk()
        self.outside = self.fabric.outside = Outside(self.fabric)
        plans = Plans()
        self.effects = EffectWatch(self.fabric, self.outside, plans)
        self.releases = ReleaseWatch(self.fabric, plans)
        self.disk.on_row = self._on_row
        self.plans: dict[str, Plan] = {}
        for name, source in self.flows.items():
            plan = self.plans[name] = COMPILE(source)
            plans.by_hash[plan.definition_hash] = plan
            self.disk.definitions[plan.definition_hash] = source
            self.disk.workflows[name] = wf.Workflow(
                name=name, version=1, definition_hash=plan.definition_hash, source=source
            )

    def _on_row(self, record: Any) -> None:
        self.effects.on_row(record)
        self.releases.on_row(record)

    def run(self, starts: Mapping[str, str], crash: Crash | None = None) -> "World":
        """Start executions, flow by key, and live until all have ended."""
        with _stand_ins():
            run_simulated(self._live(starts, crash))
        return self

    async def _live(self, starts: Mapping[str, str], crash: Crash | None) -> None:
        loop: Any = asyncio.get_running_loop()
        loop.set_task_factory(make_task)
        loop.owner_of = owner_of
        loop.set_exception_handler(lambda *_: None)
        try:
            async with asyncio.timeout(LONGEST_S):
                for role in ("state", "sandbox", "coordinator"):
                    self.begin(role)
                for _ in range(self.workers):
                    self.begin("worker")
                await self._settle()
                self._watch_for(crash)
                client = self.fabric.born("client")
                clients = [client.spawn(self._start(k, name)) for k, name in starts.items()]
                while not self.fabric.faults and not self._all_over(clients):
                    await asyncio.sleep(0.01)
        except TimeoutError:
            self.fabric.faults.append(f"the world came to no end (I1): {self.fabric.trail[-20:]}")
        finally:
            self.over = True
            self.fabric.on_point = loop.on_step = None
            for process in self.fabric.processes:
                process.kill()
            while any(process.tasks for process in self.fabric.processes):
                await asyncio.sleep(0.001)

    def _all_over(self, clients: "list[asyncio.Task[None]]") -> bool:
        """Every start was acknowledged and every execution has ended."""
        known = self.disk.histories
        ended = all(one not in known or known[one].ended for one in self.started.values())
        if self.to_the_last and (self.disk.notices or not all(x.ended for x in known.values())):
            return False
        return ended and all(client.done() for client in clients)

    async def _settle(self) -> None:
        """Until the coordinator has its shards and all workers have joined."""
        while len(self.disk.holders) < self.disk.shard_count:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.5)

    def _watch_for(self, crash: Crash | None) -> None:
        """From here on points and steps count, and things may happen at them."""
        loop: Any = asyncio.get_running_loop()
        self.fabric.points = 0
        self.fabric.trail.clear()
        begun = loop.steps

        def on_point(number: int, what: str) -> None:
            if crash is not None and not crash.steps and number == crash.at:
                self._die(crash)
            if self.mischief is not None:
                self.mischief(self, what)

        def on_step(number: int) -> None:
            self.steps = number - begun
            if crash is not None and crash.steps and self.steps == crash.at:
                self._die(crash)

        self.fabric.on_point, loop.on_step = on_point, on_step

    def _die(self, crash: Crash) -> None:
        self.fabric.trail.append(f"-- {' and '.join(crash.victims)} die --")
        for role in crash.victims:
            self.kill(role)

    def kill(self, role: str) -> None:
        """The first process of a role dies; a new one comes up a little later."""
        for process in self.fabric.living(role)[:1]:
            process.kill()
            pause_s = 0.05 if self.calm else self.fabric.rng.choice((0.01, 0.3, 3.0))
            asyncio.get_running_loop().call_later(pause_s, self.begin, role)

    def begin(self, role: str) -> None:
        """Bring up a process, unless the world has ended meanwhile."""
        if self.over:
            return
        parts: dict[str, Callable[[], Coroutine[Any, Any, None]]] = {
            "state": self._state,
            "sandbox": self._sandbox,
            "coordinator": self._coordinator,
            "worker": self._worker,
        }
        self.fabric.born(role).spawn(parts[role]())

    async def _state(self) -> None:
        service = StateService(self.fabric, self.disk)
        server: Any = SimulatedServer(STATE)
        state_grpc.add_JournalServiceServicer_to_server(service, server)
        state_grpc.add_QueryServiceServicer_to_server(service, server)
        state_grpc.add_PayloadServiceServicer_to_server(service, server)
        add_NoticeServiceServicer_to_server(service, server)
        add_ScheduleStoreServiceServicer_to_server(
            ScheduleStoreService(self.disk.schedules), server
        )
        await service.commit_for_ever()

    async def _sandbox(self) -> None:
        server: Any = SimulatedServer(SANDBOX)
        add_SandboxServiceServicer_to_server(SandboxService(self.fabric), server)
        await asyncio.Event().wait()

    async def _coordinator(self) -> None:
        settings = CoordinatorSettings(**{"audit_period_ms": 0, **self.settings})
        async with AsyncExitStack() as stack:
            state = await stack.enter_async_context(open_state(STATE))
            tasks = await stack.enter_async_context(asyncio.TaskGroup())
            peers = await stack.enter_async_context(open_peers())
            shell = await stack.enter_async_context(
                open_coordinator(settings, state, TYPES(), SystemClock(), peers)
            )
            workflows = WorkflowRpc(shell, Watching("", state.queries), tasks)
            dispatch = DispatchRpc(shell, tasks, self.fabric.rng.random)
            server: Any = SimulatedServer(COORDINATOR)
            registration(shell, dispatch, workflows)(server)
            shell.join(COORDINATOR)
            await asyncio.Event().wait()

    async def _worker(self) -> None:
        settings = WorkerSettings(
            coordinators=COORDINATOR, state_address=STATE, sandbox_address=SANDBOX
        )
        await run_worker(settings, asyncio.Event())

    async def _start(self, key: str, name: str) -> None:
        """Start once, however often it must be asked; half of the callers stay until the end."""
        waits = self.calm or self.fabric.rng.random() < 0.5
        request = wf.StartExecutionRequest(
            workflow=name, idempotency_key=key, wait_for=2 if waits else 1
        )
        async with open_channel(COORDINATOR) as channel:
            stub: Any = WorkflowServiceStub(channel)
            while key not in self.started:
                try:
                    answer = await call(stub.StartExecution, request, timeout_s=30.0)
                    self.started[key] = answer.execution_id
                except PenstockError:
                    await asyncio.sleep(0.1)

    async def cancel(self, execution: str) -> None:
        """A caller asks for the end of an execution, and does not insist."""
        async with open_channel(COORDINATOR) as channel:
            stub: Any = WorkflowServiceStub(channel)
            try:
                await call(stub.CancelExecution, wf.CancelExecutionRequest(execution_id=execution))
            except PenstockError:
                return

    def journal(self, key: str) -> list[Any]:
        """The rows of an execution as the checker wants them."""
        return [decode_batch(row.body) for row in self.disk.histories[self.started[key]].rows]

    def violations(self) -> list[str]:
        """Everything that was not as it must be."""
        found = [*self.fabric.faults, *self.disk.faults]
        found += [*self.effects.violations, *self.releases.violations]
        lives = [one for one in self.fabric.processes if one.role == "coordinator"]
        found += self.disk.given_up(len(lives) + self.releases.acquires_lost)
        for key, execution in self.started.items():
            if execution not in self.disk.histories:
                found.append(f"{key} was acknowledged but is not on disk (I8)")
                continue
            found += check_journal(self.effects.disk[execution].plan, self.journal(key))
            found += self._deeds_missing(key)
        return found + self._family_matters()

    def _family_matters(self) -> list[str]:
        """What executions owe each other, and the journals of those that nobody started by hand."""
        histories: dict[str, list[Any]] = {}
        for execution, history in self.disk.histories.items():
            rows = [decode_batch(row.body) for row in history.rows]
            histories[execution] = [event for _, _, _, events in rows for event in events]
        plans = {plan.definition_hash: plan for plan in self.plans.values()}
        found = check_families(histories, plans)
        for execution, history in self.disk.histories.items():
            if execution not in self.started.values() and history.ended:
                plan = self.effects.disk[execution].plan
                found += check_journal(plan, [decode_batch(row.body) for row in history.rows])
        return found

    def _deeds_missing(self, key: str) -> list[str]:
        """Acting nodes that are said to be completed though nothing happened outside."""
        execution = self.started[key]
        plan = self.effects.disk[execution].plan
        done = {effect.key for effect in self.outside.effects if effect.execution == execution}
        found = []
        for _, _, _, events in self.journal(key):
            for event in apart(events):
                if isinstance(event, NodeCompleted):
                    node = plan.nodes[event.ref.node]
                    if node.for_each is None or event.ref.item:
                        wanted = {
                            (execution, node.id, event.ref.item, ordinal)
                            for ordinal in ordinals_of(node)
                        }
                        found += [f"{one} was told but did not happen" for one in wanted - done]
        return found

    def end(self, key: str) -> ExecutionEnded:
        """The last event of an execution."""
        last: ExecutionEnded = self.journal(key)[-1][3][-1]
        return last

    def check(self, how_to_replay: str) -> None:
        """Fail with everything that went wrong and the way there."""
        found = self.violations()
        if found:
            way = "\n".join(self.fabric.trail[-80:])
            told = "\n".join(found[:20])
            raise AssertionError(f"{how_to_replay}\n{told}\nThe way there:\n{way}")
