"""An independent judge of journals: does this history keep the promises of the engine?

It shares nothing with the fold or the core but the event types and the plan: edges, attempts, items
and joins are worked out again, naively, from `docs/architecture.md`. Used by the properties on
journals made in memory and by the chaos tests on journals read from PostgreSQL.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from penstock.workflow.execution import events as ev
from penstock.workflow.execution import hand_events as hand
from penstock.workflow.execution.values import (
    ExecutionStatus,
    NodeRef,
    NodeStatus,
    Operation,
    Payload,
    SkipReason,
)
from penstock.workflow.plan import Plan
from support.journal_attempts import Attempts
from support.journal_course import CourseJudge
from support.journal_debugger import DebugJudge
from support.journal_edges import edge_taken, unhandled
from support.journal_hands import HandJudge
from support.journal_joins import join_flaws
from support.journal_vars import VarsJudge
from support.journal_waits import may_look_again, may_skip, wake_flaws

Batch = tuple[str, int, int, Sequence[ev.Event]]
"""As `journal_codec.decode_batch` gives it: execution id, first sequence, time (us), events."""

DEFAULT_WINDOW = 4_096


@dataclass
class Judge:
    """Walks one execution's events in order and writes down what must not be."""

    plan: Plan
    violations: list[str] = field(default_factory=list)
    seq: int = 0
    at_us: int = 0
    started: ev.ExecutionStarted | None = None
    ended: ev.ExecutionEnded | None = None
    status: dict[int, NodeStatus] = field(default_factory=dict)
    completed: dict[int, ev.NodeCompleted] = field(default_factory=dict)
    failed: dict[int, ev.NodeFailed] = field(default_factory=dict)
    queued: set[int] = field(default_factory=set)
    attempts: dict[tuple[int, int], Attempts] = field(default_factory=dict)
    fan_outs: dict[int, ev.NodeFannedOut] = field(default_factory=dict)
    items_done: dict[int, int] = field(default_factory=dict)
    signals: list[ev.SignalReceived] = field(default_factory=list)
    cancel_requested: bool = False
    by_hand: HandJudge = field(default_factory=HandJudge)
    debugger: DebugJudge = field(default_factory=DebugJudge)

    def __post_init__(self) -> None:
        self.course = CourseJudge(self.plan)
        self.variables = VarsJudge(self.plan)

    def blame(self, message: str) -> None:
        self.violations.append(f"seq {self.seq}: {message}")

    def take(self, event: ev.Event) -> None:
        if self.ended is not None:
            self.blame(f"{type(event).__name__} after the end (I5)")
        if (self.seq == 1) != isinstance(event, ev.ExecutionStarted):
            self.blame("an execution begins with ExecutionStarted, once")
        self.variables.take(event, self.completed, self.blame)
        self.debugger.take(event, self.by_hand.pending.keys(), self.blame)
        match event:
            case ev.NodesQueued(nodes=nodes):
                for node in nodes:
                    self.on_queued(node)
            case ev.NodeRunning(ref=ref):
                self.open_attempt(ref, "ran").ran = True
            case ev.NodeCompleted():
                self.on_completed(event)
            case ev.NodeFailed():
                self.on_failed(event)
            case ev.NodeRetried(ref=ref):
                self.on_retried(ref)
            case ev.AttemptLost(ref=ref):
                self.on_lost(ref)
            case ev.NodesSkipped(nodes=nodes, reason=reason):
                for node in nodes:
                    self.on_skipped(node, reason)
            case ev.NodeWaiting(ref=ref):
                self.open_attempt(ref, "waits").wait = event
            case ev.NodeFannedOut(ref=ref):
                self.open_attempt(ref, "fanned out")
                if ref.node in self.fan_outs or ref.item:
                    self.blame(f"node {ref.node} fanned out twice or within an item")
                self.fan_outs[ref.node] = event
            case ev.SignalReceived(signal_id=signal_id):
                if signal_id and any(s.signal_id == signal_id for s in self.signals):
                    self.blame(f"signal {signal_id} was taken in twice")
                self.signals.append(event)
            case ev.CancelRequested():
                self.cancel_requested = True
            case ev.NodesCancelled(nodes=nodes):
                for node in nodes:
                    self.end_node(node, NodeStatus.CANCELLED)
            case ev.ExecutionEnded():
                self.on_ended(event)
            case ev.OutcomesCarried(outcomes=outcomes):
                self.on_carried(outcomes)
            case hand.ExecutionPaused() | hand.ExecutionResumed():
                self.by_hand.on_pause(event, self.blame)
            case hand.NodeIntervened():
                self.on_intervened(event)
            case ev.StartDue() | ev.FailureTaken():
                self.course.take(event, self.at_us, self.status, self.blame)
            case hand.TaskAnswered():
                self.on_answered(event)
            case hand.AttemptsHandedOver(refs=refs):
                for ref in refs:
                    self.open_attempt(ref, "was handed over")
            case ev.ExecutionStarted():
                self.started = event
                self.course.on_started(event, self.at_us)

    def on_carried(self, outcomes: Sequence[ev.CarriedOutcome]) -> None:
        """What a past execution had come to: right after the start, parents before children, each
        as the plan would have let it come to that."""
        options = self.started.options if self.started else None
        if self.seq != 2 or options is None or options.origin is None:
            self.blame("outcomes are carried right after a start that has an origin")
        for outcome in outcomes:
            if isinstance(outcome, ev.NodesSkipped):
                for node in outcome.nodes:
                    self.on_skipped(node, outcome.reason)
                continue
            ref = outcome.ref
            self.must_be_ready(ref.node)
            self.queued.add(ref.node)
            self.attempts[(ref.node, ref.item)] = Attempts(attempt=ref.attempt)
            if ref.item:
                self.blame(f"{ref} is an item: only whole nodes are carried")
            done = isinstance(outcome, ev.NodeCompleted)
            self.on_completed(outcome) if done else self.on_failed(outcome)
        if self.unhandled():
            self.blame(f"failures nobody handles were carried: {self.unhandled()}")

    def on_intervened(self, event: hand.NodeIntervened) -> None:
        ref = event.ref
        known = self.attempts.get((ref.node, ref.item))
        if ref.node in self.status or (known is not None and known.closed):
            self.blame(f"{ref} was laid hands on after its end (I5)")
        queued = known is not None or ref.node in self.queued
        begun = queued and not self.debugger.holds_unrun(ref)
        if not self.by_hand.take(event, begun, self.blame) or known is None:
            return
        known.retry_us, known.wait, known.ran = 0, None, False
        if event.operation in (Operation.RETRY, Operation.EDIT):
            known.failures = 0

    def on_queued(self, node: int) -> None:
        if node in self.queued:
            self.blame(f"node {node} was queued twice (I3)")
        self.queued.add(node)
        self.must_be_ready(node)
        spare = self.plan.nodes[node].collects or node == self.course.failure_node
        if self.by_hand.paused and not spare:
            self.blame(f"node {node} was queued during a pause")

    def must_be_ready(self, node: int) -> None:
        """I3: all parents have ended and one edge is taken; checked when a node first appears."""
        self.course.may_begin(node, self.blame)
        for edge in self.plan.nodes[node].edges:
            if edge.parent not in self.status:
                self.blame(f"node {node} started before parent {edge.parent} ended (I3)")
                return
        if not self.some_edge_taken(node):
            self.blame(f"node {node} started though no edge leads to it")

    def some_edge_taken(self, node: int) -> bool:
        edges = self.plan.nodes[node].edges
        return not edges or any(
            edge_taken(self.plan, node, at, self.status, self.completed) for at in range(len(edges))
        )

    def open_attempt(self, ref: NodeRef, did: str) -> Attempts:
        """The attempt an event speaks of; it must be the current one of something open (I2)."""
        key = (ref.node, ref.item)
        if key not in self.attempts and key in self.by_hand.pending and not ref.item:
            self.attempts[key] = Attempts()
        if key not in self.attempts:
            self.attempts[key] = Attempts()
            if ref.item:
                self.open_item(ref)
            elif ref.node not in self.queued:
                self.must_be_ready(ref.node)
        known = self.attempts[key]
        if ref.node in self.status or known.closed:
            self.blame(f"{ref} {did} after its end (I2, I5)")
        if known.attempt != ref.attempt:
            self.blame(f"{ref} {did}, but attempt {known.attempt} is current (I2)")
        if known.retry_us and did != "passed its deadline":
            self.blame(f"{ref} {did} during its back-off")
        if not ref.item and ref.node in self.fan_outs and did in ("ran", "waits", "was lost"):
            self.blame(f"{ref} {did} after it fanned out")
        return known

    def open_item(self, ref: NodeRef) -> None:
        fanned = self.fan_outs.get(ref.node)
        if fanned is None or not 1 <= ref.item <= fanned.count:
            self.blame(f"{ref} is not an item of a fan-out")
            return
        window = self.plan.nodes[ref.node].max_parallel or DEFAULT_WINDOW
        if ref.item > self.items_done.get(ref.node, 0) + window:
            self.blame(f"{ref} ran though {window} items before it were open (I11)")

    def on_completed(self, event: ev.NodeCompleted) -> None:
        ref = event.ref
        known = self.open_attempt(ref, "completed")
        done = self.by_hand.leads_to((ref.node, ref.item), Operation.COMPLETE, Operation.SKIP)
        done = done or self.debugger.was_edited(ref)
        wait = None if done else known.wait
        if wait is not None:
            payloads = [s.payload for s in self.signals if s.name == wait.signal]
            for flaw in wake_flaws(wait, event.output, payloads, self.at_us):
                self.blame(f"{ref} {flaw}")
        known.closed = True
        known.output = event.output
        if ref.item:
            self.items_done[ref.node] = self.items_done.get(ref.node, 0) + 1
            return
        if ref.node in self.fan_outs and not done:
            self.check_join(ref.node, event.output)
        self.completed[ref.node] = event
        self.end_node(ref.node, NodeStatus.COMPLETED)

    def check_join(self, node: int, output: Payload) -> None:
        """I12: every item once, in order."""
        count = self.fan_outs[node].count
        items = [self.attempts.get((node, item + 1)) for item in range(count)]
        if any(item is None or not item.closed for item in items):
            self.blame(f"node {node} was joined before its {count} items had ended (I12)")
            return
        for flaw in join_flaws(node, [item.output for item in items if item is not None], output):
            self.blame(flaw)

    def on_failed(self, event: ev.NodeFailed) -> None:
        ref = event.ref
        plan = self.plan.nodes[ref.node]
        late = event.failure.reason == "NODE_DEADLINE" and plan.deadline_s > 0
        known = self.open_attempt(ref, "passed its deadline" if late else "failed")
        known.wait = None
        if self.by_hand.leads_to((ref.node, ref.item), Operation.FAIL) and event.retry_us:
            self.blame(f"{ref} was failed by hand and is retried")
        if event.retry_us:
            known.failures += 1
            known.retry_us = event.retry_us
            if known.failures >= plan.retry.max_attempts:
                self.blame(f"{ref} is retried after {known.failures} failures")
            if event.failure.error_class not in plan.retry.on:
                self.blame(f"{ref} is retried after a {event.failure.error_class} failure")
            return
        known.closed = True
        if ref.item:
            self.items_done[ref.node] = self.items_done.get(ref.node, 0) + 1
            return
        self.failed[ref.node] = event
        if plan.on_error != "skip":
            self.end_node(ref.node, NodeStatus.FAILED)

    def on_retried(self, ref: NodeRef) -> None:
        known = self.attempts.get((ref.node, ref.item))
        if self.by_hand.leads_to((ref.node, ref.item), Operation.RETRY, Operation.EDIT):
            known = self.attempts.setdefault((ref.node, ref.item), Attempts())
            if ref.attempt != known.attempt + 1 or known.closed or ref.node in self.status:
                self.blame(f"{ref} follows attempt {known.attempt} by hand (I2, I5)")
            known.attempt = ref.attempt
            return
        if known is not None and may_look_again(known.wait, known.answer, self.at_us):
            known.attempt, known.wait, known.ran, known.answer = ref.attempt, None, False, ""
            return
        if self.by_hand.paused:
            self.blame(f"{ref} was retried during a pause")
        if known is None or not known.retry_us or known.closed or ref.node in self.status:
            self.blame(f"{ref} was retried out of nothing (I5)")
            return
        if self.at_us < known.retry_us:
            self.blame(f"{ref} was retried {known.retry_us - self.at_us} us early (I9)")
        if ref.attempt != known.attempt + 1:
            self.blame(f"{ref} follows attempt {known.attempt}")
        known.attempt, known.retry_us, known.ran = ref.attempt, 0, False

    def on_answered(self, event: hand.TaskAnswered) -> None:
        known = self.open_attempt(event.ref, "was answered")
        if known.wait is None or known.wait.task is None:
            self.blame(f"{event.ref} was answered, but asks nobody")
        known.wait, known.answer = None, event.decision

    def on_lost(self, ref: NodeRef) -> None:
        known = self.open_attempt(ref, "was lost")
        self.by_hand.on_lost(ref, self.blame)
        if known.wait is not None:
            self.blame(f"{ref} was lost while it slept")
        plan = self.plan.nodes[ref.node]
        lists = plan.for_each is not None and not ref.item
        if known.ran and plan.effects == "once" and not lists:
            self.blame(f"{ref} is repeated though its effect may have happened")
        known.attempt, known.ran = ref.attempt + 1, False

    def on_skipped(self, node: int, reason: SkipReason) -> None:
        if reason == SkipReason.BRANCH:
            open_parents = [p for p in self.plan.nodes[node].parents if p not in self.status]
            if open_parents or node in self.queued:
                self.blame(f"node {node} was skipped too early, parents {open_parents} are open")
            elif self.some_edge_taken(node) and node != self.course.failure_node:
                self.blame(f"node {node} was skipped though an edge leads to it")
        elif reason == SkipReason.MANUAL:
            answered = self.attempts.get((node, 0), Attempts()).answer == "skip"
            if not self.by_hand.leads_to((node, 0), Operation.SKIP) and not answered:
                self.blame(f"node {node} was skipped by nobody's hand")
        elif reason == SkipReason.TIMEOUT:
            if not may_skip(self.attempts.get((node, 0), Attempts()).wait, self.at_us):
                self.blame(f"node {node} was skipped though it had not run out of time")
        elif reason == SkipReason.ON_ERROR:
            if node not in self.failed:
                self.blame(f"node {node} was skipped for an error it did not have")
        elif node not in self.queued:
            self.must_be_ready(node)
        self.end_node(node, NodeStatus.SKIPPED)

    def end_node(self, node: int, status: NodeStatus) -> None:
        if node in self.status:
            self.blame(f"node {node} ended as {self.status[node].name}, now {status.name} (I2, I5)")
        self.status[node] = status

    def unhandled(self) -> list[int]:
        return unhandled(self.plan, self.status)

    def on_ended(self, event: ev.ExecutionEnded) -> None:
        self.ended = event
        left = [node.id for node in self.plan.nodes if node.index not in self.status]
        if left:
            self.blame(f"the execution ended while {left} had not (I4)")
        self.course.on_ended(event, self.blame)
        unhandled = self.unhandled()
        match event.status:
            case ExecutionStatus.COMPLETED:
                self.check_good_end(event, unhandled)
            case ExecutionStatus.FAILED:
                if event.node not in unhandled:
                    self.blame(f"failed because of node {event.node}, unhandled are {unhandled}")
            case ExecutionStatus.CANCELLED:
                if not self.cancel_requested:
                    self.blame("cancelled though nobody asked")
            case ExecutionStatus.TIMED_OUT:
                self.course.on_timed_out(self.blame)
            case _:
                self.blame(f"ended as {event.status!r}")

    def check_good_end(self, event: ev.ExecutionEnded, unhandled: list[int]) -> None:
        if unhandled or self.cancel_requested:
            self.blame(f"completed though {unhandled} failed or it was cancelled (I5)")
        if NodeStatus.CANCELLED in self.status.values():
            self.blame("completed with cancelled nodes")
        decides = self.completed.get(self.plan.output_node)
        if decides is not None and decides.output != event.output:
            self.blame("the output is not the output node's")


def check_journal(plan: Plan, batches: Iterable[Batch], *, ended: bool = True) -> list[str]:
    """Everything that is wrong with one execution's journal, as sentences; empty if it is right.

    With `ended` an execution that has not ended is wrong too (I1).
    """
    judge = Judge(plan)
    execution_id = ""
    for batch_id, first_seq, at_us, events in batches:
        execution_id = execution_id or batch_id
        if batch_id != execution_id:
            judge.blame(f"a row of execution {batch_id} among those of {execution_id} (I13)")
        if first_seq != judge.seq + 1:
            judge.blame(f"the next row begins at {first_seq} (I7)")
        if not events:
            judge.blame("an empty row")
        judge.at_us = at_us
        for seq, event in enumerate(events, first_seq):
            judge.seq = seq
            judge.take(event)
    if ended and judge.ended is None:
        judge.blame("the execution has not ended (I1)")
    return judge.violations
