"""The effect ledger: which attempts may have changed something outside, and what is known of each.
Worked out from the history of an execution, event by event."""

from enum import IntEnum
from functools import singledispatchmethod

from penstock.workflow.execution import events as ev
from penstock.workflow.execution import hand_events as hand
from penstock.workflow.execution.decisions import HAPPENED, NOT_HAPPENED
from penstock.workflow.execution.values import NodeRef, TaskKind
from penstock.workflow.plan import Plan


class EffectOutcome(IntEnum):
    """What is known of an attempt; numbers as in the contract."""

    OPEN = 1
    COMMITTED = 2
    FAILED = 3
    MAY_HAVE_HAPPENED = 4
    NOT_HAPPENED = 5


class EffectAttempt:
    """One try."""

    __slots__ = ("at_us", "attempt", "note", "outcome", "worker")

    def __init__(self, attempt: int) -> None:
        self.attempt = attempt
        self.outcome = EffectOutcome.OPEN
        self.at_us = 0
        self.worker = ""
        self.note = ""


Key = tuple[int, int]
"""Node and item."""


class EffectLedger:
    """Attempts by node and item, for nodes with effects. Feed it every event of a history, taken
    apart."""

    def __init__(self, plan: Plan) -> None:
        self._nodes = plan.nodes
        self._has_effect = [node.effects != "none" for node in plan.nodes]
        self.attempts: dict[Key, list[EffectAttempt]] = {}
        self._at_us = 0

    def take_in(self, event: ev.Event, at_us: int) -> None:
        """The next event, and when it was decided."""
        self._at_us = at_us
        self._take(event)

    def idempotency_key(self, execution_id: str, key: Key) -> str:
        """What goes along with every attempt of a node or an item."""
        return f"{execution_id}/{self._nodes[key[0]].id}/{key[1]}"

    def _of(self, ref: NodeRef) -> EffectAttempt | None:
        """The attempt, known from now on; None for one without effects: of another node, or of a
        for-each that only evaluates its list."""
        node = ref.node
        if not self._has_effect[node] or not ref.attempt:
            return None
        if self._nodes[node].for_each is not None and not ref.item:
            return None
        known = self.attempts.setdefault((node, ref.item), [])
        for attempt in known:
            if attempt.attempt == ref.attempt:
                return attempt
        known.append(EffectAttempt(ref.attempt))
        return known[-1]

    def _settle(self, ref: NodeRef, outcome: EffectOutcome, note: str = "") -> None:
        attempt = self._of(ref)
        if attempt is not None:
            attempt.outcome, attempt.at_us = outcome, self._at_us
            attempt.note = note or attempt.note

    @singledispatchmethod
    def _take(self, event: ev.Event) -> None:
        """An event that says nothing of effects."""

    @_take.register
    def _(self, event: ev.NodesQueued) -> None:
        for node in event.nodes:
            self._of(NodeRef(node))

    @_take.register
    def _(self, event: ev.NodeRetried) -> None:
        self._of(event.ref)

    @_take.register
    def _(self, event: ev.NodeRunning) -> None:
        attempt = self._of(event.ref)
        if attempt is not None:
            attempt.worker = event.worker

    @_take.register
    def _(self, event: hand.AttemptsHandedOver) -> None:
        for ref in event.refs:
            attempt = self._of(ref)
            if attempt is not None:
                attempt.worker = event.worker

    @_take.register
    def _(self, event: ev.NodeCompleted) -> None:
        attempt = self._of(event.ref)
        if attempt is None or attempt.outcome not in (EffectOutcome.OPEN, EffectOutcome.FAILED):
            return
        attempt.worker = event.worker or attempt.worker
        self._settle(event.ref, EffectOutcome.COMMITTED)

    @_take.register
    def _(self, event: ev.NodeHeld) -> None:
        """What a debugger holds back after it ran has happened all the same."""
        if event.outcome is not None:
            self._take(event.outcome)

    @_take.register
    def _(self, event: ev.NodeFailed) -> None:
        failure = event.failure
        in_doubt = failure.reason == "EFFECT_UNCERTAIN"
        outcome = EffectOutcome.MAY_HAVE_HAPPENED if in_doubt else EffectOutcome.FAILED
        self._settle(event.ref, outcome, f"{failure.reason}: {failure.message}")

    @_take.register
    def _(self, event: ev.AttemptLost) -> None:
        """Attempts of effects once are repeated only if nobody had begun."""
        never_begun = self._nodes[event.ref.node].effects == "once"
        outcome = EffectOutcome.NOT_HAPPENED if never_begun else EffectOutcome.MAY_HAVE_HAPPENED
        self._settle(event.ref, outcome, event.cause)
        self._of(NodeRef(event.ref.node, event.ref.item, event.ref.attempt + 1))

    @_take.register
    def _(self, event: ev.NodeWaiting) -> None:
        task = event.task
        if task is not None and task.kind == TaskKind.EFFECT:
            self._settle(event.ref, EffectOutcome.MAY_HAVE_HAPPENED, task.description)

    @_take.register
    def _(self, event: hand.TaskAnswered) -> None:
        outcomes = {
            HAPPENED: EffectOutcome.COMMITTED,
            NOT_HAPPENED: EffectOutcome.NOT_HAPPENED,
        }
        outcome = outcomes.get(event.decision, EffectOutcome.MAY_HAVE_HAPPENED)
        self._settle(event.ref, outcome, f"{event.decision}, says {event.by or 'somebody'}")

    @_take.register
    def _(self, event: hand.NodeIntervened) -> None:
        """The attempt that was under way, if any, was given up."""
        attempts = self.attempts.get((event.ref.node, event.ref.item), [])
        for attempt in attempts:
            if attempt.attempt == event.ref.attempt and attempt.outcome == EffectOutcome.OPEN:
                note = f"{event.operation.name.lower()} by {event.by or 'somebody'}"
                self._settle(event.ref, EffectOutcome.MAY_HAVE_HAPPENED, note)

    @_take.register
    def _(self, event: ev.NodesCancelled) -> None:
        nodes = set(event.nodes)
        for (node, item), attempts in self.attempts.items():
            if node in nodes and attempts[-1].outcome == EffectOutcome.OPEN:
                ref = NodeRef(node, item, attempts[-1].attempt)
                note = "the execution ended before it was known"
                self._settle(ref, EffectOutcome.MAY_HAVE_HAPPENED, note)
