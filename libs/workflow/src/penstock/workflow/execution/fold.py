"""The fold: an execution's state as the sum of its events.

The coordinator applies the events it decides, readers and recovery apply the events they read; both
get the same state, because nothing but `apply` changes what the fold holds. Two things are kept
beside it: indexes that can be rebuilt (`undecided`, the heap in `waits`) and `holders`, which
worker has which attempt, known to the coordinator alone.
"""

from collections.abc import Iterable

from penstock.workflow.execution import events as ev
from penstock.workflow.execution import hand_events as hand
from penstock.workflow.execution.by_hand import hold_items, take_in
from penstock.workflow.execution.course import begin, take_turn
from penstock.workflow.execution.debug_fold import take_in as take_in_debugging
from penstock.workflow.execution.fan_out import FanOut
from penstock.workflow.execution.join import error_output
from penstock.workflow.execution.row_fold import take_row
from penstock.workflow.execution.state import StateData
from penstock.workflow.execution.tables import RowChange
from penstock.workflow.execution.values import NodeRef, NodeStatus, Payload, SkipReason
from penstock.workflow.execution.variables import VarsChanged

_QUEUED = int(NodeStatus.QUEUED)
_RUNNING = int(NodeStatus.RUNNING)
_WAITING = int(NodeStatus.WAITING)
_COMPLETED = int(NodeStatus.COMPLETED)
_FAILED = int(NodeStatus.FAILED)
_SKIPPED = int(NodeStatus.SKIPPED)
_CANCELLED = int(NodeStatus.CANCELLED)


class BrokenHistory(Exception):
    """The events do not fit together: a bug in whoever wrote them, or damage."""


