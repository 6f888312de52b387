"""The execution as lines of text, for logs and pipes: one line per change worth telling."""

from collections.abc import Iterator

from penstock.cli.picture import ExecutionPicture, NodePicture
from penstock.cli.texts import duration_text, seconds_between
from penstock.sdk.models import NodeChange, SnapshotMessage, WatchMessage

_PROGRESS_STEPS = 10
_HIDDEN = "$"


def lines_of(message: WatchMessage, picture: ExecutionPicture) -> Iterator[str]:
    """What a message tells; `picture` has it applied already."""
    if isinstance(message, SnapshotMessage):
        yield f"{picture.workflow} v{picture.version} {picture.id} {picture.status}"
        return
    shown = [change for change in message.event.nodes if not change.id.startswith(_HIDDEN)]
    if len(shown) > 1:
        names = ", ".join(change.id for change in shown)
        yield f"{message.at[11:23]}  {shown[0].status.lower()}: {names}"
        shown = []
    for change in shown:
        node = picture.nodes[change.id]
        text = _item_text(change, node) if change.item is not None else _node_text(change, node)
        if text:
            yield f"{message.at[11:23]}  {change.id}: {text}"
    if message.event.type == "EXECUTION_COMPLETED":
        yield f"{message.at[11:23]}  {picture.status}{_took(picture)}"


def _took(what: NodePicture | ExecutionPicture) -> str:
    text = duration_text(seconds_between(what.started_at, what.finished_at))
    return f" in {text}" if text else ""


def _node_text(change: NodeChange, node: NodePicture) -> str:
    match change.status:
        case "COMPLETED":
            return f"completed{_took(node)}"
        case "WAITING":
            return f"waits for {node.waiting_for}"
        case "FAILED" if change.failure:
            return f"failed: {change.failure.reason}: {change.failure.message}"
        case "SKIPPED":
            return f"skipped ({change.reason.lower().replace('_', ' ')})"
        case "RUNNING" if change.items_total:
            return f"fans out to {change.items_total} items"
        case "QUEUED":
            return f"queued, attempt {change.attempt}" if change.attempt > 1 else "queued"
        case _:
            return change.status.lower()


def _item_text(change: NodeChange, node: NodePicture) -> str:
    number = (change.item or 0) + 1
    if change.failure and change.status in ("FAILED", "WAITING"):
        then = "failed" if change.status == "FAILED" else "will be tried again"
        reason = f"{change.failure.reason}: {change.failure.message}"
        return f"item {number} of {node.items_total} {then}: {reason}"
    step = max(1, node.items_total // _PROGRESS_STEPS)
    due = node.items_done % step == 0 or node.items_done == node.items_total
    if change.status == "COMPLETED" and due:
        return f"{node.items_done} of {node.items_total} items done"
    return ""
