"""/v1/executions/.../debug: the step debugger."""

from typing import Any

import msgspec
from litestar import delete, get, post
from litestar.params import FromPath
from litestar.types import ASGIApp

from penstock.api.debug.v1 import debug_service_pb2 as pb
from penstock.common.errors import InvalidArgument
from penstock.gateway.http.answers import Answer, json_answer
from penstock.gateway.http.execution_names import execution_id_of
from penstock.gateway.http.requests import (
    ITEMS_MAX,
    AnyRequest,
    idempotency_key_of,
    item_number,
    json_body,
    query_of,
    tenant_of,
    user_value,
    whole_number,
)
from penstock.gateway.ports.doors import doors_of
from penstock.gateway.shapes.debug import (
    AttachBody,
    BreakpointBody,
    BreakpointsBody,
    InputBody,
    OutputBody,
    RunToBody,
    StepBody,
)
from penstock.gateway.views import debug as debug_views

_ATTACH = msgspec.json.Decoder(AttachBody)
_BREAKPOINTS = msgspec.json.Decoder(BreakpointsBody)
_STEP = msgspec.json.Decoder(StepBody)
_RUN_TO = msgspec.json.Decoder(RunToBody)
_INPUT = msgspec.json.Decoder(InputBody)
_OUTPUT = msgspec.json.Decoder(OutputBody)
_HITS_MAX = 1_000_000
_ITEM = frozenset({"item"})


@get("/v1/executions/{execution_id:str}/debug")
async def get_debug(request: AnyRequest, execution_id: FromPath[str]) -> ASGIApp:
    """Where a debugged execution stands."""
    query_of(request)
    found = await doors_of(request).debug.state(
        execution_id_of(request, execution_id), tenant_of(request)
    )
    return json_answer(debug_views.debug_state(found))


@post("/v1/executions/{execution_id:str}/debug")
async def attach_debugger(request: AnyRequest, execution_id: FromPath[str]) -> ASGIApp:
    """Debug an execution from now on."""
    body = await json_body(request, _ATTACH, AttachBody())
    attach = pb.Attach(
        stepping=body.stepping,
        stop_all=body.stop_all,
        breakpoints=debug_views.to_breakpoints(_checked(body.breakpoints)),
        ignore_file=body.ignore_file,
    )
    return await _do(request, execution_id, attach=attach, by=body.by)


@delete("/v1/executions/{execution_id:str}/debug", status_code=200)
async def detach_debugger(request: AnyRequest, execution_id: FromPath[str]) -> ASGIApp:
    """Let everything go and debug no more."""
    return await _do(request, execution_id, detach=pb.Detach())


@post("/v1/executions/{execution_id:str}/debug/breakpoints")
async def set_breakpoints(request: AnyRequest, execution_id: FromPath[str]) -> ASGIApp:
    """Add breakpoints, or replace those with the same ids."""
    body = await json_body(request, _BREAKPOINTS, BreakpointsBody())
    points = debug_views.to_breakpoints(_checked(body.breakpoints))
    return await _do(request, execution_id, set_breakpoints=pb.SetBreakpoints(breakpoints=points))


@delete("/v1/executions/{execution_id:str}/debug/breakpoints/{breakpoint_id:str}", status_code=200)
async def clear_breakpoint(
    request: AnyRequest, execution_id: FromPath[str], breakpoint_id: FromPath[str]
) -> ASGIApp:
    """Take a breakpoint away."""
    cleared = pb.ClearBreakpoints(ids=[breakpoint_id])
    return await _do(request, execution_id, clear_breakpoints=cleared)


@post("/v1/executions/{execution_id:str}/debug/stop")
async def stop_debugged(request: AnyRequest, execution_id: FromPath[str]) -> ASGIApp:
    """Hold everything that becomes ready from now on."""
    return await _do(request, execution_id, stop=pb.Stop())


