"""Turning points in the fold: the beginning, at once or later, and a failure that is taken."""

from penstock.workflow.execution.events import ExecutionStarted, FailureTaken, StartDue
from penstock.workflow.execution.state import StateData
from penstock.workflow.execution.tables import US_PER_S
from penstock.workflow.execution.variables import Variables, VarsChanged
from penstock.workflow.execution.waits import BEGINNING


def begin(state: StateData, event: ExecutionStarted, at_us: int) -> None:
    """Let the first nodes go, or arm the timer that will; arm the deadline, which counts from
    then. Variables have their first values."""
    begin_us = at_us
    options = event.options
    given = options.vars_json if options is not None else b""
    if given or state.plan.uses_vars:
        state.variables = Variables(state.plan, given)
    if options is not None and options.not_before_us > at_us:
        begin_us = options.not_before_us
        state.waits.wake_at(BEGINNING, begin_us)
    else:
        _let_roots_go(state)
    if options is not None and options.deadline_us:
        state.waits.arm_execution_deadline(options.deadline_us)
    elif state.plan.deadline_s > 0:
        state.waits.arm_execution_deadline(begin_us + round(state.plan.deadline_s * US_PER_S))


def take_turn(state: StateData, event: StartDue | FailureTaken | VarsChanged) -> None:
    """Take one of the turning points, or a change of variables, into the state."""
    match event:
        case StartDue():
            _end_delay(state)
        case FailureTaken():
            _take_failure(state, event)
        case VarsChanged():
            if state.variables is not None:
                state.variables.apply(event.change)


def _end_delay(state: StateData) -> None:
    """The time that the start was put off to has come."""
    state.waits.drop(BEGINNING)
    _let_roots_go(state)


def _take_failure(state: StateData, event: FailureTaken) -> None:
    """Nothing is waited for any more but the execution's deadline and the failure node."""
    deadline_us = state.waits.deadline_us
    state.waits = state.waits.given_up()
    if deadline_us:
        state.waits.arm_execution_deadline(deadline_us)
    state.fan_outs.clear()
    state.failure_counts.clear()
    state.undecided.clear()
    state.failing = event


def _let_roots_go(state: StateData) -> None:
    for node in state.tables.roots:
        state.taken[node] = 1
        state.undecided.append(node)
