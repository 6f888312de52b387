"""The invariants, checked at every step of a simulated run.

| invariant | what looks | when |
|---|---|---|
| I1 every acknowledged start ends | `Verdicts.at_the_end` | when all is well again |
| I2, I3, I5, I9, I12, windows (I11) | the judge of journals, `OnDisk` | each row's commit |
| I2 what nodes add to a variable counts once each | `OnDisk` | each row's commit |
| I3 nothing leaves before its commit | `ReleaseWatch` | each message |
| effects: never before all that led to them is on disk | `EffectWatch` | each effect |
| I4 no orphan | `InMemory` | whenever a coordinator was answered |
| I6 fold = what is held | `InMemory` | whenever a coordinator was answered |
| I6 fold = what is shown | `Verdicts.shown` | when all is well again |
| I7 no gap, no repeat | `OnDisk` for rows, `callers.Watcher` for clients | each row, each message |
| I8 acknowledged is on disk | `ReleaseWatch`, `Verdicts.at_the_end`, `hands.Hands` | each answer |
| I10 refused clearly, then resumed | `Callers.ask` | each answer |
| I9 slots of schedules | `crons.CronWatch` | each first row, each write of progress |
| I11 limits across executions | `limits.LimitWatch` | each call of a worker, each grant |
| I11 no slot leaks | `Verdicts.at_the_end` | when all is well again |
| I13 tenants apart | `OnDisk`, `Callers._pry`, the payload twin | each row, each request |
"""

import asyncio
from typing import Any

from penstock.api.peer.v1.peer_service_pb2 import DeliverRequest
from penstock.api.state.v1 import state_service_pb2 as state_pb
from penstock.common.ids import shard_of
from penstock.coordinator.shell.live import Phase
from penstock.workflow.execution import events as ev
from penstock.workflow.execution.fold import ExecutionState
from penstock.workflow.execution.values import NodeRef, NodeStatus
from penstock.workflow.plan import Plan
from simulate.cluster import Cluster
from simulate.crons import CronWatch
from simulate.flows import TOTAL
from simulate.hands import Hands
from simulate.limits import LimitWatch, left_of, waits_at_gate
from simulate.script import TENANTS
from support.journal_checker import Judge
from support.journal_families import check_families
from support.simulated.database import Row
from support.simulated.fabric import NOBODY, Process
from support.simulated.spoken import decoded
from support.simulated.watches import EffectWatch, Plans, ReleaseWatch
from support.simulation import folded


class History:
    """One execution as the journal has it: the judge's view, and the fold."""

    def __init__(self, plan: Plan, started: ev.ExecutionStarted) -> None:
        self.plan = plan
        self.tenant = started.tenant
        self.judge = Judge(plan)
        self.counts = plan.name.startswith("counting")
        self.fold = ExecutionState(plan)
        self.rows: list[bytes] = []
        self._folded: tuple[int, Any] = (0, None)

    def folded(self) -> Any:
        """The fold as plain values; worked out once for each row."""
        if self._folded[0] != self.fold.seq:
            self._folded = (self.fold.seq, folded(self.fold))
        return self._folded[1]

    @property
    def ended(self) -> bool:
        return self.fold.end is not None


class OnDisk:
    """Hears of every journal row at the instant of its commit."""

    def __init__(self, plans: Plans, blame: Any) -> None:
        self._plans = plans
        self._blame = blame
        self.histories: dict[str, History] = {}

    def on_row(self, row: Row) -> None:
        execution, first_seq, at_us, events = decoded(row.body)
        history = self.histories.get(row.execution_id)
        if history is None:
            started: Any = events[0]
            plan = self._plans.by_hash[started.definition_hash]
            history = self.histories[row.execution_id] = History(plan, started)
        judge = history.judge
        if (execution, row.tenant) != (row.execution_id, history.tenant):
            self._blame(f"{row.execution_id} of {history.tenant}: a row of {row.tenant} (I13)")
        if first_seq != judge.seq + 1 or row.first_seq != first_seq or not events:
            self._blame(f"{execution}: a row begins at {first_seq} after {judge.seq} (I7)")
        judge.at_us = at_us
        for seq, event in enumerate(events, first_seq):
            judge.seq = seq
            judge.take(event)
        if row.last_seq != judge.seq:
            self._blame(f"{execution}: a row says that it ends at {row.last_seq}, not {judge.seq}")
        for found in judge.violations:
            self._blame(f"{execution}: {found}")
        judge.violations.clear()
        if history.counts and judge.variables.total(TOTAL) != len(judge.completed):
            told = f"{judge.variables.total(TOTAL)} of {len(judge.completed)}"
            self._blame(f"{execution}: nodes that ended well counted {told} (I2)")
        history.rows.append(row.body)
        history.fold.apply_batch(events, first_seq, at_us)


