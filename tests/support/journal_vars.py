"""The judge's view of execution variables: who changes them, when, and how much."""

from collections.abc import Callable, Container

from penstock.workflow.execution import events as ev
from penstock.workflow.execution.values import NodeRef
from penstock.workflow.execution.variables import VarsChanged
from penstock.workflow.plan import Plan

BYTES_MAX = 256 * 1024
COUNT_MAX = 1_000


class VarsJudge:
    """A change comes right before the good outcome that it belongs to, or, if that was taken over
    from a past execution, in the row of the start; only nodes that use variables make one."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.values: dict[str, bytes] = {}
        self.awaited: NodeRef | None = None
        self.may_carry = True

    def take(
        self, event: ev.Event, completed: Container[int], blame: Callable[[str], None]
    ) -> None:
        ref, self.awaited = self.awaited, None
        if ref is not None:
            ends = event.outcome if isinstance(event, ev.NodeHeld) else event
            if not isinstance(ends, ev.NodeCompleted) or ends.ref != ref:
                blame(f"{ref} changed variables, then came {type(event).__name__}")
        if isinstance(event, VarsChanged):
            self._on_changed(event, completed, blame)
        elif not isinstance(event, ev.ExecutionStarted | ev.OutcomesCarried):
            self.may_carry = False

    def total(self, name: str) -> int:
        """The value of a variable that counts, 0 as long as nobody has."""
        return int(self.values.get(name, b"0"))

    def _on_changed(
        self, event: VarsChanged, completed: Container[int], blame: Callable[[str], None]
    ) -> None:
        change = event.change
        if not self.plan.nodes[event.ref.node].uses_vars:
            blame(f"node {event.ref.node} changed variables and does not use them")
        if not change.names or len(set(change.names)) != len(change.names):
            blame("a change of nothing, or of one variable twice")
        if not self.may_carry:
            self.awaited = event.ref
        elif event.ref.node not in completed:
            blame(f"a change of node {event.ref.node} was taken over, its outcome was not")
        for name, value in zip(change.names, change.values_json, strict=True):
            self.values.pop(name, None)
            if value:
                self.values[name] = value
        size = sum(len(name) + len(value) for name, value in self.values.items())
        if size > BYTES_MAX or len(self.values) > COUNT_MAX:
            blame(f"{len(self.values)} variables with {size} bytes")
