"""Carries out the core's commands once their events are on disk.

Nothing here runs before the append that holds the deciding events was answered, and nothing runs
while this coordinator's leases may be over: then commands wait until membership is renewed, and
those of shards that were lost are dropped.
"""

from collections.abc import Sequence
from typing import Protocol

from penstock.common.errors import Unavailable
from penstock.coordinator.core.commands import (
    AnswerReport,
    CancelAttempts,
    Command,
    Dispatch,
    Finish,
    ShowVars,
    StoreOutput,
)
from penstock.coordinator.core.inputs import AttemptStarted, HandOver, Report
from penstock.coordinator.limits.keys import is_fenced
from penstock.coordinator.shell.dispatch.announcing import Announce, Announced, happens_once
from penstock.coordinator.shell.dispatch.inputs import Refuse, carried, portions
from penstock.coordinator.shell.dispatch.placement import may_continue
from penstock.coordinator.shell.dispatch.ready import ReadyQueues
from penstock.coordinator.shell.dispatch.tasks import add_tasks
from penstock.coordinator.shell.dispatch.workers import Worker, Workers
from penstock.coordinator.shell.limits.gated import Permits
from penstock.coordinator.shell.live import Caller, Executions, Live, Phase
from penstock.workflow.execution.values import NodeRef

Released = tuple[Live, Sequence[Command], Caller | None]
"""What a step of an execution asked for, and who waits for it."""

MOVED = "the shard of this execution moved to another coordinator"


class Tenure(Protocol):
    """Whether this coordinator may act on its shards."""

    def holds(self) -> bool:
        """False once the leases may be over."""
        ...


class Joins(Protocol):
    """Stores joined outputs and feeds them back."""

    def store(self, live: Live, command: StoreOutput) -> None:
        """Begin; never waits."""
        ...


class AtGate(Protocol):
    """Attempts under a limit pass here; see `shell.gate`."""

    def admit(self, live: Live, permits: Permits, refs: Sequence[NodeRef]) -> None:
        """Let attempts go, now or once they may."""
        ...

    def handed(self, live: Live, permits: Permits, refs: Sequence[NodeRef]) -> None:
        """Workers get these."""
        ...

    def returned(self, live: Live, permits: Permits, ref: NodeRef) -> None:
        """A worker turned out not to have got this."""
        ...

    def kept(self, permits: Permits) -> set[NodeRef]:
        """The attempts that wait here."""
        ...

    def lets(self, live: Live, permits: Permits, ref: NodeRef) -> bool:
        """True if an attempt has every permit it needs."""
        ...

    def reported(self, live: Live, permits: Permits, said: Report | AttemptStarted) -> None:
        """A worker is done with an attempt, whatever becomes of its report."""
        ...

    def recovered(self, live: Live, permits: Permits) -> None:
        """It is known what workers still have of a loaded execution."""
        ...

    def abandoned(self, live: Live, permits: Permits) -> None:
        """Nothing is known of the execution any more."""
        ...

    def lost(self, live: Live, permits: Permits, refs: Sequence[NodeRef]) -> None:
        """Nobody knows whether these still run."""
        ...

    def stopped(self, execution_id: str, ref: NodeRef) -> None:
        """A worker says that it does not run this any more."""
        ...

    def revoked(self, live: Live, permits: Permits, refs: Sequence[NodeRef]) -> None:
        """Workers were told to stop these."""
        ...

    def finished(self, live: Live, permits: Permits) -> None:
        """The execution ended."""
        ...

    def settle(self, live: Live, permits: Permits) -> None:
        """Something was decided about the execution."""
        ...


