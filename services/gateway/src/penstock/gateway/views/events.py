"""Journal events to public events: one for one, under the same sequence number. Pure.

Theory. The journal numbers what happened to an execution 1, 2, 3 ... without gap or repeat.
Watchers get exactly one public event per journal event, with its number, so that the number is also
the resume token: whoever has seen `n` asks for what comes after `n`, over whatever transport, and
misses nothing. An event that concerns several nodes at once (queued, skipped, cancelled) stays one
event; its `nodes` list them all. A watcher that keeps a picture of the execution applies `nodes` of
every event, whatever its `type`; `type` says what kind of news it is:

* EXECUTION_STARTED, EXECUTION_COMPLETED: the first and the last event (the end may be good or bad:
  see `status`).
* NODE_STATE_CHANGED: nodes moved on.
* DATA_AVAILABLE: a value is there although no node's status changed: an item of a fan-out finished,
  a signal came.
* ERROR_OCCURRED: an attempt failed or was lost; the node's new status (WAITING for the retry,
  FAILED, QUEUED) is in `nodes`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Raw

from penstock.api.journal.v1 import journal_pb2 as journal
from penstock.gateway.shapes.executions import EventMessage, EventType, NodeChange, PublicEvent
from penstock.gateway.views.executions import (
    EXECUTION_STATUS,
    SKIP_REASON,
    failure,
    instant,
    instant_or_none,
    item_of,
    log_lines,
    payload_json,
)
from penstock.workflow.execution.join import join_object

Names = Sequence[str]
"""Node ids in plan order."""

_OUTPUT_NODE = "$output"


def node_name(index: int, names: Names) -> str:
    """Id of the node with this plan index. The hidden last node may be missing in `names`."""
    return names[index] if index < len(names) else _OUTPUT_NODE


def _change(ref: journal.NodeRef, names: Names, status: str, **facts: Any) -> NodeChange:
    attempt = facts.pop("attempt", ref.attempt)
    return NodeChange(node_name(ref.node, names), status, item_of(ref.item), attempt, **facts)


def _changes(
    nodes: Sequence[int], names: Names, status: str, **facts: Any
) -> tuple[NodeChange, ...]:
    return tuple(NodeChange(node_name(index, names), status, **facts) for index in nodes)


def _started(event: journal.ExecutionStarted, names: Names) -> PublicEvent:
    return PublicEvent(
        "EXECUTION_STARTED",
        "execution_started",
        status="RUNNING",
        workflow=event.workflow,
        version=event.version,
        definition_hash=event.definition_hash,
        params=payload_json(event.params),
        trigger=payload_json(event.trigger),
        tags=tuple(event.tags),
    )


def _queued(event: journal.NodesQueued, names: Names) -> PublicEvent:
    nodes = _changes(event.nodes, names, "QUEUED", attempt=1)
    return PublicEvent("NODE_STATE_CHANGED", "nodes_queued", nodes)


def _running(event: journal.NodeRunning, names: Names) -> PublicEvent:
    change = _change(
        event.ref,
        names,
        "RUNNING",
        worker=event.worker,
        started_at=instant_or_none(event.started_unix_us),
    )
    return PublicEvent("NODE_STATE_CHANGED", "node_running", (change,))


def _completed(event: journal.NodeCompleted, names: Names) -> PublicEvent:
    change = _change(
        event.ref,
        names,
        "COMPLETED",
        output=payload_json(event.output),
        chosen=tuple(event.chosen) if event.routed else None,
        started_at=instant_or_none(event.started_unix_us),
        finished_at=instant_or_none(event.finished_unix_us),
        worker=event.worker,
        logs=log_lines(event.logs),
    )
    is_item = event.ref.item > 0
    news: EventType = "DATA_AVAILABLE" if is_item else "NODE_STATE_CHANGED"
    return PublicEvent(news, "node_completed", (change,))


def _failed(event: journal.NodeFailed, names: Names) -> PublicEvent:
    change = _change(
        event.ref,
        names,
        "WAITING" if event.retry_unix_us else "FAILED",
        failure=failure(event.failure),
        wake_at=instant_or_none(event.retry_unix_us),
        started_at=instant_or_none(event.started_unix_us),
        finished_at=instant_or_none(event.finished_unix_us),
        worker=event.worker,
        logs=log_lines(event.logs),
    )
    return PublicEvent("ERROR_OCCURRED", "node_failed", (change,), failure=change.failure)


def _retried(event: journal.NodeRetried, names: Names) -> PublicEvent:
    change = _change(event.ref, names, "QUEUED")
    return PublicEvent("NODE_STATE_CHANGED", "node_retried", (change,))


def _skipped(event: journal.NodesSkipped, names: Names) -> PublicEvent:
    nodes = _changes(event.nodes, names, "SKIPPED", reason=SKIP_REASON[event.reason])
    return PublicEvent("NODE_STATE_CHANGED", "nodes_skipped", nodes)


def _waiting(event: journal.NodeWaiting, names: Names) -> PublicEvent:
    change = _change(
        event.ref,
        names,
        "WAITING",
        wake_at=instant_or_none(event.until_unix_us),
        signal=event.signal,
        task=event.task.title if event.HasField("task") else "",
        child_id=event.child.execution_id,
    )
    return PublicEvent("NODE_STATE_CHANGED", "node_waiting", (change,))


def _items(event: journal.NodeFannedOut) -> Raw:
    if event.HasField("items") and not event.items_json:
        return payload_json(event.items)
    return Raw(b"[" + b",".join(event.items_json) + b"]")


def _fanned_out(event: journal.NodeFannedOut, names: Names) -> PublicEvent:
    change = _change(event.ref, names, "RUNNING", items_total=event.count, items=_items(event))
    return PublicEvent("NODE_STATE_CHANGED", "node_fanned_out", (change,))


def _lost(event: journal.AttemptLost, names: Names) -> PublicEvent:
    change = _change(event.ref, names, "QUEUED", attempt=event.ref.attempt + 1)
    return PublicEvent("ERROR_OCCURRED", "attempt_lost", (change,), reason=event.cause)


def _signal(event: journal.SignalReceived, names: Names) -> PublicEvent:
    return PublicEvent(
        "DATA_AVAILABLE",
        "signal_received",
        signal=event.name,
        signal_id=event.signal_id,
        payload=payload_json(event.payload),
    )


def _cancel(event: journal.CancelRequested, names: Names) -> PublicEvent:
    return PublicEvent("NODE_STATE_CHANGED", "cancel_requested", reason=event.reason)


def _due(event: journal.StartDue, names: Names) -> PublicEvent:
    return PublicEvent("NODE_STATE_CHANGED", "start_due")


def _failure_taken(event: journal.FailureTaken, names: Names) -> PublicEvent:
    return PublicEvent(
        "ERROR_OCCURRED",
        "failure_taken",
        failure=failure(event.failure),
        failed_node=node_name(event.node, names),
    )


def _cancelled(event: journal.NodesCancelled, names: Names) -> PublicEvent:
    nodes = _changes(event.nodes, names, "CANCELLED")
    return PublicEvent("NODE_STATE_CHANGED", "nodes_cancelled", nodes)


def _ended(event: journal.ExecutionEnded, names: Names) -> PublicEvent:
    return PublicEvent(
        "EXECUTION_COMPLETED",
        "execution_ended",
        status=EXECUTION_STATUS[event.status],
        output=payload_json(event.output) if event.HasField("output") else None,
        failure=failure(event.failure) if event.HasField("failure") else None,
        failed_node=node_name(event.node_plus_one - 1, names) if event.node_plus_one else "",
    )


def _held(event: journal.NodeHeld, names: Names) -> PublicEvent:
    after = event.place == journal.BREAKPOINT_PLACE_AFTER
    change = _change(event.ref, names, "WAITING" if after else "QUEUED")
    reason = event.breakpoint or "stepping"
    return PublicEvent("NODE_STATE_CHANGED", "node_held", (change,), reason=reason)


def _released(event: journal.NodeReleased, names: Names) -> PublicEvent:
    change = _change(event.ref, names, "QUEUED")
    return PublicEvent("NODE_STATE_CHANGED", "node_released", (change,))


def _debugger(kind: str) -> Callable[[Any, Names], PublicEvent]:
    """News of the debugger that change no node."""
    return lambda event, names: PublicEvent("NODE_STATE_CHANGED", kind)


def _carried(event: journal.OutcomesCarried, names: Names) -> PublicEvent:
    changes = [
        change
        for outcome in event.outcomes
        for change in _MAKERS[outcome.WhichOneof("kind") or ""](
            getattr(outcome, outcome.WhichOneof("kind") or ""), names
        ).nodes
    ]
    return PublicEvent("NODE_STATE_CHANGED", "outcomes_carried", tuple(changes))


def _paused(event: journal.ExecutionPaused, names: Names) -> PublicEvent:
    return PublicEvent(
        "NODE_STATE_CHANGED",
        "execution_paused",
        status="PAUSED",
        by=event.by,
        reason=event.reason,
    )


def _resumed(event: journal.ExecutionResumed, names: Names) -> PublicEvent:
    return PublicEvent(
        "NODE_STATE_CHANGED",
        "execution_resumed",
        status="RUNNING",
        by=event.by,
        reason=event.reason,
    )


def _intervened(event: journal.NodeIntervened, names: Names) -> PublicEvent:
    """What it led to follows in events of their own; this one tells who did what to which node."""
    return PublicEvent(
        "NODE_STATE_CHANGED",
        "node_intervened",
        node=node_name(event.ref.node, names),
        item=item_of(event.ref.item),
        operation=journal.Intervention.Name(event.operation).removeprefix("INTERVENTION_").lower(),
        input=payload_json(event.input) if event.HasField("input") else None,
        by=event.by,
        reason=event.reason,
    )


def _task_answered(event: journal.TaskAnswered, names: Names) -> PublicEvent:
    return PublicEvent(
        "DATA_AVAILABLE",
        "task_answered",
        node=node_name(event.ref.node, names),
        item=item_of(event.ref.item),
        decision=event.decision,
        payload=payload_json(event.data),
        by=event.by,
        reason=event.comment,
    )


def _handed_over(event: journal.AttemptsHandedOver, names: Names) -> PublicEvent:
    """For the effect ledger; to watchers the nodes are queued as before."""
    nodes = tuple(_change(ref, names, "QUEUED", worker=event.worker) for ref in event.refs)
    return PublicEvent("NODE_STATE_CHANGED", "attempts_handed_over", nodes)


def _vars_changed(event: journal.VarsChanged, names: Names) -> PublicEvent:
    columns = zip(event.change.names, event.change.values_json, strict=True)
    values = {name: value for name, value in columns if value}
    return PublicEvent(
        "DATA_AVAILABLE",
        "vars_changed",
        node=node_name(event.ref.node, names),
        item=item_of(event.ref.item),
        vars=Raw(join_object(list(values), list(values.values()))),
        deleted=tuple(name for name in event.change.names if name not in values),
    )


_MAKERS: Mapping[str, Callable[[Any, Names], PublicEvent]] = {
    "execution_started": _started,
    "nodes_queued": _queued,
    "node_running": _running,
    "node_completed": _completed,
    "node_failed": _failed,
    "node_retried": _retried,
    "nodes_skipped": _skipped,
    "node_waiting": _waiting,
    "node_fanned_out": _fanned_out,
    "attempt_lost": _lost,
    "signal_received": _signal,
    "cancel_requested": _cancel,
    "start_due": _due,
    "failure_taken": _failure_taken,
    "nodes_cancelled": _cancelled,
    "execution_ended": _ended,
    "outcomes_carried": _carried,
    "node_held": _held,
    "node_released": _released,
    "debug_attached": _debugger("debug_attached"),
    "debug_detached": _debugger("debug_detached"),
    "breakpoints_set": _debugger("breakpoints_set"),
    "breakpoints_cleared": _debugger("breakpoints_cleared"),
    "debug_pace_set": _debugger("debug_pace_set"),
    "breakpoint_passed": _debugger("breakpoint_passed"),
    "output_edited": _debugger("output_edited"),
    "execution_paused": _paused,
    "execution_resumed": _resumed,
    "node_intervened": _intervened,
    "task_answered": _task_answered,
    "attempts_handed_over": _handed_over,
    "vars_changed": _vars_changed,
}


def public_event(event: journal.Event, names: Names) -> PublicEvent:
    """The public form of one journal event; one of a kind that this version does not know says no
    more than that something happened, but keeps its number.
    """
    kind = event.WhichOneof("kind")
    if kind is None or kind not in _MAKERS:
        return PublicEvent("NODE_STATE_CHANGED", kind or "unknown")
    return _MAKERS[kind](getattr(event, kind), names)


def public_events(
    batch: journal.EventBatch, names: Names, after_seq: int = 0
) -> Iterator[EventMessage]:
    """The messages of a batch in order, those up to `after_seq` left out."""
    at = instant(batch.at_unix_us)
    for offset, event in enumerate(batch.events):
        seq = batch.first_seq + offset
        if seq > after_seq:
            yield EventMessage(seq, batch.execution_id, at, public_event(event, names))


def is_last(message: EventMessage) -> bool:
    """True if no event can follow."""
    return message.event.type == "EXECUTION_COMPLETED"
