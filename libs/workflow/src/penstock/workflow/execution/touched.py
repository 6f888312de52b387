"""What people have done to an execution, as far as it still matters. Part of the fold; an execution
that nobody touched has none.

While an execution is paused, attempts that are queued are *held*: nobody has them, and nobody gets
them before the pause is over.
"""

from penstock.workflow.execution.hand_events import (
    ExecutionPaused,
    ExecutionResumed,
    NodeIntervened,
)
from penstock.workflow.execution.said import Said
from penstock.workflow.execution.values import Payload


class Touched:
    """By key: `held`, the attempts that wait for the end of a pause; `inputs`, what a node's
    attempts get in place of its parents' outputs; `excused`, how many attempts ended neither by
    failure nor by loss. `interventions`, `pauses` and `resumes` are known by their ids;
    `changes` counts all that was done."""

    __slots__ = (
        "changes",
        "excused",
        "held",
        "inputs",
        "interventions",
        "paused",
        "paused_us",
        "pauses",
        "resumes",
    )

    def __init__(self) -> None:
        self.changes = 0
        self.paused: ExecutionPaused | None = None
        self.paused_us = 0
        self.held: set[int] = set()
        self.inputs: dict[int, Payload] = {}
        self.excused: dict[int, int] = {}
        self.interventions = Said()
        self.pauses = Said()
        self.resumes = Said()

    def pause(self, event: ExecutionPaused, at_us: int, size: int) -> None:
        """A pause began, unless there is one; `size` is the plan's number of nodes."""
        self.changes += 1
        self.pauses.note(event.request_id)
        if self.paused is not None:
            return
        self.paused = event
        self.paused_us = at_us
        self.held = {ref.item * size + ref.node for ref in event.held}

    def resume(self, event: ExecutionResumed) -> None:
        """The pause is over, if there was one."""
        self.changes += 1
        self.resumes.note(event.request_id)
        self.paused = None
        self.held.clear()

    def holds(self, key: int) -> bool:
        """True if a pause keeps the attempt under this key from everybody."""
        return self.paused is not None and key in self.held

    def note(self, event: NodeIntervened, key: int, spent: int) -> None:
        """Somebody intervened in the node or item under `key`; `spent` attempts count no more."""
        self.changes += 1
        self.interventions.note(event.intervention_id)
        if event.input is not None:
            self.inputs[key] = event.input
        if spent:
            self.excused[key] = self.excused.get(key, 0) + spent
