"""What a report is worth after somebody laid hands on the execution.

A worker goes on to children by itself and knows nothing of what people did meanwhile: it may have
run a node that was skipped, or run it with the input it had before. Such an outcome does not count,
nor does anything after it: what is left open by that is handed out again. Nothing is lost but work:
effects are performed under leases only.
"""

from penstock.coordinator.core.inputs import Report
from penstock.workflow.execution.fold import ExecutionState
from penstock.workflow.execution.values import NodeStatus

_PENDING = int(NodeStatus.PENDING)


def trimmed(state: ExecutionState, report: Report) -> Report:
    """The report up to the first node that was touched by hand, one outcome at a time; during a
    pause it ends there too."""
    outcomes = report.all_outcomes()
    kept = outcomes[:1]
    for outcome in outcomes[1:]:
        if _is_touched(state, outcome.ref.node):
            break
        kept += (outcome,)
    follows = report.continue_with
    if follows is not None and (
        len(kept) < len(outcomes) or state.is_paused or _is_touched(state, follows.node)
    ):
        follows = None
    return Report(report.worker, report.lease, kept, follows)


def _is_touched(state: ExecutionState, node: int) -> bool:
    """True if somebody ended this node ahead or gave it another input."""
    touched = state.touched
    if touched is None or node >= state.tables.size:
        return False
    return state.status[node] != _PENDING or has_new_input(state, node)


def has_new_input(state: ExecutionState, node: int) -> bool:
    """True if somebody gave this node another input than its parents did."""
    touched = state.touched
    return touched is not None and node in touched.inputs
