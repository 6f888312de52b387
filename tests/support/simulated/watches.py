"""Two observers of a simulated cluster. They read what processes say to each other and what reaches
the disk, know nothing of how services work, and write down every promise that is broken.

`EffectWatch`: an effect happens only when everything before it is on disk (the effect barrier).
`barriers` is how often a worker went on past one, `refusals` how often it was told not to.
`ReleaseWatch`: nothing leaves a coordinator before the commit it rests on was answered. `depth` is
how many appends were in flight at most, `fenced` how many writes were refused, `acquires_lost` how
often shards were granted to somebody who did not hear of it.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from penstock.api.dispatch.v1 import dispatch_service_pb2 as dispatch
from penstock.api.journal.v1 import journal_pb2 as journal_pb
from penstock.api.state.v1 import state_service_pb2 as state
from penstock.api.workflow.v1 import workflow_service_pb2 as wf
from penstock.workflow.execution.values import NodeRef
from penstock.workflow.plan import Plan
from support.simulated.fabric import Fabric, Process
from support.simulated.ledger import Ledger
from support.simulated.outside import Effect, Outside
from support.simulated.spoken import (
    continued,
    decoded,
    events_of,
    lease_of,
    outcomes_of,
    tasks_of,
)

OPEN = (journal_pb.EXECUTION_STATUS_RUNNING, journal_pb.EXECUTION_STATUS_PAUSED)
Right = tuple[str, NodeRef]
"""An execution and an attempt of it."""


@dataclass
class Plans:
    """The plan of each execution; there is one flow per name."""

    of_execution: dict[str, Plan] = field(default_factory=dict)
    by_hash: dict[str, Plan] = field(default_factory=dict)

    def ledger(self, ledgers: dict[str, Ledger], execution: str, body: bytes) -> Ledger:
        """The ledger of an execution, made from its first row."""
        known = ledgers.get(execution)
        if known is None:
            started = decoded(body)[3][0]
            self.of_execution[execution] = self.by_hash[started.definition_hash]  # type: ignore[union-attr]
            known = ledgers[execution] = Ledger(self.of_execution[execution])
        return known


class EffectWatch:
    """Hears of commits, of what workers are told and tell, and of effects."""

    def __init__(
        self, fabric: Fabric, outside: Outside, plans: Plans, *, stale: bool = False
    ) -> None:
        """`stale` if processes may be paused or cut off: then an `idempotent` effect may come from
        an attempt after a later one's, never twice from one."""
        self._plans = plans
        self._outside = outside
        self._stale = stale
        self.disk: dict[str, Ledger] = {}
        self.violations: list[str] = []
        self._rights: dict[Process, set[Right]] = {}
        self._revoked: dict[tuple[Process, Right], float] = {}
        self._reports: dict[tuple[Process, int], dispatch.SegmentReport] = {}
        self._acted: set[tuple[Process, Right]] = set()
        self.barriers = 0
        self.refusals = 0
        self.has_say: Callable[[Process, str], bool] = lambda coordinator, execution: True
        """Whether a coordinator may say what becomes of an execution: one that lost it takes back
        what it gave itself, and no more."""
        fabric.taps.append(self.hear)
        outside.watchers.append(self.see)

    def on_row(self, record: state.JournalRecord) -> None:
        """A row is on disk."""
        ledger = self._plans.ledger(self.disk, record.execution_id, record.body)
        ledger.take(record.first_seq, record.last_seq, events_of(record.body))

    def hear(self, what: str, sender: Process, receiver: Process, message: Any) -> None:
        if what == "taken" and isinstance(message, dispatch.WorkResponse):
            self._told(sender, receiver, message)
        elif what == "sent" and isinstance(message, dispatch.WorkRequest):
            for report in message.reports:
                self._reported(sender, report)

    def _told(self, coordinator: Process, worker: Process, message: dispatch.WorkResponse) -> None:
        """What a worker may do from now on, and what not any more."""
        rights = self._rights.setdefault(worker, set())
        for group in message.tasks:
            rights.update((group.execution_id, ref) for ref in tasks_of(group))
        for report_id in message.committed:
            report = self._reports.get((worker, report_id))
            going_on = continued(report) if report is not None else None
            if report is not None and going_on is not None:
                rights.add((report.execution_id, going_on))
                self.barriers += 1
        for report_id in message.refused:
            report = self._reports.get((worker, report_id))
            self.refusals += report is not None and continued(report) is not None
        for cancel in message.cancels:
            if self.has_say(coordinator, cancel.execution_id):
                self._revoke(worker, cancel)

    def _revoke(self, worker: Process, cancel: dispatch.Cancel) -> None:
        now = worker.fabric.now()
        for right in list(self._rights[worker]):
            ref = right[1]
            wanted = (cancel.ref.node, cancel.ref.item, cancel.ref.attempt)
            named = not cancel.HasField("ref") or wanted == (ref.node, ref.item, ref.attempt)
            if right[0] == cancel.execution_id and named:
                self._rights[worker].discard(right)
                self._revoked[(worker, right)] = now

    def _reported(self, worker: Process, report: dispatch.SegmentReport) -> None:
        """Outcomes before an effect must have been in an earlier report than the effect's own."""
        self._reports[(worker, report.report_id)] = report
        for place, ref in enumerate(outcomes_of(report)):
            if place and (worker, (report.execution_id, ref)) in self._acted:
                self.violations.append(f"{ref} acted before what came before it was told")
        if outcomes_of(report) and outcomes_of(report)[0] != lease_of(report):
            self.violations.append(f"a report does not begin with its lease {lease_of(report)}")

    def see(self, effect: Effect) -> None:
        """An effect happens now."""
        plan = self._plans.of_execution.get(effect.execution)
        if plan is None:
            self.violations.append(f"{effect} of an execution that is not on disk")
            return
        ref = NodeRef(plan.index_of(effect.node), effect.item, effect.attempt)
        right = (effect.execution, ref)
        self._acted.add((effect.process, right))
        missing = self.disk[effect.execution].missing(ref)
        if missing:
            self.violations.append(f"{effect} happened, but {missing} is not on disk")
        if right not in self._rights.get(effect.process, ()):
            since = self._revoked.get((effect.process, right))
            if since is None:
                self.violations.append(f"{effect} happened without leave")
            elif effect.at > since:
                self.violations.append(f"{effect} happened though it was cancelled before")
        self._compare(effect, ref, plan)

    def _compare(self, effect: Effect, ref: NodeRef, plan: Plan) -> None:
        """The same effect again: only in a later attempt, and if it may happen `once` only after a
        failure that was told."""
        ledger = self.disk[effect.execution]
        once = plan.nodes[ref.node].effects == "once"
        for other in self._outside.effects:
            if other is effect or other.key != effect.key:
                continue
            if other.attempt > effect.attempt and self._stale and not once:
                continue
            if other.attempt >= effect.attempt:
                self.violations.append(f"{effect} happened again, no attempt between")
            between = range(other.attempt + 1, effect.attempt + 1)
            told = [ledger.repeats.get(NodeRef(ref.node, ref.item, one)) for one in between]
            if once and not all(told):
                self.violations.append(f"{effect} happened again though nobody knew of the first")


