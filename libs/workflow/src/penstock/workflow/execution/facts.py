"""What only readers want to know of nodes: times, workers, logs. Kept beside the fold when asked
for."""

from penstock.workflow.execution.events import NodeCompleted, NodeFailed, NodeRunning, NodeWaiting
from penstock.workflow.execution.fan_out import FanOut
from penstock.workflow.execution.values import LogLine

LOG_LINES_MAX = 200
"""Lines of one node that a reader is shown: the latest; the journal has them all."""


class NodeFacts:
    """Facts of one node for people; of a fan-out, its items' logs and the counts as they were at
    its end."""

    __slots__ = (
        "carried",
        "child_id",
        "finished_us",
        "items_done",
        "items_failed",
        "items_total",
        "logs",
        "started_us",
        "worker",
    )

    def __init__(self) -> None:
        self.started_us = 0
        self.finished_us = 0
        self.carried = False
        self.worker = ""
        self.logs: list[LogLine] = []
        self.items_total = 0
        self.items_done = 0
        self.items_failed = 0
        self.child_id = ""

    def note_running(self, event: NodeRunning) -> None:
        """An attempt began."""
        if event.ref.item:
            self.started_us = self.started_us or event.started_us
        else:
            self.started_us, self.finished_us = event.started_us, 0
        self.worker = event.worker

    def note_waiting(self, event: NodeWaiting, at_us: int) -> None:
        """An attempt went to sleep; that it sleeps counts as its work."""
        self.started_us = self.started_us or at_us
        if event.child is not None and not event.ref.item:
            self.child_id = event.child.execution_id

    def note_outcome(self, event: NodeCompleted | NodeFailed) -> None:
        """An attempt of the node or of an item ended."""
        if event.logs:
            self.logs.extend(event.logs)
            del self.logs[:-LOG_LINES_MAX]
        self.worker = event.worker or self.worker
        if event.ref.item:
            self.started_us = self.started_us or event.started_us
        elif event.started_us:
            self.started_us, self.finished_us = event.started_us, event.finished_us

    def note_end(self, at_us: int) -> None:
        """The node ended; `at_us` serves when no worker told the time."""
        self.started_us = self.started_us or at_us
        self.finished_us = self.finished_us or at_us

    def note_items(self, fan_out: FanOut) -> None:
        """Counts of a fan-out, before it is dropped."""
        self.items_total = fan_out.count
        self.items_done = fan_out.done
        self.items_failed = fan_out.failed
