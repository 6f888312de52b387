"""Whether a report counts: pure questions, asked before anything is recorded."""

from penstock.coordinator.core.failing import may_retry
from penstock.coordinator.core.inputs import (
    Completed,
    ConditionFalse,
    Failed,
    FannedOut,
    Outcome,
    Report,
)
from penstock.workflow.execution.fold import ExecutionState
from penstock.workflow.execution.tables import Steps
from penstock.workflow.execution.values import NodeRef, NodeStatus

_PENDING = int(NodeStatus.PENDING)
_NO_STATUS = 0


def holds(state: ExecutionState, ref: NodeRef, worker: str) -> bool:
    """True if the attempt is current and nobody but this worker has it."""
    return state.is_current(ref) and state.holders.get(state.key(ref), worker) == worker


def is_repeated(state: ExecutionState, report: Report) -> bool:
    """True if a report whose lease is over is the very one that ended it, and its worker waits for
    leave to go on with an attempt that is its own.

    It is its own since the report was taken, or, after a restart, since it said that it has it. One
    that nobody has waits for any worker: then the leave was refused the first time.
    """
    ref = report.continue_with
    if ref is None or not report.count or not state.is_current(ref):
        return False
    if state.holders.get(state.key(ref)) != report.worker:
        return False
    first = report.all_outcomes()[0]
    lease = first.ref
    if lease != report.lease or lease.item or state.attempts[lease.node] != lease.attempt:
        return False
    status = state.status[lease.node]
    match first.kind:
        case Completed():
            return status == NodeStatus.COMPLETED
        case ConditionFalse():
            return status == NodeStatus.SKIPPED and lease.node not in state.failures
        case Failed(failure=failure):
            return state.failures.get(lease.node) == failure
        case _:
            return False


def fits(state: ExecutionState, report: Report) -> str:
    """What is wrong with a report of several outcomes, as a clause; empty if it holds together.

    The leased attempt comes first. Each further outcome, and `continue_with`, must be the first
    attempt of a node that the outcomes before it made ready. O(edges) of the nodes reported.
    """
    outcomes = report.all_outcomes()
    if not outcomes or outcomes[0].ref != report.lease:
        return "it does not begin with the leased attempt"
    after = _Afterwards(state)
    for outcome in outcomes:
        ref = outcome.ref
        if not suits(state, outcome):
            return f"node {ref.node} ended as nodes of its kind do not"
        if ref != report.lease:
            if not after.is_ready(ref):
                return f"node {ref.node} was not ready"
            if isinstance(outcome.kind, FannedOut):
                return f"node {ref.node} fanned out within a segment"
            gathers = state.tables.nodes[ref.node].collects
            if gathers and not isinstance(outcome.kind, Completed):
                return f"node {ref.node} only gathers, so it can do nothing but complete"
        elif outcome is not outcomes[0]:
            return "it holds two outcomes of the leased attempt"
        after.take(outcome)
    return _flaw_of_going_on(state, after, report.continue_with)


def suits(state: ExecutionState, outcome: Outcome) -> bool:
    """False if an outcome is not of its node's kind: only a for-each fans out, and it does nothing
    else when it goes well."""
    kind, ref = type(outcome.kind), outcome.ref
    if ref.item or ref.node >= state.tables.size or kind not in (Completed, FannedOut):
        return kind is not FannedOut
    return (kind is FannedOut) == (state.tables.nodes[ref.node].for_each is not None)


def _flaw_of_going_on(state: ExecutionState, after: "_Afterwards", ref: NodeRef | None) -> str:
    if ref is None:
        return ""
    if not after.is_ready(ref):
        return f"node {ref.node} is not ready to go on with"
    if state.tables.nodes[ref.node].collects:
        return f"node {ref.node} only gathers, which the coordinator does"
    return ""


class _Afterwards:
    """What would be ready if some outcomes were recorded."""

    __slots__ = ("left", "reported", "state", "taken")

    def __init__(self, state: ExecutionState) -> None:
        self.state = state
        self.left: dict[int, int] = {}
        self.taken: set[int] = set()
        self.reported: set[int] = set()

    def is_ready(self, ref: NodeRef) -> bool:
        state = self.state
        node = ref.node
        if ref.item or ref.attempt != 1 or node >= state.tables.size or node in self.reported:
            return False
        return (
            state.status[node] == _PENDING
            and self.left.get(node, state.pending[node]) == 0
            and (node in self.taken or state.taken[node] == 1)
        )

    def take(self, outcome: Outcome) -> None:
        node = outcome.ref.node
        self.reported.add(node)
        if outcome.ref.item:
            return
        pending, left = self.state.pending, self.left
        for child, taken in _steps_after(self.state, outcome):
            left[child] = left.get(child, pending[child]) - 1
            if taken:
                self.taken.add(child)


def _steps_after(state: ExecutionState, outcome: Outcome) -> Steps:
    """The edges that an outcome decides; none if its node goes on."""
    kind, node, tables = outcome.kind, outcome.ref.node, state.tables
    if type(kind) is Completed:
        if not kind.routed:
            return tables.after_completed[node]
        return tables.after(node, NodeStatus.COMPLETED, kind.chosen, True)
    status = _status_after(state, outcome)
    return () if status == _NO_STATUS else tables.after(node, status, (), False)


def _status_after(state: ExecutionState, outcome: Outcome) -> int:
    """The terminal status that an outcome other than good gives its node; 0 if the node goes on."""
    match outcome.kind:
        case ConditionFalse():
            return NodeStatus.SKIPPED
        case Failed(failure=failure):
            if may_retry(state, outcome.ref, failure):
                return _NO_STATUS
            skips = state.tables.nodes[outcome.ref.node].on_error == "skip"
            return NodeStatus.SKIPPED if skips else NodeStatus.FAILED
        case _:
            return _NO_STATUS