class InMemory:
    """Looks at what coordinators hold, each time the journal has answered one."""

    def __init__(self, cluster: Cluster, disk: OnDisk, blame: Any) -> None:
        self._cluster = cluster
        self._disk = disk
        self._blame = blame
        self._appends: dict[tuple[Process, int], list[str]] = {}
        self.looks = 0
        self.whole = 0
        cluster.fabric.taps.append(self.hear)

    def hear(self, what: str, sender: Process, receiver: Process, message: Any) -> None:
        if what == "sent" and isinstance(message, state_pb.AppendRequest):
            ids = [record.execution_id for write in message.writes for record in write.records]
            self._appends[(sender, message.batch_id)] = ids
        elif what == "sent" and isinstance(message, DeliverRequest):
            for notice in message.notices:
                if notice.SerializeToString() not in self._cluster.database.journal.ever_owed:
                    self._blame(f"{sender.name} delivers what is not on disk: {notice}")
        elif what == "taken" and isinstance(message, state_pb.AppendResponse):
            ids = self._appends.pop((receiver, message.batch_id), [])
            loop = asyncio.get_running_loop()
            loop.call_soon(self._look, receiver, ids, context=NOBODY)

    def _look(self, process: Process, ids: list[str]) -> None:
        shell = process.inside.get("shell")
        if shell is None or not process.alive or process.frozen:
            return
        ready: set[tuple[str, NodeRef]] | None = None
        for execution in ids:
            live = shell.executions.get(execution)
            if live is None or not self._is_settled(shell, live):
                continue
            self.looks += 1
            if folded(live.state) != self._disk.histories[execution].folded():
                self._blame(f"{process.name} holds {execution} otherwise than its journal (I6)")
            if ready is None:
                ready = ready_in(shell)
            for orphan in orphans(shell, live, ready):
                self._blame(f"{process.name}: {orphan} of {execution} (I4)")

    def _is_settled(self, shell: Any, live: Any) -> bool:
        """True if all that was decided is on disk and carried out, and nothing else waits."""
        shard = live.shard
        journal = self._cluster.database.journal
        if shard.phase is not Phase.OWNED or journal.epochs[shard.number] != shard.epoch:
            return False
        if live.early is not None or live.unsent or live.id in shell.turns.waiting_ids():
            return False
        held_back = any(
            one is live for _, released in shell.release._held for one, _, _ in released
        )
        return not held_back and bool(live.state.seq == self._disk.histories[live.id].fold.seq)


def ready_in(shell: Any) -> set[tuple[str, NodeRef]]:
    """The attempts that wait for a worker."""
    return {
        (entry.live.id, ref)
        for queue in shell.release.ready
        for tenant in TENANTS
        for _, entry in queue.entries(tenant)
        for ref in entry.refs[entry.at :]
    }


def orphans(shell: Any, live: Any, ready: set[tuple[str, NodeRef]]) -> list[str]:
    """Open attempts without exactly one reason to go on."""
    state, found = live.state, []
    if state.end is not None or state.is_paused:  # a pause is the reason of all that waits
        return []
    for node, status in enumerate(state.status):
        if status >= NodeStatus.COMPLETED or status == NodeStatus.PENDING:
            continue
        items = state.fan_outs.get(node)
        if items is None:
            if not live.plan.nodes[node].collects:
                found += _unreasonable(shell, live, NodeRef(node, 0, state.attempts[node]), ready)
            continue
        for item in range(1, items.opened + 1):
            if items.status_of(item) < NodeStatus.COMPLETED:
                ref = NodeRef(node, item, items.attempt(item))
                found += _unreasonable(shell, live, ref, ready)
    return found


def _unreasonable(
    shell: Any, live: Any, ref: NodeRef, ready: set[tuple[str, NodeRef]]
) -> list[str]:
    state = live.state
    key = state.key(ref)
    wait = state.waits.sleeping.get(key)
    timed = key in state.waits.due
    if wait is not None or timed:
        armed = shell.turns.timers.is_set(live.id)
        if (timed and armed) or (wait is not None and (wait.signal or wait.child or wait.task)):
            return []
        return [f"{ref} waits for nothing"]
    holder = state.holders.get(key)
    if holder is not None and holder not in shell.workers.by_id:
        return [f"{ref} is held by {holder}, who is gone"]
    queued = (live.id, ref) in ready
    if holder is not None and state.touched is not None:
        queued = False  # twice in a queue since a pause: what somebody has is not handed out again
    reasons = int(holder is not None) + int(queued)
    reasons += waits_at_gate(shell, live, ref)
    return [] if reasons == 1 else [f"{ref} has {reasons} reasons to go on"]


