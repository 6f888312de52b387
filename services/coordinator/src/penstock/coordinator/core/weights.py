"""About how many bytes decided events and notices take once they are written.

A turn stops taking inputs when what it has decided is as large as one append should be, so this is
asked for every step: the usual events are looked at in place, all others by their type. Only what
users can make large counts; the rest of an event is a few dozen bytes.
"""

from collections.abc import Callable, Iterable
from typing import Any

from penstock.coordinator.core.notices import ChildEnd, ChildStart, Notice, ReportStart
from penstock.workflow.execution.debug_events import BreakpointPassed, OutputEdited
from penstock.workflow.execution.events import (
    Event,
    ExecutionEnded,
    ExecutionStarted,
    FailureTaken,
    NodeCompleted,
    NodeFailed,
    NodeFannedOut,
    NodeHeld,
    NodesCompleted,
    NodesQueued,
    NodeWaiting,
    OutcomesCarried,
    SignalReceived,
)
from penstock.workflow.execution.hand_events import NodeIntervened, TaskAnswered
from penstock.workflow.execution.values import Failure, LogLine
from penstock.workflow.execution.variables import VarsChanged


def weight_of(events: Iterable[Event]) -> int:
    """What users put into these events, in bytes."""
    size = 0
    for event in events:
        if type(event) is NodesCompleted:
            size += len(event.wire) or sum(map(len, event.outputs_json))
        elif type(event) is NodeCompleted:
            size += len(event.output.json)
            if event.logs:
                size += _logs(event.logs)
        elif type(event) is NodesQueued:
            pass
        elif (weigh := _WEIGHTS.get(type(event))) is not None:
            size += weigh(event)
    return size


def weight_of_notices(notices: Iterable[Notice]) -> int:
    """The same of what is owed to other executions."""
    size = 0
    for notice in notices:
        match notice:
            case ChildStart(params=params):
                size += len(params.json)
            case ChildEnd(output=output, failure=failure):
                size += len(output.json) + _failure(failure)
            case ReportStart(report=report):
                size += len(report)
            case _:
                pass
    return size


def _text(text: str) -> int:
    """Bytes of a text; O(1) for plain English."""
    return len(text) if text.isascii() else len(text.encode(errors="replace"))


def _logs(lines: Iterable[LogLine]) -> int:
    return sum(_text(line.message) for line in lines)


def _failure(failure: Failure | None) -> int:
    return _text(failure.message) + len(failure.details_json) if failure is not None else 0


def _failed(event: NodeFailed) -> int:
    return _failure(event.failure) + _logs(event.logs)


def _waiting(event: NodeWaiting) -> int:
    task = event.task
    if task is None:
        return len(event.output.json)
    asked = _text(task.description) + len(task.form_json) + sum(map(_text, task.assignees))
    return len(event.output.json) + asked + len(task.data.json)


def _held(event: NodeHeld) -> int:
    outcome = event.outcome
    return _text(event.note) + (weight_of((outcome,)) if outcome is not None else 0)


def _started(event: ExecutionStarted) -> int:
    options = event.options
    given = len(options.vars_json) if options is not None else 0
    return len(event.params.json) + len(event.trigger.json) + given


def _ended(event: ExecutionEnded) -> int:
    failure = event.failure
    return len(event.output.json) + (_failure(failure) if failure is not None else 0)


def _intervened(event: NodeIntervened) -> int:
    return _text(event.reason) + (len(event.input.json) if event.input is not None else 0)


_WEIGHTS: dict[type, Callable[[Any], int]] = {
    NodeFailed: _failed,
    NodeWaiting: _waiting,
    NodeHeld: _held,
    ExecutionStarted: _started,
    ExecutionEnded: _ended,
    NodeIntervened: _intervened,
    FailureTaken: lambda event: _failure(event.failure),
    BreakpointPassed: lambda event: len(event.breakpoint),
    NodeFannedOut: lambda event: sum(map(len, event.items_json)),
    SignalReceived: lambda event: len(event.payload.json),
    OutcomesCarried: lambda event: weight_of(event.outcomes),
    OutputEdited: lambda event: len(event.output.json),
    TaskAnswered: lambda event: len(event.data.json) + _text(event.comment),
    VarsChanged: lambda event: sum(map(len, event.change.values_json)),
}
