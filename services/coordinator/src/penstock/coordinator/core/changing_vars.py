"""Attempts that change execution variables: whether they may, and what is written.

Order of effects: the change is written right before the outcome, in its row; values are shown to
workers only after that (`ShowVars`). Asked only of executions that have variables.
"""

import msgspec

from penstock.coordinator.core.inputs import Completed, Failed, Outcome, Report
from penstock.coordinator.core.turn import Turn
from penstock.workflow.execution.fold import ExecutionState
from penstock.workflow.execution.values import Failure
from penstock.workflow.execution.variables import Variables, VarsChange, VarsChanged
from penstock.workflow.variables import VALUE_BYTES_MAX, VARS_BYTES_MAX, VARS_MAX, is_name

_TOO_LARGE = "VARIABLES_TOO_LARGE"


def within_limits(state: ExecutionState, report: Report) -> Report:
    """The report up to the first attempt whose change is too much, which fails for good."""
    variables = state.variables
    if variables is None:
        return report
    for place, outcome in enumerate(report.outcomes):
        change = outcome.vars
        reason, message = _flaw(variables, change) if change is not None else ("", "")
        if reason:
            kind = Failed(Failure("permanent", reason, message))
            failed = msgspec.structs.replace(outcome, kind=kind, vars=None)
            kept = (*report.outcomes[:place], failed)
            return Report(report.worker, report.lease, kept, None, report.row)
    return report


def change_vars(turn: Turn, outcome: Outcome) -> None:
    """Write what an attempt that ended well changed."""
    variables, change = turn.state.variables, outcome.vars
    if variables is None or change is None or type(outcome.kind) is not Completed:
        return
    turn.emit(VarsChanged(outcome.ref, change))
    turn.shows_vars = True


def _flaw(variables: Variables, change: VarsChange) -> tuple[str, str]:
    """Why a change cannot be taken in: a reason and a sentence; both empty if it can."""
    for name, value in zip(change.names, change.values_json, strict=True):
        if not is_name(name):
            return "VARIABLE_NAME", f"{name[:80]!r} is not a name of a variable."
        if len(value) > VALUE_BYTES_MAX:
            told = f"The value of variable {name} has {len(value)} bytes"
            return _TOO_LARGE, f"{told}; {VALUE_BYTES_MAX} is the limit."
    count, size = variables.after(change)
    if count > VARS_MAX and count > len(variables.values):
        return _TOO_LARGE, f"There would be {count} variables; {VARS_MAX} is the limit."
    if size > VARS_BYTES_MAX and size > variables.size:
        told = f"The variables would have {size} bytes together"
        return _TOO_LARGE, f"{told}; {VARS_BYTES_MAX} is the limit."
    return "", ""
