"""What a debugger asks for: attach, breakpoints, step, continue, edit, detach.

Order of effects: a command is written before it is answered, and before anything it lets go is
handed out. A command that comes again under its id changes nothing, until somebody detaches. What
is refused changes nothing either; `flaw` says why.
"""

from typing import assert_never

from penstock.coordinator.core.debug_commands import (
    BREAKPOINTS_MAX,
    Attach,
    ClearBreakpoints,
    Continue,
    DebugAsked,
    Detach,
    EditOutput,
    RunTo,
    SetBreakpoints,
    Step,
    Stop,
)
from penstock.coordinator.core.turn import Turn
from penstock.workflow.breakpoints import FILE_PREFIX, from_file
from penstock.workflow.execution.debug_events import (
    Breakpoint,
    BreakpointsCleared,
    BreakpointsSet,
    DebugAttached,
    DebugDetached,
    DebugPaceSet,
    NodeReleased,
    OutputEdited,
)
from penstock.workflow.execution.fold import ExecutionState
from penstock.workflow.execution.naming import named_first
from penstock.workflow.execution.values import NodeRef, NodeStatus

RUN_TO = "run-to:"
"""Ids of breakpoints that `RunTo` sets begin with this."""


def begin_debugging(turn: Turn) -> None:
    """At the start: attach if the start or the file asks for it. It is held before its first nodes
    if the start asks, or if the file does and brings no breakpoints."""
    state = turn.state
    started = state.started
    asked = started is not None and started.options is not None and started.options.debug
    if asked or state.plan.mode == "debug":
        points = from_file(state.plan)
        turn.emit(DebugAttached("start", stepping=asked or not points, breakpoints=points))


def on_debug(turn: Turn, asked: DebugAsked) -> None:
    """Do it, once per id; refused as a whole if `flaw` finds something."""
    state = turn.state
    if is_known(state, asked.command_id):
        return
    if flaw(state, asked):
        turn.accepted = False
        return
    command, by, command_id = asked.command, asked.by, asked.command_id
    match command:
        case Attach():
            turn.emit(_attached(state, command, by, command_id))
        case Detach():
            if state.debug is not None:
                _release_all(turn)
                turn.emit(DebugDetached(by))
        case SetBreakpoints(breakpoints=points):
            turn.emit(BreakpointsSet(points, command_id))
        case ClearBreakpoints(ids=ids):
            turn.emit(BreakpointsCleared(ids, command_id))
        case Stop():
            turn.emit(DebugPaceSet(True, command_id, by))
        case Continue():
            turn.emit(DebugPaceSet(False, command_id, by))
            _release_all(turn)
        case Step():
            turn.emit(DebugPaceSet(True, command_id, by))
            _release(turn, _chosen(state, command.key), into=command.into)
        case RunTo(node=node):
            held = state.debug.held if state.debug is not None else {}
            point = Breakpoint(f"{RUN_TO}{state.plan.nodes[node].id}", node, once=True)
            if node not in held:
                turn.emit(BreakpointsSet((point,)))
            turn.emit(DebugPaceSet(False, command_id, by))
            _release_all(turn, spare=node)
        case EditOutput(key=key, output=output):
            turn.emit(OutputEdited(state.current_ref(key), output, command_id, by))
        case _:
            assert_never(command)


def _attached(state: ExecutionState, command: Attach, by: str, command_id: str) -> DebugAttached:
    points = command.breakpoints
    if command.file_breakpoints:
        points = (*from_file(state.plan), *points)
    return DebugAttached(by, command.stepping, command.stop_all, points, command_id)


def is_known(state: ExecutionState, command_id: str) -> bool:
    """True if a command of this id was done before."""
    debug = state.debug
    return debug is not None and command_id in debug.commands


def flaw(state: ExecutionState, asked: DebugAsked) -> str:
    """Why this cannot be done now, as a sentence; empty if it can."""
    debug, command = state.debug, asked.command
    if isinstance(command, Attach | SetBreakpoints) and (told := _too_many(state, command)):
        return told
    if isinstance(command, Attach | Detach):
        return ""
    if debug is None:
        return "Nobody debugs the execution: attach to it first."
    lets_go = isinstance(command, Step | Continue | RunTo)
    if lets_go and state.is_paused:
        return "The execution is paused: resume it first."
    match command:
        case Step(key=key):
            if key is not None and key not in debug.held:
                return f"{_name(state, key)} is not held."
            return "" if debug.held else "Nothing is held: there is nothing to step."
        case RunTo(node=node):
            status = state.status[node]
            begun = status != NodeStatus.PENDING and node not in debug.held
            name = state.plan.nodes[node].id
            return f"Node {name} has begun already: it cannot be run to." if begun else ""
        case ClearBreakpoints(ids=ids):
            unknown = [each for each in ids if each not in debug.breakpoints]
            return f"There is no breakpoint {unknown[0]!r}." if unknown else ""
        case EditOutput(key=key):
            held = debug.held.get(key)
            if held is None or not held.is_after:
                return f"{_name(state, key)} is not held after it ran: it has no output to edit."
            return ""
        case _:
            return ""


def _too_many(state: ExecutionState, command: Attach | SetBreakpoints) -> str:
    known = state.debug.breakpoints.keys() if state.debug is not None else set()
    ids = known | {point.id for point in command.breakpoints}
    count = sum(not each.startswith(FILE_PREFIX) for each in ids)
    if count <= BREAKPOINTS_MAX:
        return ""
    return f"There would be {count} breakpoints; an execution has at most {BREAKPOINTS_MAX}."


def _name(state: ExecutionState, key: int) -> str:
    item, node = divmod(key, state.tables.size)
    return named_first(state.plan.nodes[node].id, item)


def _chosen(state: ExecutionState, key: int | None) -> int:
    """What a step lets go: what was named, else what has been held the longest."""
    debug = state.debug
    assert debug is not None
    return key if key is not None else next(iter(debug.held))


def _release_all(turn: Turn, spare: int = -1) -> None:
    debug = turn.state.debug
    for key in list(debug.held) if debug is not None else ():
        if key != spare:
            _release(turn, key)


def _release(turn: Turn, key: int, *, into: bool = False) -> None:
    state = turn.state
    debug = state.debug
    held = debug.held.get(key) if debug is not None else None
    if held is None:
        return
    ref = state.current_ref(key)
    outcome = held.event.outcome
    turn.emit(NodeReleased(ref, into))
    if outcome is not None:
        turn.emit(outcome)
    else:
        turn.open_again(NodeRef(ref.node, ref.item, ref.attempt))