class Verdicts:
    """All checks of a run, and what they found."""

    def __init__(self, cluster: Cluster, sources: dict[str, Plan]) -> None:
        self.found: list[str] = []
        self.plans = Plans()
        for plan in sources.values():
            self.plans.by_hash[plan.definition_hash] = plan
        self._cluster = cluster
        self.disk = OnDisk(self.plans, self.blame)
        self.memory = InMemory(cluster, self.disk, self.blame)
        self.effects = EffectWatch(cluster.fabric, cluster.outside, self.plans, stale=True)
        self.effects.has_say = cluster.owns
        self.releases = ReleaseWatch(cluster.fabric, self.plans)
        fence_s = cluster.script.settings.get("limit_fence_ms", 8_000) / 1000
        self.limits = LimitWatch(cluster.fabric, self.disk.histories, fence_s, self.blame)
        histories = self.disk.histories
        self.crons = CronWatch(cluster.fabric, cluster.script.crons, histories, self.blame)
        cluster.database.journal.on_row = self._on_row

    def blame(self, what: str) -> None:
        """Something is not as it must be."""
        self.found.append(what)

    def _on_row(self, row: Row) -> None:
        record: Any = row
        self.effects.on_row(record)
        self.releases.on_row(record)
        self.disk.on_row(row)
        started = self.disk.histories[row.execution_id].judge.started
        self.crons.on_row(row.execution_id, started if row.first_seq == 1 else None)

    def is_over(self, execution: str) -> bool:
        """True if an execution has ended, on disk."""
        history = self.disk.histories.get(execution)
        return history is not None and history.ended

    def so_far(self, broken: list[str]) -> list[str]:
        """Everything that was found."""
        fabric = self._cluster.fabric
        return [*self.found, *broken, *fabric.faults, *self.effects.violations,
                *self.releases.violations]  # fmt: skip

    def at_the_end(self, told: Any, hands: Hands) -> None:
        """What callers were told, against the journal; and that nothing is left over."""
        histories = self.disk.histories
        for execution, errand in told.accepted.items():
            if execution not in histories:
                self.blame(f"{execution} was acknowledged and is not on disk (I8)")
            elif histories[execution].tenant != errand.tenant:
                self.blame(f"{execution} belongs to {histories[execution].tenant} (I13)")
        for execution, status in told.ended.items():
            end = histories[execution].fold.end if execution in histories else None
            if end is None or int(end.status) != status:
                self.blame(f"{execution} was said to have ended as {status}: {end} (I8)")
        for execution, signal in told.signals:
            if not self._has(execution, ev.SignalReceived, signal):
                self.blame(f"signal {signal} to {execution} was acknowledged, not kept (I8)")
        for execution, status in told.cancels:
            if not self.is_over(execution):
                self.blame(f"{execution} was cancelled ({status}) and goes on (I5)")
        for execution, history in histories.items():
            if not history.ended:
                self.blame(f"{execution} came to no end (I1)")
            if shard_of(execution, self._cluster.script.shards) not in range(64):
                self.blame(f"{execution} is in no shard")
        events = self._events()
        self._families(events)
        hands.at_the_end(events)
        self.crons.at_the_end()
        self._nothing_left()

    def _events(self) -> dict[str, list[ev.Event]]:
        """All of the journal."""
        return {
            execution: [event for body in history.rows for event in decoded(body)[3]]
            for execution, history in self.disk.histories.items()
        }

    def _families(self, events: dict[str, list[ev.Event]]) -> None:
        """What executions owed each other has arrived, once."""
        for found in check_families(events, self.plans.by_hash):
            self.blame(found)
        for shard, number in self._cluster.database.journal.notices:
            self.blame(f"shard {shard} still owes notice {number}")

    def _has(self, execution: str, kind: type, signal: str) -> bool:
        bodies = self.disk.histories[execution].rows
        return any(
            isinstance(event, kind) and getattr(event, "signal_id", "") == signal
            for body in bodies
            for event in decoded(body)[3]
        )

    def _nothing_left(self) -> None:
        """I11: when nothing runs, every slot is free and nothing is queued."""
        for shell in self._cluster.shells:
            if shell.executions.by_id:
                self.blame(f"{shell.id} still holds {list(shell.executions.by_id)} (I1)")
            for worker in shell.workers.by_id.values():
                if worker.free != self._cluster.script.credits:
                    self.blame(f"{worker.id} has {worker.free} free slots at {shell.id} (I11)")
            for slot in left_of(shell):
                self.blame(f"{shell.id} still has {slot} (I11)")

    def shown(self, execution: str, view: Any) -> None:
        """I6: what the API shows is the fold of the journal."""
        fold = self.disk.histories[execution].fold
        statuses = [int(node.status) for node in view.nodes]
        wanted = [int(status) for status in fold.status][: len(statuses)]
        end = fold.end
        if view.last_seq != fold.seq or statuses != wanted or end is None:
            self.blame(f"{execution} is shown as {statuses} at {view.last_seq}, not {wanted} (I6)")
        elif view.status != int(end.status):
            self.blame(f"{execution} is shown as {view.status}, not {int(end.status)} (I6)")
