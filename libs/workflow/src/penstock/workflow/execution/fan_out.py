"""State of one fan-out while its items run. Part of the fold."""

from penstock.workflow.execution.events import NodeFannedOut
from penstock.workflow.execution.values import NodeStatus, Payload

ITEMS_OPEN_MAX = 4_096
"""Items of one fan-out that are queued or running at once when the file sets no `max_parallel`:
bounds the queues, and is far above what keeps a pool busy."""

_PENDING = int(NodeStatus.PENDING)
_QUEUED = int(NodeStatus.QUEUED)


class FanOut:
    """Items 1..count of a for-each node. Each operation is O(1).

    `opened` is how many items were ever let go: items leave PENDING in order, so that at most
    `window` are open. `inputs` loses an item's value, `attempts` its number, when the item ends;
    `parts` are the outputs for the join.
    """

    __slots__ = (
        "attempts",
        "count",
        "done",
        "failed",
        "inputs",
        "items",
        "opened",
        "part_bytes",
        "parts",
        "refs",
        "status",
        "window",
    )

    def __init__(self, event: NodeFannedOut, max_parallel: int) -> None:
        self.count = event.count
        self.window = max_parallel or ITEMS_OPEN_MAX
        self.inputs: list[bytes | None] = list(event.items_json)
        self.items = event.items
        self.status = bytearray([_PENDING]) * event.count
        self.attempts: dict[int, int] = {}
        self.parts: list[Payload | None] = [None] * event.count
        self.part_bytes = 0
        self.refs = 0
        self.done = 0
        self.failed = 0
        self.opened = 0
        self._open()

    def _open(self) -> None:
        opened = min(self.count, self.done + self.window)
        for item in range(self.opened, opened):
            self.status[item] = _QUEUED
        self.opened = opened

    def attempt(self, item: int) -> int:
        """Current attempt of an item (from 1)."""
        return self.attempts.get(item, 1)

    def status_of(self, item: int) -> int:
        """Status of an item (from 1)."""
        return self.status[item - 1]

    def set_status(self, item: int, status: int) -> None:
        """Move an item (from 1) to a status that is not terminal."""
        self.status[item - 1] = status

    def end(self, item: int, status: NodeStatus, part: Payload) -> None:
        """An item ended with the value that takes its place in the join; lets the next one go."""
        at = item - 1
        self.status[at] = status
        self.parts[at] = part
        self.part_bytes += (part.size if part.digest else len(part.json)) + 1
        self.refs += 1 if part.digest else 0
        self.done += 1
        self.failed += 1 if status == NodeStatus.FAILED else 0
        if self.inputs:
            self.inputs[at] = None
        if self.attempts:
            self.attempts.pop(item, None)
        self._open()

    def joined_parts(self) -> tuple[Payload, ...]:
        """All values in the order of the items; only once every item is done."""
        return tuple(part for part in self.parts if part is not None)