class ExecutionState(StateData):
    """One execution. Read the attributes freely; change them only through `apply` (and
    `hand_over`)."""

    __slots__ = ()

    def apply_batch(self, batch: Iterable[ev.Event], first_seq: int, at_us: int) -> None:
        """Apply consecutive events that were committed together."""
        seq = first_seq
        for event in batch:
            self.apply(event, seq, at_us)
            seq = self.seq + 1

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
            case ev.NodesCompleted():
                self._on_completed_row(event, at_us)
            case ev.NodesQueued():
                self._on_queued(event.nodes, at_us)
            case ev.ExecutionStarted():
                self._on_started(event, at_us)
            case ev.ExecutionEnded():
                self._on_ended(event)
            case ev.NodeRunning():
                self._on_running(event)
            case ev.NodeFailed():
                self._on_failed(event, at_us)
            case ev.NodesSkipped():
                self._on_skipped(event, at_us)
            case ev.NodeRetried():
                self.waits.drop(self.key(event.ref))
                self.queue_attempt(event.ref)
            case ev.AttemptLost():
                ref = event.ref
                self.arm_deadline(ref.node, at_us)
                self.queue_attempt(NodeRef(ref.node, ref.item, ref.attempt + 1))
            case ev.NodeWaiting():
                self._on_waiting(event, at_us)
            case ev.NodeFannedOut():
                self._on_fanned_out(event, at_us)
            case ev.SignalReceived():
                self.waits.receive(event)
            case ev.CancelRequested():
                pass
            case ev.NodesCancelled():
                self._on_cancelled(event, at_us)
            case ev.StartDue() | ev.FailureTaken() | VarsChanged():
                take_turn(self, event)
            case ev.OutcomesCarried():
                self._on_carried(event, at_us)
            case hand.TaskAnswered():
                self.waits.drop(self.key(event.ref))
            case hand.AttemptsHandedOver():
                self.handed_over.update(map(self.key, event.refs))
            case hand.ExecutionPaused() | hand.ExecutionResumed() | hand.NodeIntervened():
                take_in(self, event)
            case _:
                take_in_debugging(self, event, at_us)

    def apply_row(self, event: ev.NodesCompleted, change: RowChange, at_us: int) -> None:
        """The same for a row in an execution that `is_plain` and has not ended, by whoever knows
        already what the row changes (`tables.row`): the most frequent event by far."""
        self.seq += event.sequences
        self.updated_us = at_us
        take_row(self, event, change)
        self._on_queued(event.queued, at_us)

    def _on_started(self, event: ev.ExecutionStarted, at_us: int) -> None:
        self.started = event
        self.started_us = at_us
        begin(self, event, at_us)

    def _on_queued(self, nodes: Iterable[int], at_us: int) -> None:
        status, attempts, lasts_us = self.status, self.attempts, self.tables.deadline_us
        for node in nodes:
            status[node] = _QUEUED
            attempts[node] = 1
            if lasts_us[node]:
                self.arm_deadline(node, at_us)

    def _on_completed(self, event: ev.NodeCompleted, at_us: int) -> None:
        ref = event.ref
        node = ref.node
        if self.keep_outputs:
            self.facts_of(node).note_outcome(event)
        if ref.item:
            key = self.key(ref)
            self.waits.end_well(key)
            self.failure_counts.pop(key, None)
            if self.debug is not None:
                self.debug.forget(key)
            self._end_item(ref, NodeStatus.COMPLETED, event.output)
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
        self.end_node(node, _COMPLETED, steps, at_us)

    def _on_completed_row(self, event: ev.NodesCompleted, at_us: int) -> None:
        """What `_on_completed` would do for each, at once where the plan alone decides it."""
        self.seq += event.sequences - 1
        change = self.tables.row(event.nodes)
        if change is None or not self.is_plain:
            for one in event.outcomes():
                self._on_completed(one, at_us)
        else:
            take_row(self, event, change)
        self._on_queued(event.queued, at_us)

    def _on_failed(self, event: ev.NodeFailed, at_us: int) -> None:
        ref = event.ref
        node = ref.node
        if self.keep_outputs:
            self.facts_of(node).note_outcome(event)
        key = self.key(ref)
        self.waits.drop(key)
        if event.retry_us:
            self.arm_deadline(node, at_us)
            self.failure_counts[key] = self.failure_counts.get(key, 0) + 1
            self.set_status(ref, _WAITING)
            self.waits.wake_at(key, event.retry_us)
            if not ref.item:
                self.failures[node] = event.failure
            return
        if ref.item:
            self.failure_counts.pop(key, None)
            if self.debug is not None:
                self.debug.forget(key)
            part = Payload(error_output(event.failure))
            self._end_item(ref, NodeStatus.FAILED, part)
            return
        self.attempts[node] = ref.attempt
        if self.readers[node] or self.keep_outputs:
            self.failures[node] = event.failure
        on_error = self.tables.nodes[node].on_error
        if on_error == "skip":
            return  # NodesSkipped follows in the same batch.
        if on_error == "continue" and (self.readers[node] or self.keep_outputs):
            self.outputs[node] = Payload(error_output(event.failure))
        self.end_node(node, _FAILED, self.tables.after_failed[node], at_us)

    def _end_item(self, ref: NodeRef, status: NodeStatus, part: Payload) -> None:
        items = self.fan_outs[ref.node]
        before = items.opened
        items.end(ref.item, status, part)
        if self.touched is not None:
            hold_items(self, ref.node, items, before)

    def _on_running(self, event: ev.NodeRunning) -> None:
        self.set_status(event.ref, _RUNNING)
        if self.keep_outputs:
            self.facts_of(event.ref.node).note_running(event)

    def _on_skipped(self, event: ev.NodesSkipped, at_us: int) -> None:
        for node in event.nodes:
            if event.reason == SkipReason.CONDITION:
                self.attempts[node] = self.attempts[node] or 1
            if self.status[node] == _WAITING:
                self.waits.drop(node)
            self.end_node(node, _SKIPPED, self.tables.after_skipped[node], at_us)

    def _on_waiting(self, event: ev.NodeWaiting, at_us: int) -> None:
        ref = event.ref
        self.arm_deadline(ref.node, at_us)
        self.set_status(ref, _WAITING)
        if self.keep_outputs:
            self.facts_of(ref.node).note_waiting(event, at_us)
        self.waits.sleep(self.key(ref), event, at_us)

    def _on_fanned_out(self, event: ev.NodeFannedOut, at_us: int) -> None:
        node = event.ref.node
        self.arm_deadline(node, at_us)
        self.set_status(event.ref, _RUNNING)
        self.failure_counts.pop(node, None)
        items = self.fan_outs[node] = FanOut(event, self.tables.nodes[node].max_parallel)
        if self.touched is not None:
            hold_items(self, node, items, 0)

    def _on_carried(self, event: ev.OutcomesCarried, at_us: int) -> None:
        for outcome in event.outcomes:
            match outcome:
                case ev.NodeCompleted():
                    self._on_completed(outcome, at_us)
                case ev.NodeFailed():
                    self._on_failed(outcome, at_us)
                case ev.NodesSkipped():
                    self._on_skipped(outcome, at_us)
            if self.keep_outputs:
                nodes = (
                    outcome.nodes if isinstance(outcome, ev.NodesSkipped) else (outcome.ref.node,)
                )
                for node in nodes:
                    self.facts_of(node).carried = True

    def _on_cancelled(self, event: ev.NodesCancelled, at_us: int) -> None:
        for node in event.nodes:
            if self.keep_outputs:
                self.note_node_end(node, at_us)
            self.status[node] = _CANCELLED
            self.remaining -= 1

    def _on_ended(self, event: ev.ExecutionEnded) -> None:
        self.end = event
        self.debug = None
        self.waits = self.waits.given_up()
        self.fan_outs.clear()
        self.failure_counts.clear()
        self.undecided.clear()
        if not self.keep_outputs:
            self.outputs.clear()
            self.failures.clear()
