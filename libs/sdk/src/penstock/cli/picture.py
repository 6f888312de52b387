"""What a watcher knows about an execution: the snapshot, with every later event applied. Pure.

The gateway sends each change of a node in an event's `nodes`; a change with `item` is about one
item of a fan-out and moves the node's counters only.
"""

from dataclasses import dataclass, field
from typing import Any

from penstock.cli.texts import seconds_between
from penstock.sdk.models import (
    TERMINAL,
    EventMessage,
    Execution,
    Failure,
    LogLine,
    NodeChange,
    NodeState,
    SnapshotMessage,
    WatchMessage,
)

LOG_LINES_MAX = 200
"""Log lines kept per node: as many as the server keeps in a snapshot."""

NODE_ENDS = frozenset({"COMPLETED", "FAILED", "SKIPPED", "CANCELLED"})


@dataclass(slots=True)
class NodePicture:
    """One node as it stands. `repeats` counts retries and lost attempts, of items too."""

    id: str
    uses: str = ""
    needs: tuple[str, ...] = ()
    status: str = "PENDING"
    attempt: int = 0
    queued_at: str | None = None
    started_at: str | None = None
    finished_at: str | None = None
    wake_at: str | None = None
    waiting_for: str = ""
    reason: str = ""
    failure: Failure | None = None
    items_total: int = 0
    items_done: int = 0
    items_failed: int = 0
    items_waiting: set[int] = field(default_factory=set)
    repeats: int = 0
    logs: list[LogLine] = field(default_factory=list)

    @property
    def ended(self) -> bool:
        """True if the node will not change any more."""
        return self.status in NODE_ENDS

    def apply(self, change: NodeChange, kind: str, at: str) -> None:
        """Take in one change."""
        if change.logs:
            self.logs.extend(change.logs)
            del self.logs[:-LOG_LINES_MAX]
        if kind in ("node_retried", "attempt_lost"):
            self.repeats += 1
        if change.failure is not None:
            self.failure = change.failure
        if change.item is not None:
            self._apply_item(change, change.item)
            return
        self._apply_status(change, at)

    def _apply_item(self, change: NodeChange, item: int) -> None:
        if change.status == "WAITING":
            self.items_waiting.add(item)
            self.wake_at = change.wake_at
            return
        self.items_waiting.discard(item)
        if change.status in ("COMPLETED", "FAILED"):
            self.items_done += 1
        if change.status == "FAILED":
            self.items_failed += 1

    def _apply_status(self, change: NodeChange, at: str) -> None:
        self.status = change.status
        self.attempt = change.attempt or self.attempt
        self.reason = change.reason
        self.wake_at = change.wake_at
        self.items_total = change.items_total or self.items_total
        self.started_at = change.started_at or self.started_at
        if change.status == "QUEUED":
            self.queued_at = at
        if change.status == "RUNNING" or (change.status == "WAITING" and change.failure is None):
            self.started_at = self.started_at or at
        if change.status == "COMPLETED":
            self.failure = None
        if self.ended:
            self.finished_at = change.finished_at or at
            self.items_waiting.clear()
        self.waiting_for = _wait_text(change) if change.status == "WAITING" else ""


def _wait_text(change: NodeChange) -> str:
    """One sentence, as the server's in a snapshot."""
    if change.failure is not None:
        then = f" at {change.wake_at}" if change.wake_at else ""
        return f"Tries again{then} after {change.failure.reason}: {change.failure.message}"
    until = f" until {change.wake_at}" if change.wake_at else ""
    if change.child_id:
        return f"Waits for execution {change.child_id}."
    if change.task:
        return f"Waits for a person{until}: {change.task}"
    if change.signal:
        return f"Waits for the signal {change.signal!r}{until}."
    return f"Sleeps{until}."


@dataclass(slots=True)
class ExecutionPicture:
    """An execution as it stands, nodes in plan order."""

    id: str
    workflow: str = ""
    version: int = 0
    status: str = "RUNNING"
    started_at: str | None = None
    finished_at: str | None = None
    not_before: str | None = None
    output: Any = None
    failure: Failure | None = None
    failed_node: str = ""
    seq: int = 0
    nodes: dict[str, NodePicture] = field(default_factory=dict)

    @property
    def began_at(self) -> str | None:
        """When it began or is to begin: its start, unless that was put off."""
        started, put_off = self.started_at, self.not_before
        if seconds_between(started, put_off):
            return put_off
        return started

    @property
    def ended(self) -> bool:
        """True if nothing happens any more."""
        return self.status in TERMINAL

    def apply(self, message: WatchMessage) -> None:
        """Take in one message of the watch."""
        self.seq = message.seq
        match message:
            case SnapshotMessage(execution=execution):
                self._replace(execution)
            case EventMessage():
                self._apply_event(message)

    def _replace(self, execution: Execution) -> None:
        self.workflow, self.version = execution.workflow, execution.version
        self.status, self.output = execution.status, execution.output
        self.started_at, self.finished_at = execution.started_at, execution.finished_at
        self.not_before = execution.not_before
        self.failure, self.failed_node = execution.failure, execution.failed_node or ""
        self.nodes = {state.id: _node_picture(state) for state in execution.nodes}

    def _apply_event(self, message: EventMessage) -> None:
        event = message.event
        for change in event.nodes:
            node = self.nodes.setdefault(change.id, NodePicture(change.id))
            node.apply(change, event.kind, message.at)
        if event.kind in ("execution_paused", "execution_resumed"):
            self.status = event.status
        if event.type == "EXECUTION_COMPLETED":
            self.status, self.output = event.status, event.output
            self.failure, self.failed_node = event.failure, event.failed_node
            self.finished_at = message.at


def _node_picture(state: NodeState) -> NodePicture:
    return NodePicture(
        id=state.id,
        uses=state.uses,
        needs=state.needs,
        status=state.status,
        attempt=state.attempt,
        started_at=state.started_at,
        finished_at=state.finished_at,
        waiting_for=state.waiting_for,
        failure=state.failure,
        items_total=state.items_total,
        items_done=state.items_done,
        items_failed=state.items_failed,
        logs=list(state.logs),
    )
