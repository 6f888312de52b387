"""Turning points in the fold: the beginning, at once or later, and a failure that is taken."""

from penstock.workflow.execution.events import ExecutionStarted, FailureTaken
from penstock.workflow.execution.state import StateData
from penstock.workflow.execution.tables import US_PER_S
from penstock.workflow.execution.waits import BEGINNING, Waits


def begin(state: StateData, event: ExecutionStarted, at_us: int) -> None:
    """Let the first nodes go, or arm the timer that will; arm the deadline, which counts from
    then."""
    begin_us = at_us
    options = event.options
    if options is not None and options.not_before_us > at_us:
        begin_us = options.not_before_us
        state.waits.wake_at(BEGINNING, begin_us)
    else:
        _let_roots_go(state)
    if options is not None and options.deadline_us:
        state.waits.arm_execution_deadline(options.deadline_us)
    elif state.plan.deadline_s > 0:
        state.waits.arm_execution_deadline(begin_us + round(state.plan.deadline_s * US_PER_S))


def end_delay(state: StateData) -> None:
    """The time that the start was put off to has come."""
    state.waits.drop(BEGINNING)
    _let_roots_go(state)


def take_failure(state: StateData, event: FailureTaken) -> None:
    """Nothing is waited for any more but the execution's deadline and the failure node."""
    deadline_us = state.waits.deadline_us
    state.waits = Waits()
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
