"""The journal's rows: events of `penstock.workflow.execution` as protobuf bytes and back.

This is the hottest code after the core. What is most frequent is written by hand (`splice_codec`);
the rest fills messages in place (see `value_codec`) and leaves out fields that have their default.
"""

from collections.abc import Iterable, Sequence

from penstock.api.journal.v1 import journal_pb2 as journal
from penstock.common.rare_codec import UnknownEvent, read_rare, write_rare
from penstock.common.splice_codec import SPLICED, varint
from penstock.common.value_codec import (
    failure_from_proto,
    logs_from_proto,
    payload_from_proto,
    ref_from_proto,
    write_failure,
    write_logs,
    write_payload,
    write_ref,
)
from penstock.common.wait_codec import waiting_from_proto, write_waiting
from penstock.workflow.execution import events as ev
from penstock.workflow.execution.debug_events import Place
from penstock.workflow.execution.events import NodeHeld
from penstock.workflow.execution.values import NodeRef, SkipReason

Batch = tuple[str, int, int, tuple[ev.Event, ...]]
"""Execution id, sequence of the first event, when it was decided (us), the events."""


_EXECUTION_ID, _FIRST_SEQ, _AT, _EVENT = b"\x0a", b"\x10", b"\x18", b"\x22"
"""Tags of a batch: number and wire type of its fields, as in `journal.proto`."""


def encode_batch(
    execution_id: str, first_seq: int, at_us: int, events: Sequence[ev.Event]
) -> bytes:
    """One journal row: consecutive events of one execution."""
    name = execution_id.encode()
    numbers = _FIRST_SEQ + varint(first_seq) + _AT + varint(at_us)
    parts = [_EXECUTION_ID, varint(len(name)), name, numbers]
    for at, event in enumerate(events):
        write = SPLICED.get(type(event))
        body = write(event) if write is not None else b""
        if not body:
            parts.append(_events_alone(events[at:]))
            break
        parts += (_EVENT, varint(len(body)), body)
    return b"".join(parts)


def _events_alone(events: Iterable[ev.Event]) -> bytes:
    """Events to put behind a batch that is written already."""
    rest = journal.EventBatch()
    for event in events:
        _write_event(rest.events.add(), event)
    return rest.SerializeToString()


def decode_batch(body: bytes) -> Batch:
    """What a journal row holds. Raises UnknownEvent, or protobuf's DecodeError for damaged
    bytes."""
    return batch_from_proto(journal.EventBatch.FromString(body))


def batch_from_proto(batch: journal.EventBatch) -> Batch:
    """What a journal row's message holds. Raises UnknownEvent."""
    events: list[ev.Event] = []
    for event in batch.events:
        if event.HasField("nodes_completed"):
            row = event.nodes_completed
            events.extend(row_from_proto(row, row.worker, tuple(row.queued)).apart())
        else:
            events.append(_read_event(event))
    return batch.execution_id, batch.first_seq, batch.at_unix_us, tuple(events)


def apart(batch: journal.EventBatch) -> journal.EventBatch:
    """The batch as readers know it: one event per sequence. The same object if it is so already."""
    if not any(event.HasField("nodes_completed") for event in batch.events):
        return batch
    result = journal.EventBatch(
        execution_id=batch.execution_id, first_seq=batch.first_seq, at_unix_us=batch.at_unix_us
    )
    for event in batch.events:
        if event.HasField("nodes_completed"):
            row = event.nodes_completed
            for one in row_from_proto(row, row.worker, tuple(row.queued)).apart():
                _write_event(result.events.add(), one)
        else:
            result.events.append(event)
    return result


def _write_event(message: journal.Event, event: ev.Event) -> None:
    match event:
        case ev.NodeCompleted():
            _write_completed(message.node_completed, event)
        case ev.NodesCompleted():
            _write_row(message.nodes_completed, event)
        case ev.NodesQueued():
            message.nodes_queued.nodes.extend(event.nodes)
        case ev.NodeRunning():
            running = message.node_running
            write_ref(running.ref, event.ref)
            running.worker = event.worker
            running.started_unix_us = event.started_us
        case ev.NodeFailed():
            _write_failed(message.node_failed, event)
        case ev.NodeRetried():
            write_ref(message.node_retried.ref, event.ref)
        case ev.NodesSkipped():
            message.nodes_skipped.nodes.extend(event.nodes)
            message.nodes_skipped.reason = event.reason  # type: ignore[assignment]
        case ev.NodeWaiting():
            write_waiting(message.node_waiting, event)
        case ev.NodeFannedOut():
            fanned = message.node_fanned_out
            write_ref(fanned.ref, event.ref)
            fanned.count = event.count
            fanned.items_json.extend(event.items_json)
            write_payload(fanned.items, event.items)
        case ev.AttemptLost():
            write_ref(message.attempt_lost.ref, event.ref)
            message.attempt_lost.cause = event.cause
        case ev.OutcomesCarried():
            message.outcomes_carried.SetInParent()
            for outcome in event.outcomes:
                _write_event(message.outcomes_carried.outcomes.add(), outcome)
        case NodeHeld():
            _write_held(message.node_held, event)
        case _:
            write_rare(message, event)


def _write_completed(completed: journal.NodeCompleted, event: ev.NodeCompleted) -> None:
    ref = event.ref
    target = completed.ref
    target.node = ref.node
    target.attempt = ref.attempt
    if ref.item:
        target.item = ref.item
    output = event.output
    if output.digest:
        write_payload(completed.output, output)
    else:
        completed.output.json = output.json
    if event.routed:
        completed.routed = True
        completed.chosen.extend(event.chosen)
    if event.started_us:
        completed.started_unix_us = event.started_us
    completed.finished_unix_us = event.finished_us
    if event.worker:
        completed.worker = event.worker
    if event.logs:
        write_logs(completed.logs, event.logs)


