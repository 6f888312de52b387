"""The shell put together: one object per coordinator process, open while it owns shards."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from penstock.common.clock import Clock
from penstock.common.ids import IdSource
from penstock.common.logging import get_logger
from penstock.coordinator.core.inputs import TimePassed
from penstock.coordinator.ports import Peers, State
from penstock.coordinator.queueing.queue import FairRules
from penstock.coordinator.settings import Settings
from penstock.coordinator.shell.audit.audit import Audit, Audited
from penstock.coordinator.shell.audit.mending import Mending
from penstock.coordinator.shell.audit.waiting import Waiting
from penstock.coordinator.shell.dispatch.balances import balances_of, weights_of
from penstock.coordinator.shell.dispatch.floor import Floor
from penstock.coordinator.shell.dispatch.holdings import Holdings
from penstock.coordinator.shell.dispatch.queue_metrics import QueueMetrics
from penstock.coordinator.shell.dispatch.ready import ReadyQueues
from penstock.coordinator.shell.dispatch.release import Release
from penstock.coordinator.shell.dispatch.workers import Workers
from penstock.coordinator.shell.dormancy.awakening import Awakening
from penstock.coordinator.shell.dormancy.dormancy import Dormancy
from penstock.coordinator.shell.dormancy.dozing import Dozing
from penstock.coordinator.shell.dormancy.sleepers import Sleepers
from penstock.coordinator.shell.explaining import Explaining
from penstock.coordinator.shell.hands.answers import Answers
from penstock.coordinator.shell.hands.debugger import Debugger
from penstock.coordinator.shell.hands.hands import Hands
from penstock.coordinator.shell.hands.interventions import Interventions
from penstock.coordinator.shell.hands.telling import Telling
from penstock.coordinator.shell.joins import StoredJoins
from penstock.coordinator.shell.limits.cluster_limits import ClusterLimits
from penstock.coordinator.shell.limits.gate import Gate
from penstock.coordinator.shell.limits.holding_back import HoldingBack
from penstock.coordinator.shell.limits.key_values import KeyValues
from penstock.coordinator.shell.limits.limit_metrics import LimitMetrics
from penstock.coordinator.shell.limits.quota_desk import QuotaDesk
from penstock.coordinator.shell.limits.quota_settings import quotas_of
from penstock.coordinator.shell.limits.rate_settings import rates_of
from penstock.coordinator.shell.live import Executions, Shard
from penstock.coordinator.shell.measures import Measures
from penstock.coordinator.shell.notices.outbox import NoPeers, Outbox
from penstock.coordinator.shell.notices.outbox_metrics import OutboxMetrics
from penstock.coordinator.shell.notices.receiving import Receiving
from penstock.coordinator.shell.operations.dead_letters import DeadLetters
from penstock.coordinator.shell.operations.operation_steps import Means, Steps
from penstock.coordinator.shell.operations.operations import Operations
from penstock.coordinator.shell.operations.reruns import Reruns
from penstock.coordinator.shell.process import Process
from penstock.coordinator.shell.room import Limits, Room
from penstock.coordinator.shell.schedules.desk import Desk
from penstock.coordinator.shell.schedules.keeper import Keeper
from penstock.coordinator.shell.schedules.runs import Runs
from penstock.coordinator.shell.shards.folding import Folding
from penstock.coordinator.shell.shards.membership import Membership
from penstock.coordinator.shell.shards.parting import Parting
from penstock.coordinator.shell.shards.recovery import Recovery
from penstock.coordinator.shell.shards.shards import Shards
from penstock.coordinator.shell.shards.tenure import Tenure
from penstock.coordinator.shell.starts.definitions import Definitions
from penstock.coordinator.shell.starts.starts import Starts
from penstock.coordinator.shell.timers import run_timers
from penstock.coordinator.shell.turns import Turns
from penstock.workflow.node_type import NodeType

_FLUSH_S = 3.0


def _queues_of(settings: Settings, clock: Clock) -> ReadyQueues:
    rules = FairRules(settings.ageing_s, weights_of(settings.tenant_weights))
    return ReadyQueues(clock, rules)


class Coordinator:
    """All parts of the shell, wired. What rpc needs is public."""

    def __init__(
        self,
        settings: Settings,
        state: State,
        types: Mapping[str, NodeType],
        process: Process,
        peers: Peers | None = None,
    ) -> None:
        clock = process.clock
        self._process = process
        self.tasks = process.tasks
        self._membership: asyncio.Task[None] | None = None
        self.id = process.next_id()
        self.types = types
        self.state = state
        self.measures = Measures()
        self.executions = Executions(rates_of(settings.rate_limits))
        self.workers = Workers(clock, balances_of(settings.balance))
        self.tenure = Tenure(clock, settings.lease_ttl_ms / 1000)
        holdings = Holdings(self.workers)
        joins = StoredJoins(state.payloads, process.tasks)
        ready = _queues_of(settings, clock)
        self.explaining = Explaining(self.workers, ready)
        self.release = self._release(settings, joins, ready)
        self.turns = Turns(
            state.journal, self.executions, self.release, holdings, clock, self.measures
        )
        joins.feed_back = self.turns.put
        self.gate.put = self.turns.put
        self.release.put = self.turns.put
        self.release.announce = self.turns.put
        self.definitions = Definitions(state.queries, types, process)
        folding = Folding(self.definitions, self.executions)
        recovery = Recovery(state.leases, folding, self.executions, self.turns)
        parting = Parting(
            self.executions, self.turns, self.release, holdings, self.workers, self.gate
        )
        membership = Membership(state.leases, self.id, settings.lease_ttl_ms)
        self.shards = Shards(membership, self.tenure, recovery, parting, clock)
        self.room = self._room(settings)
        dozing = Dozing(
            self.executions, self.turns, clock, self.measures, settings.dormant_after_ms / 1000
        )
        awakening = Awakening(
            state.leases, folding, self.executions, self.shards, self.turns, dozing
        )
        sleepers = Sleepers(state.leases, self.executions, self.turns.timers, clock)
        self.dormancy = Dormancy(
            dozing, sleepers, awakening, self.turns, self.shards, settings.executions_max
        )
        self._serve_callers(settings, awakening, peers or NoPeers())
        self.floor = Floor(
            self.workers, self.executions, holdings, self.turns, self.release, self.shards
        )
        self._open_audit(settings, joins, awakening, sleepers)
        recovery.on_loaded = self._on_loaded
        self._connect()

    def _open_audit(
        self, settings: Settings, joins: StoredJoins, awakening: Awakening, sleepers: Sleepers
    ) -> None:
        """What checks this coordinator's own executions."""
        waiting = Waiting(self.release, self.workers, self.tenure, self.limits)
        audited = Audited(
            self.executions, self.shards, self.turns, self.release, joins, awakening, waiting
        )
        clock, period_s = self._process.clock, settings.audit_period_ms / 1000
        self.audit = Audit(audited, self.state, clock, self.measures, period_s)
        self.mending = Mending(audited, self.audit.findings, sleepers.look_again)

    def _connect(self) -> None:
        """What the parts must hear of each other, and what stands on all of them."""
        self.turns.appends.on_fenced = self.shards.on_fenced
        self.shards.on_renewed = self.limits.follow
        self.explaining.offer(HoldingBack(self.limits).about)
        self._keep_schedules()
        self._watch_gauges()

    def _serve_callers(self, settings: Settings, awakening: Awakening, peers: Peers) -> None:
        """What callers and other coordinators ask for: an object for each area."""
        process, state, clock = self._process, self.state, self._process.clock
        self.starts = Starts(process, self.definitions, self.shards, self.room, awakening, state)
        self.reruns = Reruns(self.definitions, state)
        self.letters = DeadLetters(self.starts, self.reruns, self.definitions, state)
        telling = Telling(self.shards, self.room, awakening, state.queries)
        self.interventions = Interventions(telling, state.queries, state.payloads)
        self.hands = Hands(telling, state, self.definitions)
        self.debugger = Debugger(telling, state.payloads)
        self.answers = Answers(telling, state.payloads)
        self.receiving = Receiving(self.starts, telling, state.payloads, settings.depth_max)
        self.outbox = Outbox(state.notices, self.receiving, peers, self.shards, clock)
        self.turns.appends.on_owed = self.outbox.on_owed
        self._open_operations(peers)

    def _open_operations(self, peers: Peers) -> None:
        """One thing done to many executions."""
        means = Means(
            interventions=self.interventions,
            hands=self.hands,
            letters=self.letters,
            reruns=self.reruns,
            starts=self.starts,
            store=self.state.operations,
            peers=peers,
        )
        self.operations = Operations(
            self._process,
            self.starts,
            self.shards,
            Steps(means),
            self.state.operations,
            self.state.finding,
        )

    def _keep_schedules(self) -> None:
        """The parts that schedules need beside starts."""
        process, schedules = self._process, self.state.schedules
        runs = Runs(self.shards, self.starts, self.interventions)
        self.keeper = Keeper(schedules, self.shards, self.executions, runs, process.clock)
        self.desk = Desk(schedules, self.definitions, runs, self.keeper, process)
        self.shards.on_schedules_changed = self.keeper.changed

    def _room(self, settings: Settings) -> Room:
        """The way in, with what stands in it."""
        limits = Limits(settings.executions_max, settings.inbox_max)
        quotas = QuotaDesk(quotas_of(settings.quotas), self.state.usage, self._process.clock)
        return Room(self.executions, self.turns, limits, quotas)

    def _release(self, settings: Settings, joins: StoredJoins, ready: ReadyQueues) -> Release:
        """The way from decisions to effects, with the gate in it."""
        clock = self._process.clock
        self.limits = ClusterLimits(self.id, clock, self.tenure, settings.limit_fence_ms / 1000)
        values = KeyValues(self.state.payloads, self._process)
        self.gate = Gate(self.limits, self.executions, values, clock)
        release = Release(
            self.executions, self.workers, self.tenure, joins, ready, segments=settings.segments
        )
        release.gate = self.gate
        release.fence_ms = settings.limit_fence_ms
        self.gate.let_go = release.let_go
        self.gate.later = lambda go_on: asyncio.get_running_loop().call_soon(go_on)
        self.limits.on_served = release.serve_workers
        return release

    def _watch_gauges(self) -> None:
        """Gauges read the live objects whenever somebody looks."""
        measures = self.measures
        measures.executions.set_function(lambda: len(self.executions))
        measures.ready.set_function(lambda: self.release.ready.depth)
        measures.inbox.set_function(lambda: self.turns.waiting)
        measures.shards.set_function(lambda: len(self.shards))
        measures.workers.set_function(lambda: len(self.workers.by_id))
        measures.registry.register(QueueMetrics(self.release.ready, self.workers))
        measures.registry.register(LimitMetrics(self.limits, self.room.quotas.refused))
        measures.registry.register(OutboxMetrics(self.outbox))

    def wake(self, due: list[str]) -> None:
        """Timers of these executions may be due."""
        absent: list[str] = []
        for execution_id in due:
            live = self.executions.get(execution_id)
            if live is not None:
                live.wake_us = 0
                self.turns.put(live, TimePassed())
            else:
                absent.append(execution_id)
        if absent:
            self.dormancy.wake(absent)

    def _on_loaded(self, shard: Shard) -> None:
        """A shard came to life."""
        self.gate.loaded(shard)
        self.floor.on_loaded(shard)
        self.operations.on_loaded(shard)
        self.outbox.on_loaded(shard)
        self.keeper.look_again()
        self.dormancy.sleepers.look_again()

    def join(self, address: str) -> None:
        """Become a member that others reach at `address`, and take shards."""
        tasks = self._process.tasks
        self._membership = tasks.create_task(self.shards.run(address, tasks))

    async def settled_or(self, stop: asyncio.Event) -> None:
        """Return once the shards that are ours are alive, or when told to stop."""
        async with asyncio.TaskGroup() as group:
            waits = [group.create_task(e.wait()) for e in (self.shards.settled, stop)]
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for wait in waits:
                wait.cancel()

    async def close(self) -> None:
        """Refuse new work, wait for what is in flight, give the shards back, let workers go."""
        if self._membership is None:
            return
        self._membership.cancel()
        self._membership = None
        self.room.accepting = False
        try:
            async with asyncio.timeout(_FLUSH_S):
                await self.shards.leave()
        except TimeoutError:
            get_logger("coordinator").warning("shards_not_flushed")
        self.limits.peers.close()
        self.workers.close()


