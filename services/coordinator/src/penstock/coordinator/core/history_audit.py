"""What must hold of a history, whatever rules wrote it: the audit's second, independent opinion.

It reads events one after the other and knows the plan's parents, nothing of the fold: outcomes come
once (I2), nodes are let go after their parents have ended and once (I3), and nothing follows the
end (I5).
"""

from penstock.coordinator.core.audit import Fault
from penstock.workflow.execution import events as ev
from penstock.workflow.execution.naming import named
from penstock.workflow.plan import Plan


class HistoryAudit:
    """Takes one execution's events in order; `faults` is what was wrong with them."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._parents = [node.parents for node in plan.nodes]
        self._ended: set[int] = set()
        self._failed: set[int] = set()
        self._ended_items: set[tuple[int, int]] = set()
        self._queued: set[int] = set()
        self._attempts: dict[tuple[int, int], int] = {}
        self._over = False
        self.faults: list[Fault] = []

    def take(self, event: ev.Event) -> None:
        """Look at the next event; O(edges of the nodes that it is about)."""
        if self._over:
            self._blame("I5", f"{type(event).__name__} follows the end")
        match event:
            case ev.NodesQueued(nodes=nodes):
                for node in nodes:
                    self._on_queued(node)
            case ev.NodeCompleted(ref=ref):
                self._end(ref.node, ref.item)
            case ev.NodeFailed(ref=ref, retry_us=0):
                self._on_failed_for_good(ref.node, ref.item)
            case ev.NodeRetried(ref=ref):
                self._on_attempt(ref.node, ref.item, ref.attempt)
            case ev.AttemptLost(ref=ref):
                self._on_attempt(ref.node, ref.item, ref.attempt + 1)
            case ev.NodesSkipped(nodes=nodes) | ev.NodesCancelled(nodes=nodes):
                for node in nodes:
                    self._end(node, 0)
            case ev.OutcomesCarried(outcomes=outcomes):
                for outcome in outcomes:
                    self.take(outcome)
            case ev.ExecutionEnded():
                self._over = True
            case _:
                pass

    def _on_queued(self, node: int) -> None:
        if node in self._queued:
            self._blame("I3", f"{self._name(node)} was let go twice")
        self._queued.add(node)
        early = [parent for parent in self._parents[node] if parent not in self._ended]
        if early:
            self._blame("I3", f"{self._name(node)} was let go before {self._name(early[0])} ended")

    def _on_failed_for_good(self, node: int, item: int) -> None:
        if not item and self._plan.nodes[node].on_error == "skip":
            return  # NodesSkipped follows.
        self._end(node, item)

    def _on_attempt(self, node: int, item: int, attempt: int) -> None:
        before = self._attempts.get((node, item), 1)
        if attempt <= before:
            self._blame("I2", f"{self._name(node)} went from attempt {before} to {attempt}")
        self._attempts[(node, item)] = attempt

    def _end(self, node: int, item: int) -> None:
        if item:
            if (node, item) in self._ended_items or node in self._ended:
                self._blame("I2", f"{named(self._plan.nodes[node].id, item)} has two outcomes")
            self._ended_items.add((node, item))
            return
        if node in self._ended:
            self._blame("I2", f"{self._name(node)} has two outcomes")
        self._ended.add(node)

    def _name(self, node: int) -> str:
        return f"node {self._plan.nodes[node].id}"

    def _blame(self, invariant: str, message: str) -> None:
        self.faults.append(Fault(invariant, message))
