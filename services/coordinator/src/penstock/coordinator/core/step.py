"""The state machine of one execution.

Theory of operation
-------------------
An execution is the fold of its events (`penstock.workflow.execution.fold`). `step` takes that state
and one input (something arrived, or time passed) and decides: which events follow, and which
commands. It applies each event to the state the moment it is decided, so rules that run later in
the same step see it, and what is in memory is always the fold of what was written.

A step has two halves. First the input is *recorded*: a report becomes outcomes, a due timer becomes
a retry, a signal wakes a wait (`on_*.py`). Nothing that this makes possible is started yet, but for
a fan-out's next item. Then the turn is *settled*: a fan-out whose items are all done is joined
(`joining.py`); if a failure was left unhandled the execution ends; else every node whose parents
have all ended is queued or skipped, skips running down their branches (`readiness.py`); and if
nothing is left, the execution ends with its output (`ending.py`). Because all outcomes of a report
are recorded before anything is queued, a node that a worker went on to by itself is never handed
out as well.

A step is all or nothing: its events are written in one row, so recovery never sees half of one.
Events first, then commands: nothing a command does may be seen by anybody before the events of its
step are on disk.

Attempts are the unit of work and of fencing. An attempt is *current* while it is queued or running
under its number; a report counts only if its lease is current and was given to the reporter.
Losing a worker voids its attempts by raising the number. What a worker holds (`state.holders`) is
known to the coordinator alone and is not part of the fold: after a restart, workers say what they
still hold, `recover` voids the rest.

The one exception to "stale means refused": a report that is already on disk and is sent again,
because its acknowledgement was lost, is acknowledged again if the worker waits for permission to go
on (`continue_with`), for else that attempt would wait for ever.
"""

from typing import assert_never

from penstock.coordinator.core.answering import on_task_answer
from penstock.coordinator.core.children import on_child_ended, on_child_refused
from penstock.coordinator.core.debug_commands import DebugAsked
from penstock.coordinator.core.ending import end_cancelled, settle
from penstock.coordinator.core.handing_over import announce, on_hand_over
from penstock.coordinator.core.inputs import (
    AttemptRefused,
    AttemptsLost,
    AttemptStarted,
    CancelAsked,
    ChildEnded,
    ChildRefused,
    HandOver,
    Input,
    Intervention,
    OutputRefused,
    OutputStored,
    PauseAsked,
    Report,
    ResumeAsked,
    SignalArrived,
    Start,
    TaskAnswer,
    TimePassed,
)
from penstock.coordinator.core.intervening import on_intervention
from penstock.coordinator.core.joining import on_output_refused, on_output_stored
from penstock.coordinator.core.on_debug import begin_debugging, on_debug
from penstock.coordinator.core.on_lost import on_attempts_lost
from penstock.coordinator.core.on_refused import on_attempt_refused
from penstock.coordinator.core.on_report import on_attempt_started, on_report
from penstock.coordinator.core.on_row import take_row
from penstock.coordinator.core.on_signal import on_signal
from penstock.coordinator.core.on_time import on_time
from penstock.coordinator.core.pausing import on_pause, on_resume
from penstock.coordinator.core.recovery import recover
from penstock.coordinator.core.turn import Step, Turn
from penstock.workflow.execution.fold import ExecutionState

__all__ = ["Step", "next_wake_us", "recover", "step"]

_REFUSED_LATE = (Report, SignalArrived, Intervention, DebugAsked, TaskAnswer)
"""After the end their callers hear no, not the silence that others take for yes."""


def step(state: ExecutionState, happened: Input, now_us: int) -> Step:
    """Decide what one input means; `state` is moved on to the result.

    O(1) per outcome, plus O(edges) of the nodes that end. Inputs to an execution that has ended
    change nothing; those whose caller must know whether they counted are then refused.
    """
    if type(happened) is Report:
        quick = take_row(state, happened, now_us)
        if quick is not None:
            return quick
    if state.end is not None:
        return Turn(state, now_us).refuse() if isinstance(happened, _REFUSED_LATE) else Step()
    turn = Turn(state, now_us)
    match happened:
        case Report():
            on_report(turn, happened)
        case Start():
            if state.started is None:
                started = happened.event
                turn.emit(announce(started) if state.tables.has_once else started)
                for event in happened.then:
                    turn.emit(event)
                begin_debugging(turn)
        case TimePassed():
            on_time(turn)
        case AttemptStarted():
            on_attempt_started(turn, happened)
        case AttemptsLost():
            on_attempts_lost(turn, happened)
        case SignalArrived():
            on_signal(turn, happened)
        case CancelAsked():
            end_cancelled(turn, happened.reason, happened.code)
        case AttemptRefused():
            on_attempt_refused(turn, happened)
        case PauseAsked():
            on_pause(turn, happened)
        case ResumeAsked():
            on_resume(turn, happened)
        case Intervention():
            on_intervention(turn, happened)
        case DebugAsked():
            on_debug(turn, happened)
        case TaskAnswer():
            on_task_answer(turn, happened)
        case HandOver():
            on_hand_over(turn, happened)
        case OutputStored():
            on_output_stored(turn, happened.node, happened.output)
        case OutputRefused():
            on_output_refused(turn, happened.node, happened.failure)
        case ChildEnded():
            on_child_ended(turn, happened)
        case ChildRefused():
            on_child_refused(turn, happened)
        case _:
            assert_never(happened)
    settle(turn)
    return turn.close()


def next_wake_us(state: ExecutionState) -> int:
    """When `TimePassed` should come next: the earliest armed timer, 0 if there is none. During a
    pause only the execution's deadline counts."""
    if state.is_paused:
        return state.waits.deadline_us
    timer = state.waits.next_timer()
    return timer[0] if timer else 0