@post("/v1/executions/{execution_id:str}/debug/continue")
async def continue_debugged(request: AnyRequest, execution_id: FromPath[str]) -> ASGIApp:
    """Let everything go, up to the next breakpoints."""
    return await _do(request, execution_id, resume=pb.Resume())


@post("/v1/executions/{execution_id:str}/debug/step")
async def step_debugged(request: AnyRequest, execution_id: FromPath[str]) -> ASGIApp:
    """Let one thing go and hold whatever follows."""
    body = await json_body(request, _STEP, StepBody())
    step = pb.Step(node=body.node, item=item_number(body.item), into=body.into)
    return await _do(request, execution_id, step=step)


@post("/v1/executions/{execution_id:str}/debug/run-to")
async def run_debugged_to(request: AnyRequest, execution_id: FromPath[str]) -> ASGIApp:
    """Let everything go and hold a node before it runs."""
    body = await json_body(request, _RUN_TO, RunToBody())
    if not body.node:
        raise InvalidArgument("`node` is missing.", fix="Name a node.", path="node")
    return await _do(request, execution_id, run_to=pb.RunTo(node=body.node))


@get("/v1/executions/{execution_id:str}/debug/nodes/{node:str}")
async def inspect_node(
    request: AnyRequest, execution_id: FromPath[str], node: FromPath[str]
) -> ASGIApp:
    """What a node sees, or would see if it ran now."""
    query = query_of(request, _ITEM)
    command = pb.InspectNodeRequest(
        execution_id=execution_id_of(request, execution_id),
        node=node,
        item=whole_number(query.get("item"), "item", -1, ITEMS_MAX - 1) + 1,
    )
    found = await doors_of(request).debug.inspect(command, tenant_of(request))
    return json_answer(debug_views.node_inside(found))


@post("/v1/executions/{execution_id:str}/debug/nodes/{node:str}/input")
async def edit_input(
    request: AnyRequest, execution_id: FromPath[str], node: FromPath[str]
) -> ASGIApp:
    """Give a node that is held before it runs another input."""
    body = await json_body(request, _INPUT, InputBody())
    edit = pb.EditInput(
        node=node, item=item_number(body.item), input_json=user_value(body.input, "input")
    )
    return await _do(request, execution_id, edit_input=edit)


@post("/v1/executions/{execution_id:str}/debug/nodes/{node:str}/output")
async def edit_output(
    request: AnyRequest, execution_id: FromPath[str], node: FromPath[str]
) -> ASGIApp:
    """Give a node that is held after it ran another output."""
    body = await json_body(request, _OUTPUT, OutputBody())
    edit = pb.EditOutput(node=node, output_json=user_value(body.output, "output"))
    return await _do(request, execution_id, edit_output=edit)


async def _do(request: AnyRequest, execution_id: str, **command: Any) -> Answer:
    """One command; repeats with one `Idempotency-Key` are one command."""
    query_of(request)
    asked = pb.DebugExecutionRequest(
        execution_id=execution_id_of(request, execution_id),
        command_id=idempotency_key_of(request),
        **command,
    )
    state = await doors_of(request).debug.command(asked, tenant_of(request))
    return json_answer(debug_views.debug_state(state))


def _checked(points: tuple[BreakpointBody, ...]) -> tuple[BreakpointBody, ...]:
    for at, point in enumerate(points):
        if not 1 <= point.hits <= _HITS_MAX:
            raise InvalidArgument(
                f"{point.hits} hits.",
                fix=f"Give a number from 1 to {_HITS_MAX}.",
                path=f"breakpoints[{at}].hits",
            )
    return points


DEBUG_ROUTES = (
    get_debug,
    attach_debugger,
    detach_debugger,
    set_breakpoints,
    clear_breakpoint,
    stop_debugged,
    continue_debugged,
    step_debugged,
    run_debugged_to,
    inspect_node,
    edit_input,
    edit_output,
)
