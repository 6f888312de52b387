"""A turn's events of one execution as a journal record with its projection row."""

from collections.abc import Sequence

from penstock.api.state.v1.state_service_pb2 import JournalRecord, Projection, ShardWrite
from penstock.common.journal_codec import encode_batch
from penstock.coordinator.shell.dues import add_child
from penstock.coordinator.shell.live import Live
from penstock.coordinator.shell.starts.found_by import terms_of
from penstock.workflow.execution.events import Event, count_sequences
from penstock.workflow.execution.fold import ExecutionState
from penstock.workflow.execution.state import progress
from penstock.workflow.execution.values import ExecutionStatus
from penstock.workflow.plan import Plan

_RUNNING = int(ExecutionStatus.RUNNING)

RECORD_BYTES_MAX = 40 * 1024 * 1024
"""With what else an append holds it stays below the largest message there is."""

Body = tuple[int, bytes]
"""Sequence of the first event, the events encoded."""


class RecordTooLarge(Exception):
    """What was decided in one step cannot be sent. The core bounds every step, so this is a fault;
    sent all the same, it would keep everything behind it from ever being written."""


def body_of(live: Live, events: Sequence[Event], now_us: int) -> Body:
    """The body of the record of `events`, which are the last of the state's history. Raises
    `RecordTooLarge`."""
    first_seq = live.state.seq - count_sequences(events) + 1
    body = encode_batch(live.id, first_seq, now_us, events)
    if len(body) > RECORD_BYTES_MAX:
        raise RecordTooLarge(f"a record of {len(body)} bytes; {RECORD_BYTES_MAX} are possible")
    return first_seq, body


def add_record(write: ShardWrite, live: Live, made: Body, now_us: int, wake_us: int) -> int:
    """Append a record; returns the size of its body."""
    state = live.state
    first_seq, body = made
    record: JournalRecord = write.records.add()
    record.execution_id = live.id
    record.tenant = live.tenant
    record.first_seq = first_seq
    record.last_seq = state.seq
    record.body = body
    row = record.projection
    if first_seq == 1:
        _add_beginning(row, live.plan, state)
        if state.parent is not None:
            add_child(write, live)
    tables = state.tables
    if tables.hidden < 0:
        row.nodes_total = tables.size
        row.nodes_done = tables.size - state.remaining
    else:
        row.nodes_done, row.nodes_total = progress(state)
    if wake_us:
        row.wake_unix_us = wake_us
    end = state.end
    if end is None:
        row.status = _RUNNING  # type: ignore[assignment]
    else:
        row.status = int(end.status)  # type: ignore[assignment]
        row.finished_unix_us = now_us
        if end.failure is not None:
            row.failure_reason = end.failure.reason
            if end.node >= 0:
                row.failed_node = live.plan.nodes[end.node].id
    return len(body)


def _add_beginning(row: Projection, plan: Plan, state: ExecutionState) -> None:
    """What never changes is written with the first record only."""
    started = state.started
    if started is None:
        return
    row.workflow = started.workflow
    row.version = started.version
    row.definition_hash = started.definition_hash
    row.tags.extend(started.tags)
    row.started_unix_us = state.started_us
    if plan.searched or started.options is not None:
        row.terms.extend(terms_of(plan, started))
