"""The judge's view of when an execution begins, and of a failure that is taken before the end."""

from collections.abc import Callable
from dataclasses import dataclass

from penstock.workflow.execution import events as ev
from penstock.workflow.execution.values import ExecutionStatus, NodeStatus
from penstock.workflow.plan import Plan

Blame = Callable[[str], None]


@dataclass
class CourseJudge:
    """Delays of starts, and failure nodes. `due` once nodes may begin."""

    plan: Plan
    not_before_us: int = 0
    due: bool = True
    has_deadline: bool = False
    taken: ev.FailureTaken | None = None

    @property
    def failure_node(self) -> int:
        """The node that runs only when the execution fails, -1 if there is none."""
        wanted = self.plan.on_failure
        return self.plan.index_of(wanted.node) if wanted is not None and wanted.node else -1

    def on_started(self, event: ev.ExecutionStarted, at_us: int) -> None:
        options = event.options
        self.has_deadline = options is not None and options.deadline_us > 0
        if options is not None and options.not_before_us > at_us:
            self.not_before_us, self.due = options.not_before_us, False

    def take(
        self,
        event: ev.StartDue | ev.FailureTaken,
        at_us: int,
        status: dict[int, NodeStatus],
        blame: Blame,
    ) -> None:
        if isinstance(event, ev.StartDue):
            self.on_due(at_us, blame)
        else:
            self.on_taken(event, status, blame)

    def on_timed_out(self, blame: Blame) -> None:
        if not (self.plan.deadline_s or self.has_deadline):
            blame("timed out without a deadline")

    def on_due(self, at_us: int, blame: Blame) -> None:
        if self.due:
            blame("a delay that there was not is over")
        if at_us < self.not_before_us:
            blame(f"it began {self.not_before_us - at_us} us early (I9)")
        self.due = True

    def on_taken(self, event: ev.FailureTaken, status: dict[int, NodeStatus], blame: Blame) -> None:
        handler = self.failure_node
        if handler < 0 or self.taken is not None:
            blame("a failure was taken without a failure node, or twice")
        left = [one.index for one in self.plan.nodes if one.index not in status]
        if left != [handler]:
            blame(f"a failure was taken while {left} had not ended")
        if status.get(event.node) != NodeStatus.FAILED:
            blame(f"the failure of node {event.node} was taken, which did not fail")
        self.taken = event

    def may_begin(self, node: int, blame: Blame) -> None:
        """A node was queued or reported for the first time."""
        if not self.due:
            blame(f"node {node} began before the time that the start was put off to (I9)")
        if (node == self.failure_node) != (self.taken is not None):
            blame(f"node {node} began, and the failure taken is {self.taken}")

    def on_ended(self, event: ev.ExecutionEnded, blame: Blame) -> None:
        if self.taken is None:
            return
        if event.status == ExecutionStatus.COMPLETED:
            blame("it completed though a failure was taken")
        if event.status == ExecutionStatus.FAILED and (event.node, event.failure) != (
            self.taken.node,
            self.taken.failure,
        ):
            blame("it failed by another failure than the one that was taken")
