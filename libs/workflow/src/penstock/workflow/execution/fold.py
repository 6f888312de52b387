"""The fold: an execution's state as the sum of its events.

The coordinator applies the events it decides, readers and recovery apply the events they read; both
get the same state, because nothing but `apply` changes what the fold holds. Two things are kept
beside it: indexes that can be rebuilt (`undecided`, the heap in `waits`) and `holders`, which
worker has which attempt, known to the coordinator alone.

What is held is bounded by what is live. A node's outcome is dropped once every node that reads it
has ended (the output node's is held to the end); a fan-out is dropped when its node ends;
everything is dropped when the execution ends. With `keep_outputs` nothing is dropped: that is for
readers.

A *key* names a node or an item in one integer: `item * size + node` where `size` is the plan's
number of nodes.
"""

from array import array
from collections.abc import Iterable

from penstock.workflow.execution import events as ev
from penstock.workflow.execution.facts import NodeFacts
from penstock.workflow.execution.fan_out import FanOut
from penstock.workflow.execution.join import error_output
from penstock.workflow.execution.tables import US_PER_S, PlanTables, Steps, tables_of
from penstock.workflow.execution.values import (
    Failure,
    NodeRef,
    NodeStatus,
    Payload,
    SkipReason,
)
from penstock.workflow.execution.waits import Waits
from penstock.workflow.plan import Plan

_PENDING = int(NodeStatus.PENDING)
_QUEUED = int(NodeStatus.QUEUED)
_RUNNING = int(NodeStatus.RUNNING)
_WAITING = int(NodeStatus.WAITING)
_COMPLETED = int(NodeStatus.COMPLETED)
_FAILED = int(NodeStatus.FAILED)
_SKIPPED = int(NodeStatus.SKIPPED)
_CANCELLED = int(NodeStatus.CANCELLED)


class BrokenHistory(Exception):
    """The events do not fit together: a bug in whoever wrote them, or damage."""