class ReleaseWatch:
    """Hears what each coordinator was answered, and what it says then."""

    def __init__(self, fabric: Fabric, plans: Plans) -> None:
        self._plans = plans
        self.known: dict[Process, dict[str, Ledger]] = {}
        self.committed: dict[str, Ledger] = {}
        self.violations: list[str] = []
        self._appends: dict[tuple[Process, int], state.AppendRequest] = {}
        self._reports: dict[tuple[Process, Process, int], dispatch.SegmentReport] = {}
        self._flying: dict[Process, set[int]] = {}
        self.depth = 0
        self.fenced = 0
        self.acquires_lost = 0
        self._heard: dict[tuple[str, type], Callable[..., None]] = {
            ("sent", state.AppendRequest): self._append,
            ("sent", state.AcquireShardsRequest): self._acquire,
            ("taken", state.AcquireShardsResponse): self._acquired,
            ("taken", state.AppendResponse): self._answered,
            ("taken", state.LoadShardResponse): self._loaded,
            ("taken", state.LoadExecutionsResponse): self._loaded,
            ("taken", dispatch.WorkRequest): self._reported,
            ("sent", dispatch.WorkResponse): self._said,
            ("sent", wf.StartExecutionResponse): self._started,
            ("sent", wf.StartExecutionsResponse): self._all_started,
        }
        fabric.taps.append(self.hear)

    def on_row(self, record: state.JournalRecord) -> None:
        """A row is on disk, whoever knows it."""
        self._learn(self.committed, [(record.body, record.last_seq)])

    def _learn(self, ledgers: dict[str, Ledger], rows: Iterable[tuple[bytes, int]]) -> None:
        for body, last_seq in rows:
            execution, first_seq = decoded(body)[:2]
            taken_apart = events_of(body)
            last = last_seq or first_seq + len(taken_apart) - 1
            self._plans.ledger(ledgers, execution, body).take(first_seq, last, taken_apart)

    def hear(self, what: str, sender: Process, receiver: Process, message: Any) -> None:
        on_message = self._heard.get((what, type(message)))
        if on_message is not None:
            on_message(sender, receiver, message)

    def _append(self, sender: Process, _: Process, message: state.AppendRequest) -> None:
        self._appends[(sender, message.batch_id)] = message
        flying = self._flying.setdefault(sender, set())
        flying.add(message.batch_id)
        self.depth = max(self.depth, len(flying))

    def _acquire(self, *_: Any) -> None:
        self.acquires_lost += 1

    def _acquired(self, *_: Any) -> None:
        self.acquires_lost -= 1

    def _loaded(self, _: Process, receiver: Process, message: Any) -> None:
        rows = [(body, 0) for body in message.bodies]
        self._learn(self.known.setdefault(receiver, {}), rows)

    def _reported(self, sender: Process, receiver: Process, message: dispatch.WorkRequest) -> None:
        for report in message.reports:
            self._reports[(receiver, sender, report.report_id)] = report

    def _started(self, _: Process, __: Process, message: wf.StartExecutionResponse) -> None:
        self._answers_caller(message)

    def _all_started(self, _: Process, __: Process, message: wf.StartExecutionsResponse) -> None:
        for answer in message.answers:
            if answer.HasField("response"):
                self._answers_caller(answer.response)

    def _answered(self, _: Process, coordinator: Process, answer: state.AppendResponse) -> None:
        request = self._appends[(coordinator, answer.batch_id)]
        self._flying[coordinator].discard(answer.batch_id)
        known = self.known.setdefault(coordinator, {})
        for write in request.writes:
            if write.shard in answer.fenced_shards:
                self.fenced += 1
                continue
            self._learn(known, [(one.body, one.last_seq) for one in write.records])

    def _said(self, coordinator: Process, worker: Process, message: dispatch.WorkResponse) -> None:
        known = self.known.get(coordinator, {})
        for group in message.tasks:
            ledger = known.get(group.execution_id)
            plan = self._plans.by_hash[group.definition_hash]
            for ref in tasks_of(group):
                self._check_task(ledger, plan, ref)
        for report_id in message.committed:
            report = self._reports[(coordinator, worker, report_id)]
            ledger = known.get(report.execution_id)
            for ref in outcomes_of(report):
                if ledger is None or not ledger.has_outcome(ref):
                    self.violations.append(f"{coordinator.name} answered {ref} before its commit")

    def _check_task(self, ledger: Ledger | None, plan: Plan, ref: NodeRef) -> None:
        """The first attempt of a pure first node rests on nothing but its start, and may go out
        while that is on its way to the disk."""
        node = plan.nodes[ref.node]
        if not node.parents and node.effects == "none" and (ref.item, ref.attempt) == (0, 1):
            return
        missing = "anything" if ledger is None else ledger.missing(ref)
        if missing:
            self.violations.append(f"{node.id} ({ref}) was handed out, {missing} was not answered")

    def _answers_caller(self, answer: wf.StartExecutionResponse) -> None:
        ledger = self.committed.get(answer.execution_id)
        if ledger is None:
            self.violations.append(f"{answer.execution_id} was said to run before its commit")
        elif answer.status not in OPEN and not ledger.ended:
            self.violations.append(f"{answer.execution_id} was said to have ended before it had")