class Release:
    """The way from decisions to effects. `gate` is set before anything is carried out."""

    gate: AtGate

    def __init__(
        self,
        executions: Executions,
        workers: Workers,
        tenure: Tenure,
        joins: Joins,
        ready: ReadyQueues,
        *,
        segments: bool,
    ) -> None:
        self._executions = executions
        self._workers = workers
        self._tenure = tenure
        self._joins = joins
        self._segments = segments
        self._held: list[tuple[float, Sequence[Released]]] = []
        self.ready = ready
        self.fence_ms = 0
        self.announce: Announce = _announce_nothing
        self.put: Refuse = lambda live, refused: None
        self._gathered: dict[tuple[str, str], tuple[Worker, Live, list[NodeRef]]] = {}

    @property
    def holds_back(self) -> bool:
        """True if something that is on disk could not be carried out, because the leases may be
        over."""
        return bool(self._held)

    def carry_out(self, released: Sequence[Released], decided_at: float) -> None:
        """Do what was decided then and is on disk now, and give workers what is ready."""
        if self._held or not self._tenure.holds():
            self._held.append((decided_at, released))
            return
        for live, commands, caller in released:
            self._carry_out_one(live, commands, caller, decided_at)
        self.hand_out()
        self._workers.flush()

    def resume(self) -> None:
        """The leases were renewed: carry on with what was held back, and give workers what became
        ready meanwhile, for nothing else need happen."""
        held, self._held = self._held, []
        for decided_at, released in held:
            self.carry_out(released, decided_at)
        self.serve_workers()

    def awaiting_workers(self, live: Live) -> set[NodeRef]:
        """Its attempts that are in a queue, at the gate, or on their way there. O(what waits)."""
        found = self.ready.waiting_of(live)
        if live.permits is not None:
            found |= self.gate.kept(live.permits)
        for _, released in self._held:
            for other, commands, _ in released:
                if other is live:
                    for command in commands:
                        if type(command) is Dispatch:
                            found.update(command.refs)
        return found

    def serve_workers(self) -> None:
        """Give workers what is ready: attempts were let go, or may be given out again."""
        self.hand_out()
        self._workers.flush()

    def keep_fenced(self) -> None:
        """Let workers go on with what they stop when they hear nothing; not while this
        coordinator's leases may be over."""
        for worker in self._workers.by_id.values():
            if worker.fenced and self._tenure.holds():
                worker.fenced = worker.free < worker.credits
                message = worker.stream.message()
                message.beat = True
                message.echo_us = message.echo_us or worker.echo_us

    def hand_out(self) -> None:
        """Give ready attempts to workers with room."""
        if not self.ready.waiting or not self._tenure.holds():
            return
        self.ready.hand_out(self._workers.serving, self._hand_over)
        gathered, self._gathered = self._gathered, {}
        for worker, live, refs in gathered.values():
            self._send(worker, live, refs)

    def _follow_on(self, live: Live, refs: Sequence[NodeRef]) -> bool:
        """The short way: one attempt, nothing at all waits, and the worker that has the
        execution's data has room. False if it must queue."""
        worker = live.favourite
        if worker is None or len(refs) != 1 or self.ready.waiting:
            return False
        if not self._workers.serving(live.slots[refs[0].node].kind).keeps(worker):
            return False
        if live.state.is_current(refs[0]):
            self._hand_over(worker, live, refs, False)
        return True

    def _hand_over(self, worker: Worker, live: Live, refs: Sequence[NodeRef], part: bool) -> None:
        """Note who has what. Parts of a fan-out are gathered: one group per worker and execution,
        so that what its tasks read travels once. After a pause attempts may be queued twice. What
        is under a limit stays when its shard leaves."""
        permits = live.permits
        if permits is not None and live.shard.phase is not Phase.OWNED:
            return
        if live.state.touched is not None:
            refs = self._still_free(live, refs)
        if live.state.tables.wide:
            refs = carried(live, refs, self.put)
        if not refs:
            return
        hand_over = live.state.hand_over
        for ref in refs:
            hand_over(ref, worker.id)
        if permits is not None:
            self.gate.handed(live, permits, refs)
        worker.free -= len(refs)
        live.favourite = worker
        kind = live.slots[refs[0].node].kind
        if kind.demand is not None:
            for ref in refs:
                worker.hold(live.id, ref, kind)
        if not part:
            self._send(worker, live, refs)
            return
        key = (worker.id, live.id)
        known = self._gathered.get(key)
        if known is None:
            self._gathered[key] = (worker, live, list(refs))
        else:
            known[2].extend(refs)

    def _still_free(self, live: Live, refs: Sequence[NodeRef]) -> Sequence[NodeRef]:
        """Those of the attempts that may go out: none during a pause, none that somebody has, none
        that gave its permits back in a pause and has not got them again."""
        state, permits = live.state, live.permits
        if state.is_paused:
            return ()
        free = [ref for ref in refs if state.key(ref) not in state.holders]
        return [ref for ref in free if permits is None or self.gate.lets(live, permits, ref)]

    def _send(self, worker: Worker, live: Live, refs: Sequence[NodeRef]) -> None:
        if live.state.tables.has_once:
            refs = self._announced(worker, live, refs)
        if refs:
            self.send(worker, live, refs)

    def _announced(self, worker: Worker, live: Live, refs: Sequence[NodeRef]) -> Sequence[NodeRef]:
        """Those of the attempts that may go out now; the others go when it is on disk that this
        worker gets them."""
        later = tuple(ref for ref in refs if happens_once(live.state, ref))
        if later:
            asked = HandOver(worker.id, later)
            self.announce(live, asked, Announced(self.send, worker, later))
        return [ref for ref in refs if ref not in later]

    def send(self, worker: Worker, live: Live, refs: Sequence[NodeRef]) -> None:
        """Tell a worker to run attempts that it was given."""
        for portion in portions(live.state, refs):
            self._tell(worker, live, portion)

    def _tell(self, worker: Worker, live: Live, refs: Sequence[NodeRef]) -> None:
        go_on = self._segments and live.state.debug is None and may_continue(live.plan, refs)
        stream = worker.stream
        message = stream.message()
        tasks = message.tasks.add()
        if live.permits is not None:
            limits = live.permits.limits
            go_on = go_on and limits.own_way
            if is_fenced(limits, refs):
                tasks.fence_ms = self.fence_ms
                message.echo_us = message.echo_us or worker.echo_us
                worker.fenced = True
        stream.grew(add_tasks(tasks, live, refs, go_on=go_on))

    def _carry_out_one(
        self,
        live: Live,
        commands: Sequence[Command],
        caller: Caller | None,
        decided_at: float,
    ) -> None:
        phase = live.shard.phase
        if phase is Phase.GONE:
            for command in commands:  # what they took from workers, nobody else gives back
                if type(command) is CancelAttempts:
                    self._cancel(live, command, decided_at)
            if caller is not None:
                caller.on_failed(Unavailable(MOVED))
            return
        accepted = True
        for command in commands:
            match command:
                case Dispatch():
                    if phase is Phase.LEAVING:
                        continue
                    if live.permits is not None:
                        self.gate.admit(live, live.permits, command.refs)
                    elif not self._follow_on(live, command.refs):
                        self.ready.add(live, command.refs)
                case AnswerReport():
                    accepted = command.accepted
                case Finish():
                    self._finish(live, command)
                case CancelAttempts():
                    self._cancel(live, command, decided_at)
                case StoreOutput():
                    if phase is not Phase.LEAVING:
                        self._joins.store(live, command)
                case ShowVars():
                    live.shown_vars = command.vars_json
        if live.permits is not None:
            self._settle(live, live.permits, commands)
        if caller is not None:
            caller.on_committed(live, accepted)

    def let_go(self, live: Live, refs: Sequence[NodeRef]) -> None:
        """The gate lets attempts go: they wait for a worker only. `hand_out` follows."""
        if not live.gone and live.shard.phase is Phase.OWNED:
            self.ready.add(live, refs)

    def _settle(self, live: Live, permits: Permits, commands: Sequence[Command]) -> None:
        """Tell the gate what became of an execution under a limit."""
        gate = self.gate
        for command in commands:
            if type(command) is CancelAttempts:
                gate.revoked(live, permits, command.refs)
        if commands and type(commands[-1]) is Finish:
            gate.finished(live, permits)
        else:
            gate.settle(live, permits)

    def _cancel(self, live: Live, command: CancelAttempts, decided_at: float) -> None:
        """A worker that was given up since and came back began anew: it has no place for them."""
        by_id = self._workers.by_id
        for ref, worker_id in zip(command.refs, command.workers, strict=True):
            worker = by_id.get(worker_id)
            if worker is not None:
                if worker.known_since <= decided_at:
                    worker.give_back(live.id, ref)
                worker.cancel(live.id, ref)

    def _finish(self, live: Live, end: Finish) -> None:
        self._executions.forget(live)
        for waiter in live.waiters:
            waiter.on_ended(live, end)
        live.waiters.clear()


def _announce_nothing(live: Live, asked: HandOver, caller: Caller) -> None:
    """Before the parts of the shell are connected."""
