"""Operations of the step debugger."""

from penstock.gateway.interface.operation import ID, KEY, Answered, Operation, in_path, in_query
from penstock.gateway.shapes import debug as shapes

_BASE = "/v1/executions/{execution_id}/debug"
_DONE = (Answered(200, "It is on disk; where the execution stands now.", shapes.DebugState),)
_PROBLEMS = (404, 409, 413, 415)
_NODE = in_path("node", "The node's id.")


def _command(path: str, name: str, summary: str, body: object = None) -> Operation:
    parameters = [ID, KEY]
    if "{node}" in path:
        parameters.append(_NODE)
    return Operation(
        _BASE + path,
        "post",
        name,
        summary,
        _DONE,
        parameters,
        body,  # type: ignore[arg-type]
        _PROBLEMS,
    )


DEBUG_OPERATIONS: tuple[Operation, ...] = (
    Operation(
        _BASE,
        "get",
        "getDebug",
        "Where a debugged execution stands: breakpoints, and what is held",
        [Answered(200, "Where it stands.", shapes.DebugState)],
        [ID],
        problems=(404,),
    ),
    _command("", "attachDebugger", "Debug an execution from now on", shapes.AttachBody),
    Operation(
        _BASE,
        "delete",
        "detachDebugger",
        "Let everything go and debug no more",
        _DONE,
        [ID, KEY],
        problems=(404, 409),
    ),
    _command("/breakpoints", "setBreakpoints", "Add breakpoints", shapes.BreakpointsBody),
    Operation(
        _BASE + "/breakpoints/{breakpoint_id}",
        "delete",
        "clearBreakpoint",
        "Take a breakpoint away",
        _DONE,
        [ID, KEY, in_path("breakpoint_id", "The breakpoint's id.")],
        problems=(404, 409),
    ),
    _command("/stop", "stopDebugged", "Hold everything that becomes ready from now on"),
    _command("/continue", "continueDebugged", "Let everything go, up to the next breakpoints"),
    _command("/step", "stepDebugged", "Let one thing go and hold what follows", shapes.StepBody),
    _command("/run-to", "runDebuggedTo", "Let everything go up to a node", shapes.RunToBody),
    Operation(
        _BASE + "/nodes/{node}",
        "get",
        "inspectNode",
        "What a node sees, or would see if it ran now",
        [Answered(200, "What it sees.", shapes.NodeInside)],
        [ID, _NODE, in_query("item", "Item of its fan-out, from 0.", "integer")],
        problems=(404,),
    ),
    _command(
        "/nodes/{node}/input",
        "editHeldInput",
        "Give a node that is held before it runs another input",
        shapes.InputBody,
    ),
    _command(
        "/nodes/{node}/output",
        "editHeldOutput",
        "Give a node that is held after it ran another output",
        shapes.OutputBody,
    ),
)
