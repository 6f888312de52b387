"""The part of the fold that takes in what a debugger does."""

from penstock.workflow.execution.debug_events import (
    BreakpointPassed,
    BreakpointsCleared,
    BreakpointsSet,
    DebugAttached,
    DebugDetached,
    DebugEvent,
    DebugPaceSet,
    NodeReleased,
    OutputEdited,
)
from penstock.workflow.execution.debugging import Debugging
from penstock.workflow.execution.events import NodeHeld
from penstock.workflow.execution.state import StateData
from penstock.workflow.execution.values import NodeStatus

_WAITING = int(NodeStatus.WAITING)


class NotDebugged(Exception):
    """An event of debugging in an execution that nobody debugs: the history is broken."""


def take_in(state: StateData, event: DebugEvent | NodeHeld, at_us: int) -> None:
    """Apply one of these events."""
    debug = state.debug
    if isinstance(event, DebugAttached):
        if debug is None:
            state.debug = Debugging(event)
        else:
            debug.attach_again(event)
        return
    if debug is None:
        raise NotDebugged(type(event).__name__)
    match event:
        case NodeHeld():
            _hold(state, debug, event, at_us)
        case NodeReleased():
            debug.release(state.key(event.ref), event)
            state.arm_deadline(event.ref.node, at_us)
        case BreakpointPassed():
            debug.passed(event)
        case BreakpointsSet():
            debug.set_breakpoints(event)
        case BreakpointsCleared():
            debug.clear_breakpoints(event)
        case DebugPaceSet():
            debug.set_pace(event)
        case OutputEdited():
            debug.edit_output(state.key(event.ref), event)
        case DebugDetached():
            state.debug = None


def _hold(state: StateData, debug: Debugging, event: NodeHeld, at_us: int) -> None:
    """The node's own deadline stands still while it is held."""
    ref = event.ref
    key = state.key(ref)
    debug.hold(key, event, at_us)
    state.waits.deadlines.pop(ref.node, None)
    if event.outcome is not None:
        state.waits.end_well(key)
        state.set_status(ref, _WAITING)
