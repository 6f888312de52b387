"""A make-believe cluster around the core: workers, a clock, a payload store and a journal of bytes.

It keeps what the shell keeps (what may be handed over, who was told what) and checks after every
step what must hold at any moment: no orphan (I4), and memory = fold of the encoded journal (I6).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from random import Random

from penstock.common.journal_codec import decode_batch, encode_batch
from penstock.coordinator.core.audit import fold_of as folded
from penstock.coordinator.core.commands import (
    AnswerReport,
    CancelAttempts,
    Dispatch,
    Finish,
    StoreOutput,
)
from penstock.coordinator.core.inputs import (
    AttemptsLost,
    Input,
    OutputStored,
    Report,
    Start,
)
from penstock.coordinator.core.step import Step, next_wake_us, recover, step
from penstock.workflow.execution.events import ExecutionStarted
from penstock.workflow.execution.fold import ExecutionState
from penstock.workflow.execution.values import NodeRef, NodeStatus, Payload
from penstock.workflow.plan import Plan

OPEN = (NodeStatus.QUEUED, NodeStatus.RUNNING)


def refold(plan: Plan, rows: list[bytes], *, keep_outputs: bool = False) -> ExecutionState:
    """The state as a reader of the journal gets it."""
    state = ExecutionState(plan, keep_outputs)
    for row in rows:
        _, first_seq, at_us, events = decode_batch(row)
        state.apply_batch(events, first_seq, at_us)
    return state


@dataclass
class Cluster:
    """One execution in a cluster of make-believe."""

    plan: Plan
    now_us: int = 1_000_000
    rows: list[bytes] = field(default_factory=list)
    ready: list[NodeRef] = field(default_factory=list)
    held: dict[NodeRef, str] = field(default_factory=dict)
    unanswered: dict[NodeRef, Report] = field(default_factory=dict)
    promised: set[NodeRef] = field(default_factory=set)
    reporting: tuple[Report, bool] | None = None
    stores: list[StoreOutput] = field(default_factory=list)
    finish: Finish | None = None
    accepted: bool | None = None
    check: bool = True

    def __post_init__(self) -> None:
        self.state = ExecutionState(self.plan)

    def start(self) -> None:
        params = Payload(b"{}")
        started = ExecutionStarted(self.plan.name, 1, self.plan.definition_hash, "default", params)
        self.feed(Start(started))

    def feed(self, happened: Input) -> Step:
        before = self.state.seq
        return self.take(before, step(self.state, happened, self.now_us))

    def restart(self, *, keeping: bool = True, said_again: Iterable[Report] = ()) -> Step:
        """The coordinator dies; its successor folds the journal, adopts what workers hold.

        Not `keeping`: all workers die too. `said_again` are unanswered reports that come before the
        successor declares the rest lost.
        """
        self.state = refold(self.plan, self.rows)
        self.ready, self.stores = [], []
        self.promised.clear()
        if not keeping:
            self.held.clear()
            self.unanswered.clear()
        for ref, worker in self.held.items():
            if self.state.is_current(ref):
                self.state.hand_over(ref, worker)
        check, self.check = self.check, False
        for report in said_again:
            if report.lease in self.unanswered:
                self.report(report)
        self.check = check
        return self.take(self.state.seq, recover(self.state, self.now_us))

    def take(self, before: int, made: Step) -> Step:
        """Write, then do as commanded, then look whether all is well."""
        if made.events:
            self.rows.append(encode_batch("E", before + 1, self.now_us, made.events))
        self.accepted = None
        for command in made.commands:
            match command:
                case Dispatch(refs=refs):
                    assert not self.state.is_paused, "handed out during a pause"
                    self.ready.extend(refs)
                case CancelAttempts(refs=refs):
                    for ref in refs:
                        self.held.pop(ref, None)
                case StoreOutput():
                    self.stores.append(command)
                case AnswerReport(accepted=accepted):
                    self.accepted = accepted
                case Finish():
                    assert self.finish is None, "finished twice"
                    self.finish = command
        if self.reporting is not None:
            self.answer(*self.reporting)
        self.ready = [ref for ref in self.ready if self.state.is_current(ref)]
        if self.state.is_paused:
            self.ready.clear()
        if self.check:
            assert folded(refold(self.plan, self.rows)) == folded(self.state)
            self.check_no_orphans()
        return made

    def give(self, ref: NodeRef, worker: str) -> None:
        self.ready.remove(ref)
        self.state.hand_over(ref, worker)
        self.held[ref] = worker

    def send_in_vain(self, report: Report) -> None:
        """A report that does not arrive: the worker will say it again."""
        self.unanswered[report.lease] = report

    def report(self, report: Report, *, answer_lost: bool = False) -> None:
        """A worker reports; if the answer is lost it will say the same again."""
        self.held.pop(report.lease, None)
        self.unanswered.pop(report.lease, None)
        self.reporting = (report, answer_lost)
        self.feed(report)
        self.reporting = None

    def answer(self, report: Report, lost: bool) -> None:
        assert self.accepted is not None
        going_on = report.continue_with
        if going_on is not None:
            self.promised.discard(going_on)
        if lost:
            self.unanswered[report.lease] = report
        if self.accepted and going_on is not None:
            if lost:
                self.promised.add(going_on)
            else:
                self.held[going_on] = report.worker

    def lose(self, worker: str) -> None:
        """A worker is gone with everything it had or was about to say."""
        self.held = {ref: who for ref, who in self.held.items() if who != worker}
        for ref, report in list(self.unanswered.items()):
            if report.worker == worker:
                del self.unanswered[ref]
                self.promised -= {report.continue_with}
        keys = [key for key, who in self.state.holders.items() if who == worker]
        self.feed(
            AttemptsLost(tuple(self.state.current_ref(key) for key in keys), f"{worker} died")
        )

    def stored(self, rng: Random | None = None) -> None:
        """One of the stores asked for is done."""
        store = self.stores.pop(rng.randrange(len(self.stores)) if rng else 0)
        self.feed(OutputStored(store.node, Payload(b"", "d" * 64, 99_999)))

    def check_no_orphans(self) -> None:
        """I4: whatever has not ended has exactly one reason to go on."""
        state = self.state
        if state.started is None:
            return
        if state.end is not None:
            assert not state.holders
            assert not state.outputs
            return
        assert len(set(self.ready)) == len(self.ready), "handed out twice"
        assert not state.undecided
        for node, status in enumerate(state.status):
            if status < NodeStatus.COMPLETED:
                assert self.reasons(node, status) == 1, f"node {node} {NodeStatus(status).name}"
        for node, items in state.fan_outs.items():
            for item in range(1, items.opened + 1):
                status = items.status_of(item)
                if status < NodeStatus.COMPLETED:
                    ref = NodeRef(node, item, items.attempt(item))
                    assert self.attempt_reasons(ref, status) == 1, ref
            assert items.opened - items.done <= items.window

    def reasons(self, node: int, status: int) -> int:
        state = self.state
        if status == NodeStatus.PENDING:
            return int(state.pending[node] > 0 or state.is_paused)
        stored = int(any(store.node == node for store in self.stores))
        items = state.fan_outs.get(node)
        if items is not None:
            if items.done == items.count:
                return stored + int(state.is_held(node))
            return 1 - stored
        if self.plan.nodes[node].collects:
            return stored
        return self.attempt_reasons(NodeRef(node, 0, state.attempts[node]), status)

    def attempt_reasons(self, ref: NodeRef, status: int) -> int:
        state = self.state
        key = state.key(ref)
        if status == NodeStatus.WAITING:
            wait = state.waits.sleeping.get(key)
            timed = key in state.waits.due
            waits = timed or (wait is not None and bool(wait.signal or wait.child or wait.task))
            return int(waits) + int(state.is_held(key))
        leased = ref in self.held or ref in self.promised
        assert leased == (key in state.holders), f"{ref}: the books differ"
        return int(ref in self.ready) + int(leased) + int(state.is_held(key))

    def next_wake_us(self) -> int:
        return next_wake_us(self.state)
