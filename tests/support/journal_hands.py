"""The part of the independent judge that knows what people may do by hand."""

from collections.abc import Callable
from dataclasses import dataclass, field

from penstock.workflow.execution.hand_events import (
    ExecutionPaused,
    ExecutionResumed,
    NodeIntervened,
)
from penstock.workflow.execution.values import NodeRef, Operation

Key = tuple[int, int]
"""Node and item."""


@dataclass
class HandJudge:
    """`pending` are interventions whose consequence has to follow; until then the usual rules of
    the node do not hold."""

    paused: bool = False
    held: set[NodeRef] = field(default_factory=set)
    pending: dict[Key, Operation] = field(default_factory=dict)
    ids: set[str] = field(default_factory=set)

    def on_pause(
        self, event: ExecutionPaused | ExecutionResumed, blame: Callable[[str], None]
    ) -> None:
        """A pause began or ended; one that changed nothing is written only to be known again."""
        begins = isinstance(event, ExecutionPaused)
        said = f"{type(event).__name__} {event.request_id}"
        if event.request_id and said in self.ids:
            blame(f"{said} was done twice")
        self.ids.add(said)
        if begins == self.paused:
            if not event.request_id:
                blame("paused twice" if begins else "resumed without a pause")
            return
        self.paused = begins
        self.held = set(event.held) if isinstance(event, ExecutionPaused) else set()

    def on_lost(self, ref: NodeRef, blame: Callable[[str], None]) -> None:
        """An attempt was lost: somebody had it, so it was not held by a pause."""
        if ref in self.held:
            blame(f"{ref} was lost though a pause kept it from everybody")
        if self.paused:
            self.held.add(NodeRef(ref.node, ref.item, ref.attempt + 1))

    def take(self, event: NodeIntervened, begun: bool, blame: Callable[[str], None]) -> bool:
        """An intervention; True if something must follow from it."""
        said = event.intervention_id
        if said and said in self.ids:
            blame(f"intervention {said} was done twice")
        self.ids.add(said)
        if event.operation == Operation.EDIT and not begun:
            return False
        self.pending[(event.ref.node, event.ref.item)] = event.operation
        return True

    def leads_to(self, key: Key, *operations: Operation) -> bool:
        """True, once, if an intervention of such a kind leads to what happens now."""
        if self.pending.get(key) not in operations:
            return False
        del self.pending[key]
        return True