def _write_row(row: journal.NodesCompleted, event: ev.NodesCompleted) -> None:
    row.nodes.extend(event.nodes)
    row.outputs_json.extend(event.outputs_json)
    row.durations_us.extend(event.durations_us)
    row.started_unix_us = event.started_us
    row.attempt = event.attempt
    row.worker = event.worker
    if event.queued:
        row.queued.extend(event.queued)


def row_from_report(row: journal.NodesCompleted, worker: str) -> ev.NodesCompleted:
    """Good outcomes in a row as their worker says them. Raises ValueError as `row_from_proto`."""
    wire = b"" if row.worker or row.queued else row.SerializeToString()
    return row_from_proto(row, worker, (), wire)


def row_from_proto(
    row: journal.NodesCompleted, worker: str, queued: tuple[int, ...] = (), wire: bytes = b""
) -> ev.NodesCompleted:
    """Good outcomes in a row, of this worker and with this consequence. Raises ValueError if the
    columns differ in length or are empty."""
    nodes, outputs = tuple(row.nodes[:]), tuple(row.outputs_json[:])
    durations = tuple(row.durations_us[:])
    if not nodes or not len(nodes) == len(outputs) == len(durations):
        raise ValueError(f"a row of {len(nodes)}, {len(outputs)} and {len(durations)} values")
    started_us, attempt = row.started_unix_us, row.attempt
    return ev.NodesCompleted(nodes, outputs, durations, started_us, attempt, worker, queued, wire)


def _write_failed(failed: journal.NodeFailed, event: ev.NodeFailed) -> None:
    write_ref(failed.ref, event.ref)
    write_failure(failed.failure, event.failure)
    failed.retry_unix_us = event.retry_us
    failed.started_unix_us = event.started_us
    failed.finished_unix_us = event.finished_us
    failed.worker = event.worker
    write_logs(failed.logs, event.logs)


def _read_event(message: journal.Event) -> ev.Event:
    kind = message.WhichOneof("kind")
    match kind:
        case "node_completed":
            return _read_completed(message.node_completed)
        case "nodes_queued":
            return ev.NodesQueued(tuple(message.nodes_queued.nodes))
        case "node_running":
            running = message.node_running
            return ev.NodeRunning(
                ref_from_proto(running.ref), running.worker, running.started_unix_us
            )
        case "node_failed":
            return _read_failed(message.node_failed)
        case "node_retried":
            return ev.NodeRetried(ref_from_proto(message.node_retried.ref))
        case "nodes_skipped":
            skipped = message.nodes_skipped
            return ev.NodesSkipped(tuple(skipped.nodes), SkipReason(skipped.reason))
        case "node_waiting":
            return waiting_from_proto(message.node_waiting)
        case "node_fanned_out":
            return _read_fanned_out(message.node_fanned_out)
        case "attempt_lost":
            return ev.AttemptLost(
                ref_from_proto(message.attempt_lost.ref), message.attempt_lost.cause
            )
        case "node_held":
            return _read_held(message.node_held)
        case "outcomes_carried":
            return _read_carried(message.outcomes_carried)
        case _:
            return read_rare(message, kind)


def _write_held(held: journal.NodeHeld, event: NodeHeld) -> None:
    write_ref(held.ref, event.ref)
    held.breakpoint = event.breakpoint
    held.note = event.note
    held.place = int(Place.BEFORE if event.outcome is None else Place.AFTER)  # type: ignore[assignment]
    if event.outcome is not None:
        _write_completed(held.outcome, event.outcome)


def _read_held(m: journal.NodeHeld) -> NodeHeld:
    outcome = _read_completed(m.outcome) if m.HasField("outcome") else None
    return NodeHeld(ref_from_proto(m.ref), m.breakpoint, outcome, m.note)


def _read_carried(m: journal.OutcomesCarried) -> ev.OutcomesCarried:
    outcomes: list[ev.CarriedOutcome] = []
    for message in m.outcomes:
        outcome = _read_event(message)
        if not isinstance(outcome, ev.CarriedOutcome):
            raise UnknownEvent(f"a {type(outcome).__name__} cannot be carried over")
        outcomes.append(outcome)
    return ev.OutcomesCarried(tuple(outcomes))


def _read_completed(m: journal.NodeCompleted) -> ev.NodeCompleted:
    ref = m.ref
    return ev.NodeCompleted(
        NodeRef(ref.node, ref.item, ref.attempt),
        payload_from_proto(m.output),
        tuple(m.chosen) if m.routed else (),
        m.routed,
        m.started_unix_us,
        m.finished_unix_us,
        m.worker,
        logs_from_proto(m.logs) if m.logs else (),
    )


def _read_failed(m: journal.NodeFailed) -> ev.NodeFailed:
    return ev.NodeFailed(
        ref_from_proto(m.ref),
        failure_from_proto(m.failure),
        m.retry_unix_us,
        m.started_unix_us,
        m.finished_unix_us,
        m.worker,
        logs_from_proto(m.logs),
    )


def _read_fanned_out(m: journal.NodeFannedOut) -> ev.NodeFannedOut:
    items = payload_from_proto(m.items)
    return ev.NodeFannedOut(ref_from_proto(m.ref), m.count, tuple(m.items_json), items)
