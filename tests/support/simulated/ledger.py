"""What some rows of a journal say about one execution: which nodes have ended, which attempts are
on record. Worked out naively from the events, to be held against what the services do.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from penstock.workflow.execution import events as ev
from penstock.workflow.execution.values import NodeRef
from penstock.workflow.plan import Plan

Instance = tuple[int, int]
"""Node and item."""


@dataclass
class Ledger:
    """`touched` are attempts with an outcome; `repeats` says of attempts above 1 whether they
    follow a failure that was told (True) or a loss (False)."""

    plan: Plan
    seq: int = 0
    started: bool = False
    ended: bool = False
    over: set[int] = field(default_factory=set)
    items: dict[int, int] = field(default_factory=dict)
    touched: set[NodeRef] = field(default_factory=set)
    attempts: dict[Instance, int] = field(default_factory=dict)
    repeats: dict[NodeRef, bool] = field(default_factory=dict)

    def take(self, first_seq: int, last_seq: int, events: Iterable[ev.Event]) -> None:
        """A row; one that was taken before changes nothing."""
        if last_seq <= self.seq:
            return
        assert first_seq == self.seq + 1, f"rows from {first_seq} on after {self.seq}"
        self.seq = last_seq
        for event in events:
            self._take(event)

    def _take(self, event: ev.Event) -> None:
        match event:
            case ev.ExecutionStarted():
                self.started = True
            case ev.NodeCompleted(ref=ref):
                self.touched.add(ref)
                if not ref.item:
                    self.over.add(ref.node)
            case ev.NodeFailed(ref=ref, retry_us=retry_us):
                self.touched.add(ref)
                if not ref.item and not retry_us:
                    self.over.add(ref.node)
            case ev.NodesSkipped(nodes=nodes) | ev.NodesCancelled(nodes=nodes):
                self.over.update(nodes)
            case ev.NodeWaiting(ref=ref):
                self.touched.add(ref)
            case ev.NodeFannedOut(ref=ref, count=count):
                self.touched.add(ref)
                self.items[ref.node] = count
            case ev.NodeRetried(ref=ref):
                self._count(ref, told=True)
            case ev.AttemptLost(ref=ref):
                self.touched.add(ref)
                self._count(NodeRef(ref.node, ref.item, ref.attempt + 1), told=False)
            case ev.ExecutionEnded():
                self.ended = True

    def _count(self, ref: NodeRef, *, told: bool) -> None:
        self.attempts[(ref.node, ref.item)] = ref.attempt
        self.repeats[ref] = told

    def missing(self, ref: NodeRef) -> str:
        """What an attempt needs on record and has not; empty if it may be carried out.

        The first attempt is implied by the outcomes of all parents, an item's by the list, each
        further one is an event of its own.
        """
        if not self.started:
            return "the start"
        for parent in self.plan.nodes[ref.node].parents:
            if parent not in self.over:
                return f"the outcome of its parent {self.plan.nodes[parent].id}"
        if ref.item > self.items.get(ref.node, 0):
            return "its item"
        if ref.attempt > self.attempts.get((ref.node, ref.item), 1):
            return "the attempt itself"
        return ""

    def has_outcome(self, ref: NodeRef) -> bool:
        """True if something became of this attempt."""
        return ref in self.touched or ref.node in self.over
