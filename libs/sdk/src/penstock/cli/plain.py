"""The execution as lines of text, for logs and pipes: one line per change worth telling."""

from collections.abc import Iterator

from penstock.cli.logs import log_text
from penstock.cli.picture import ExecutionPicture, NodePicture
from penstock.cli.texts import duration_text, seconds_between
from penstock.sdk.models import (
    EventMessage,
    LogLine,
    NodeChange,
    SnapshotMessage,
    WatchMessage,
)

_PROGRESS_STEPS = 10
_HIDDEN = "$"


class LineTeller:
    """Turns messages into lines. `picture` has each message applied before it is told.

    A later snapshot, after a connection was lost for long, tells only what changed meanwhile.
    """

    def __init__(self, picture: ExecutionPicture) -> None:
        self._picture = picture
        self._told: dict[str, str] = {}
        self._last_logs: dict[str, LogLine] = {}
        self._begun = False

    def lines(self, message: WatchMessage) -> Iterator[str]:
        """What a message tells."""
        if isinstance(message, SnapshotMessage):
            yield from self._snapshot_lines()
        else:
            for line in self._event_lines(message):
                yield f"{message.at[11:23]}  {line}"

    def _snapshot_lines(self) -> Iterator[str]:
        picture = self._picture
        if not self._begun:
            yield f"{picture.workflow} v{picture.version} {picture.id}"
        self._begun = True
        for node in picture.nodes.values():
            for line in self._new_logs(node):
                yield f"{line.at[11:23]}  {log_text(node.id, line)}"
            news = node.status != self._told.get(node.id, "PENDING")
            if news and not node.id.startswith(_HIDDEN):
                yield f"{node.id}: {_state_text(node)}"
            self._told[node.id] = node.status
        if picture.ended:
            yield f"{picture.status}{_took(picture)}"

    def _new_logs(self, node: NodePicture) -> list[LogLine]:
        """Log lines of a snapshot after the last one told: both keep the journal's order."""
        last = self._last_logs.get(node.id)
        told = next((i for i in range(len(node.logs), 0, -1) if node.logs[i - 1] == last), 0)
        if node.logs:
            self._last_logs[node.id] = node.logs[-1]
        return node.logs[told:]

    def _event_lines(self, message: EventMessage) -> Iterator[str]:
        changes = [c for c in message.event.nodes if not c.id.startswith(_HIDDEN)]
        for change in changes:
            if change.item is None:
                self._told[change.id] = change.status
            for line in change.logs:
                self._last_logs[change.id] = line
                yield log_text(change.id, line)
        if len(changes) > 1:
            yield f"{changes[0].status.lower()}: {', '.join(change.id for change in changes)}"
        else:
            for change in changes:
                if text := _change_text(change, self._picture.nodes[change.id]):
                    yield f"{change.id}: {text}"
        if message.event.type == "EXECUTION_COMPLETED":
            yield f"{self._picture.status}{_took(self._picture)}"


def _took(what: NodePicture | ExecutionPicture) -> str:
    text = duration_text(seconds_between(what.started_at, what.finished_at))
    return f" in {text}" if text else ""


def _clause(sentence: str) -> str:
    """A sentence as the rest of a line that has begun."""
    return sentence[:1].lower() + sentence[1:].removesuffix(".")


def _state_text(node: NodePicture) -> str:
    match node.status:
        case "COMPLETED":
            return f"completed{_took(node)}"
        case "WAITING":
            return _clause(node.waiting_for) or "waits"
        case "FAILED" if node.failure:
            return f"failed: {node.failure.reason}: {node.failure.message}"
        case "SKIPPED" if node.reason:
            return f"skipped ({node.reason.lower().replace('_', ' ')})"
        case "RUNNING" if node.items_total:
            return f"{node.items_done} of {node.items_total} items done"
        case _:
            return node.status.lower()


def _change_text(change: NodeChange, node: NodePicture) -> str:
    if change.item is not None:
        return _item_text(change, change.item, node)
    if change.items_total:
        return f"fans out to {change.items_total} items"
    if change.status == "QUEUED" and change.attempt > 1:
        return f"queued, attempt {change.attempt}"
    return _state_text(node)


def _item_text(change: NodeChange, item: int, node: NodePicture) -> str:
    if change.failure and change.status in ("FAILED", "WAITING"):
        then = "failed" if change.status == "FAILED" else "will be tried again"
        reason = f"{change.failure.reason}: {change.failure.message}"
        return f"item {item} (of {node.items_total}, from 0) {then}: {reason}"
    step = max(1, node.items_total // _PROGRESS_STEPS)
    due = node.items_done % step == 0 or node.items_done == node.items_total
    if change.status == "COMPLETED" and due:
        return f"{node.items_done} of {node.items_total} items done"
    return ""