class ExecutionState:
    """One execution. Read the attributes freely; change them only through `apply` (and
    `hand_over`)."""

    __slots__ = (
        "attempts",
        "end",
        "facts",
        "failure_counts",
        "failures",
        "fan_outs",
        "holders",
        "keep_outputs",
        "outputs",
        "pending",
        "plan",
        "readers",
        "remaining",
        "seq",
        "started",
        "started_us",
        "status",
        "tables",
        "taken",
        "undecided",
        "updated_us",
        "waits",
    )

    def __init__(self, plan: Plan, keep_outputs: bool = False) -> None:
        tables: PlanTables = tables_of(plan)
        size = tables.size
        self.plan = plan
        self.tables = tables
        self.keep_outputs = keep_outputs
        self.seq = 0
        self.updated_us = 0
        self.started: ev.ExecutionStarted | None = None
        self.started_us = 0
        self.end: ev.ExecutionEnded | None = None
        self.remaining = size
        self.status = bytearray([_PENDING]) * size
        self.pending = array("I", tables.pending)
        self.taken = bytearray(size)
        self.readers = array("I", tables.readers)
        self.attempts = array("I", bytes(4 * size))
        self.outputs: dict[int, Payload] = {}
        self.failures: dict[int, Failure] = {}
        self.failure_counts: dict[int, int] = {}
        self.fan_outs: dict[int, FanOut] = {}
        self.waits = Waits()
        self.facts: dict[int, NodeFacts] = {}
        self.undecided: list[int] = []
        self.holders: dict[int, str] = {}

    def key(self, ref: NodeRef) -> int:
        """The key of the node or item that this is an attempt of."""
        return ref.item * self.tables.size + ref.node

    def current_ref(self, key: int) -> NodeRef:
        """The current attempt under a key."""
        item, node = divmod(key, self.tables.size)
        attempt = self.fan_outs[node].attempt(item) if item else self.attempts[node]
        return NodeRef(node, item, attempt)

    def status_of(self, ref: NodeRef) -> int:
        """Status of the node or item; an item of a fan-out that is over has the node's status."""
        fan_out = self.fan_outs.get(ref.node) if ref.item else None
        return fan_out.status_of(ref.item) if fan_out else self.status[ref.node]

    def is_current(self, ref: NodeRef) -> bool:
        """True if this attempt is queued or running: it may be handed over, started and
        reported."""
        node = ref.node
        if node >= self.tables.size:
            return False
        fan_out = self.fan_outs.get(node)
        if ref.item:
            if (
                fan_out is None
                or ref.item > fan_out.count
                or fan_out.attempt(ref.item) != ref.attempt
            ):
                return False
            return fan_out.status_of(ref.item) in (_QUEUED, _RUNNING)
        status = self.status[node]
        return (
            (status in (_QUEUED, _RUNNING))
            and fan_out is None
            and self.attempts[node] == ref.attempt
        )

    def hand_over(self, ref: NodeRef, worker: str) -> None:
        """Note that a worker has this attempt now; not part of the fold."""
        self.holders[ref.item * self.tables.size + ref.node] = worker

    def apply_batch(self, batch: Iterable[ev.Event], first_seq: int, at_us: int) -> None:
        """Apply consecutive events that were committed together."""
        for seq, event in enumerate(batch, first_seq):
            self.apply(event, seq, at_us)

    def apply(self, event: ev.Event, seq: int, at_us: int) -> None:
        """Take the next event in. Raises BrokenHistory if it is not the next one or the execution
        has ended."""
        if seq != self.seq + 1 or self.end is not None:
            raise BrokenHistory(f"event {seq} after {self.seq}, ended: {self.end is not None}")
        self.seq = seq
        self.updated_us = at_us
        match event:
            case ev.NodeCompleted():
                self._on_completed(event, at_us)
            case ev.NodesQueued():
                for node in event.nodes:
                    self.status[node] = _QUEUED
                    self.attempts[node] = 1
                    self._arm_deadline(node, at_us)
            case ev.NodeRunning():
                self._on_running(event)
            case ev.NodeFailed():
                self._on_failed(event, at_us)
            case ev.NodesSkipped():
                self._on_skipped(event, at_us)
            case ev.NodeRetried():
                self.waits.drop(self.key(event.ref))
                self._queue_attempt(event.ref)
            case ev.AttemptLost():
                ref = event.ref
                self._arm_deadline(ref.node, at_us)
                self._queue_attempt(NodeRef(ref.node, ref.item, ref.attempt + 1))
            case ev.NodeWaiting():
                self._on_waiting(event, at_us)
            case ev.NodeFannedOut():
                self._on_fanned_out(event, at_us)
            case ev.SignalReceived():
                self.waits.receive(event)
            case ev.ExecutionStarted():
                self._on_started(event, at_us)
            case ev.CancelRequested():
                pass
            case ev.NodesCancelled():
                self._on_cancelled(event, at_us)
            case ev.ExecutionEnded():
                self._on_ended(event)

    def _on_started(self, event: ev.ExecutionStarted, at_us: int) -> None:
        self.started = event
        self.started_us = at_us
        for node in self.tables.roots:
            self.taken[node] = 1
            self.undecided.append(node)
        if self.plan.deadline_s > 0:
            self.waits.arm_execution_deadline(at_us + round(self.plan.deadline_s * US_PER_S))

    def _on_completed(self, event: ev.NodeCompleted, at_us: int) -> None:
        ref = event.ref
        node = ref.node
        if self.keep_outputs:
            self._facts(node).note_outcome(event)
        if ref.item:
            key = self.key(ref)
            self.waits.end_well(key)
            self.failure_counts.pop(key, None)
            self.fan_outs[node].end(ref.item, NodeStatus.COMPLETED, event.output)
            return
        if self.status[node] == _WAITING:
            self.waits.end_well(node)
        self.attempts[node] = ref.attempt
        if self.readers[node] or self.keep_outputs:
            self.outputs[node] = event.output
        if self.failures:
            self.failures.pop(node, None)
        tables = self.tables
        steps = (
            tables.after(node, _COMPLETED, event.chosen, True)
            if event.routed
            else tables.after_completed[node]
        )
        self._end(node, _COMPLETED, steps, at_us)

    def _on_failed(self, event: ev.NodeFailed, at_us: int) -> None:
        ref = event.ref
        node = ref.node
        if self.keep_outputs:
            self._facts(node).note_outcome(event)
        key = self.key(ref)
        self.waits.drop(key)
        if event.retry_us:
            self._arm_deadline(node, at_us)
            self.failure_counts[key] = self.failure_counts.get(key, 0) + 1
            self._set_status(ref, _WAITING)
            self.waits.wake_at(key, event.retry_us)
            if not ref.item:
                self.failures[node] = event.failure
            return
        if ref.item:
            self.failure_counts.pop(key, None)
            part = Payload(error_output(event.failure))
            self.fan_outs[node].end(ref.item, NodeStatus.FAILED, part)
            return
        self.attempts[node] = ref.attempt
        if self.readers[node] or self.keep_outputs:
            self.failures[node] = event.failure
        on_error = self.tables.nodes[node].on_error
        if on_error == "skip":
            return  # NodesSkipped follows in the same batch.
        if on_error == "continue" and (self.readers[node] or self.keep_outputs):
            self.outputs[node] = Payload(error_output(event.failure))
        self._end(node, _FAILED, self.tables.after_failed[node], at_us)

    def _on_running(self, event: ev.NodeRunning) -> None:
        self._set_status(event.ref, _RUNNING)
        if self.keep_outputs:
            self._facts(event.ref.node).note_running(event)

    def _on_skipped(self, event: ev.NodesSkipped, at_us: int) -> None:
        for node in event.nodes:
            if event.reason == SkipReason.CONDITION:
                self.attempts[node] = self.attempts[node] or 1
            self._end(node, _SKIPPED, self.tables.after_skipped[node], at_us)

    def _on_waiting(self, event: ev.NodeWaiting, at_us: int) -> None:
        ref = event.ref
        self._arm_deadline(ref.node, at_us)
        self._set_status(ref, _WAITING)
        self.waits.sleep(self.key(ref), event)

    def _on_fanned_out(self, event: ev.NodeFannedOut, at_us: int) -> None:
        node = event.ref.node
        self._arm_deadline(node, at_us)
        self._set_status(event.ref, _RUNNING)
        self.failure_counts.pop(node, None)
        self.fan_outs[node] = FanOut(event, self.tables.nodes[node].max_parallel)

    def _on_cancelled(self, event: ev.NodesCancelled, at_us: int) -> None:
        for node in event.nodes:
            if self.keep_outputs:
                self._note_end(node, at_us)
            self.status[node] = _CANCELLED
            self.remaining -= 1

    def _on_ended(self, event: ev.ExecutionEnded) -> None:
        self.end = event
        self.waits = Waits()
        self.fan_outs.clear()
        self.failure_counts.clear()
        self.undecided.clear()
        if not self.keep_outputs:
            self.outputs.clear()
            self.failures.clear()

    def _end(self, node: int, status: int, steps: Steps, at_us: int) -> None:
        """A node became terminal: tell children and release what nobody else will read."""
        if self.keep_outputs:
            self._note_end(node, at_us)
        self.status[node] = status
        self.remaining -= 1
        if self.waits.deadlines:
            self.waits.deadlines.pop(node, None)
        if self.failure_counts or self.fan_outs:
            self._drop_items(node)
        pending = self.pending
        for child, taken in steps:
            left = pending[child] - 1
            pending[child] = left
            if taken:
                self.taken[child] = 1
            if not left:
                self.undecided.append(child)
        if self.keep_outputs:
            return
        readers = self.readers
        for read in self.tables.reads[node]:
            readers[read] -= 1
            if not readers[read]:
                self.outputs.pop(read, None)
                if self.failures:
                    self.failures.pop(read, None)
        if self.failures and not readers[node]:
            self.failures.pop(node, None)

    def _drop_items(self, node: int) -> None:
        """Forget a fan-out and whatever its items wait for; linear in what waits, and only if some
        item is open."""
        self.failure_counts.pop(node, None)
        fan_out = self.fan_outs.pop(node, None)
        if fan_out is None or fan_out.done == fan_out.count:
            return
        size = self.tables.size
        self.waits.drop_items(node, size)
        for key in [key for key in self.failure_counts if key % size == node]:
            del self.failure_counts[key]

    def _queue_attempt(self, ref: NodeRef) -> None:
        self._set_status(ref, _QUEUED)
        if ref.item:
            self.fan_outs[ref.node].attempts[ref.item] = ref.attempt
        else:
            self.attempts[ref.node] = ref.attempt

    def _set_status(self, ref: NodeRef, status: int) -> None:
        if ref.item:
            self.fan_outs[ref.node].set_status(ref.item, status)
        else:
            self.status[ref.node] = status
            self.attempts[ref.node] = ref.attempt

    def _arm_deadline(self, node: int, at_us: int) -> None:
        """A node's own deadline runs from the commit that first let it go."""
        lasts_us = self.tables.deadline_us[node]
        if lasts_us:
            self.waits.arm_node_deadline(node, at_us + lasts_us)

    def _facts(self, node: int) -> NodeFacts:
        facts = self.facts.get(node)
        if facts is None:
            facts = self.facts[node] = NodeFacts()
        return facts

    def _note_end(self, node: int, at_us: int) -> None:
        if self.status[node] == _PENDING and node not in self.facts:
            return
        facts = self._facts(node)
        facts.note_end(at_us)
        if node in self.fan_outs:
            facts.note_items(self.fan_outs[node])