async def _keep_open(opened: "asyncio.Future[asyncio.TaskGroup]") -> None:
    """Hold a task group open until cancelled, which cancels what runs in it."""
    async with asyncio.TaskGroup() as group:
        opened.set_result(group)
        await asyncio.Event().wait()


@asynccontextmanager
async def open_coordinator(
    settings: Settings,
    state: State,
    types: Mapping[str, NodeType],
    clock: Clock,
    peers: Peers | None = None,
) -> AsyncIterator[Coordinator]:
    """Run a coordinator until the block ends; it owns nothing until it is told to join."""
    async with asyncio.TaskGroup() as group:
        opened: asyncio.Future[asyncio.TaskGroup] = asyncio.get_running_loop().create_future()
        loops = [group.create_task(_keep_open(opened))]
        work = await opened
        process = Process(work, clock, IdSource().next)
        coordinator = Coordinator(settings, state, types, process, peers)
        turns = coordinator.turns
        loops += [
            group.create_task(state.journal.run(turns.on_answer)),
            group.create_task(turns.run(settings.appends_in_flight)),
            group.create_task(run_timers(turns.timers, clock, coordinator.wake)),
            group.create_task(coordinator.floor.watch()),
            group.create_task(coordinator.dormancy.run(clock)),
            group.create_task(coordinator.keeper.run()),
            group.create_task(coordinator.audit.run()),
            group.create_task(coordinator.outbox.run()),
            group.create_task(coordinator.operations.run()),
            group.create_task(coordinator.limits.run()),
        ]
        try:
            yield coordinator
        finally:
            await coordinator.close()
            for loop in loops:
                loop.cancel()
