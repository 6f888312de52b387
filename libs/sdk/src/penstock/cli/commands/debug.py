"""`penstock debug ...`: the step debugger."""

import json
from typing import Annotated

from cyclopts import App, Parameter

from penstock.cli.call import CALL, Call
from penstock.cli.options import Id
from penstock.cli.output import print_table
from penstock.cli.params import parse_json
from penstock.cli.problems import BadInput, with_exit_code
from penstock.cli.texts import clock_text, node_text
from penstock.sdk.debug_models import BreakpointAt, DebugState, NodeInside

app = App(
    name="debug",
    help="Hold executions at breakpoints, step through them, look into nodes, edit values.",
    help_format="plaintext",
)

Node = Annotated[str, Parameter(show_default=False, help="Id of a node.")]
Item = Annotated[int | None, Parameter(show_default=False, help="An item of its for-each, from 0.")]
Wait = Annotated[
    bool, Parameter(help="Return only once something is held or the execution has ended.")
]


@app.command
@with_exit_code
async def attach(
    execution: Id,
    /,
    *,
    stop: Annotated[
        bool, Parameter(negative="", help="Hold everything that becomes ready from now on.")
    ] = False,
    stop_all: Annotated[
        bool,
        Parameter(negative="", help="Hold everything once a breakpoint has held something."),
    ] = False,
    ignore_file: Annotated[
        bool, Parameter(negative="", help="Leave out the breakpoints of the file.")
    ] = False,
    by: Annotated[str, Parameter(show_default=False, help="Who, for people.")] = "",
    call: Call = CALL,
) -> None:
    """Debug an execution that runs."""
    async with call.session() as client:
        state = await client.debug.attach(
            execution, stepping=stop, stop_all=stop_all, ignore_file=ignore_file, by=by
        )
    call.show(state, _print_state)


@app.command
@with_exit_code
async def show(execution: Id, /, *, call: Call = CALL) -> None:
    """Show the breakpoints of an execution and what is held."""
    async with call.session() as client:
        state = await client.debug.state(execution)
    call.show(state, _print_state)


@app.command(name="break")
@with_exit_code
async def break_(  # noqa: PLR0913 - each is an option of the command
    execution: Id,
    node: Annotated[
        str,
        Parameter(show_default=False, help="Node, or parent->node for an edge; * for every node."),
    ],
    /,
    *,
    after: Annotated[
        bool, Parameter(negative="", help="After it ran, before anybody sees its output.")
    ] = False,
    condition: Annotated[
        str,
        Parameter(name="--if", show_default=False, help="An expression over what the node sees."),
    ] = "",
    hits: Annotated[int, Parameter(help="Hold from this time on that it is met.")] = 1,
    once: Annotated[bool, Parameter(negative="", help="Gone once it has held.")] = False,
    name: Annotated[
        str, Parameter(name="--id", show_default=False, help="Id, to replace or clear it.")
    ] = "",
    call: Call = CALL,
) -> None:
    """Set a breakpoint before or after a node, or on an edge."""
    parent, arrow, child = node.partition("->")
    where = child if arrow else node
    text = condition if not condition or "${{" in condition else f"${{{{ {condition} }}}}"
    point = BreakpointAt(
        node="" if where == "*" else where.strip(),
        id=name,
        parent=parent.strip() if arrow else "",
        place="after" if after else "before",
        condition=text,
        hits=hits,
        once=once,
    )
    async with call.session() as client:
        state = await client.debug.set_breakpoints(execution, [point])
    call.show(state, _print_state)


@app.command
@with_exit_code
async def clear(
    execution: Id,
    name: Annotated[str, Parameter(show_default=False, help="Id of a breakpoint.")],
    /,
    *,
    call: Call = CALL,
) -> None:
    """Take a breakpoint away."""
    async with call.session() as client:
        state = await client.debug.clear_breakpoint(execution, name)
    call.show(state, _print_state)


@app.command
@with_exit_code
async def stop(execution: Id, /, *, call: Call = CALL) -> None:
    """Hold everything that becomes ready from now on."""
    async with call.session() as client:
        state = await client.debug.stop(execution)
    call.show(state, _print_state)


@app.command
@with_exit_code
async def step(
    execution: Id,
    node: Annotated[
        str, Parameter(show_default=False, help="Node; else what has been held the longest.")
    ] = "",
    /,
    *,
    item: Item = None,
    into: Annotated[
        bool, Parameter(negative="", help="Debug the sub-workflow that it starts.")
    ] = False,
    wait: Wait = True,
    call: Call = CALL,
) -> None:
    """Let one thing go, and hold whatever follows."""
    async with call.session() as client:
        before = await client.debug.state(execution)
        state = await client.debug.step(execution, node, item=item, into=into)
        if wait and len(before.held) <= 1:
            state = await client.debug.wait_held(execution)
    call.show(state, _print_state)


@app.command(name="continue")
@with_exit_code
async def continue_(execution: Id, /, *, wait: Wait = True, call: Call = CALL) -> None:
    """Let everything go, up to the next breakpoint."""
    async with call.session() as client:
        state = await client.debug.go_on(execution)
        if wait:
            state = await client.debug.wait_held(execution)
    call.show(state, _print_state)


@app.command
@with_exit_code
async def run_to(execution: Id, node: Node, /, *, wait: Wait = True, call: Call = CALL) -> None:
    """Let everything go and hold a node before it runs."""
    async with call.session() as client:
        state = await client.debug.run_to(execution, node)
        if wait:
            state = await client.debug.wait_held(execution)
    call.show(state, _print_state)


@app.command
@with_exit_code
async def inspect(execution: Id, node: Node, /, *, item: Item = None, call: Call = CALL) -> None:
    """Show what a node sees, or would see if it ran now."""
    async with call.session() as client:
        found = await client.debug.inspect(execution, node, item=item)
    call.show(found, _print_inside)


@app.command
@with_exit_code
async def edit(
    execution: Id,
    node: Node,
    /,
    *,
    input_json: Annotated[
        str, Parameter(name="--input", show_default=False, help="New input, JSON keyed by parent.")
    ] = "",
    output_json: Annotated[
        str, Parameter(name="--new-output", show_default=False, help="New output, JSON.")
    ] = "",
    item: Item = None,
    call: Call = CALL,
) -> None:
    """Give a held node another input before it runs, or another output after it ran."""
    async with call.session() as client:
        if bool(input_json) == bool(output_json):
            raise BadInput("nothing to edit", fix="Give either --input or --new-output.")
        if input_json:
            value = parse_json(input_json, "--input")
            state = await client.debug.edit_input(execution, node, value, item=item)
        else:
            value = parse_json(output_json, "--new-output")
            state = await client.debug.edit_output(execution, node, value)
    call.show(state, _print_state)


@app.command
@with_exit_code
async def detach(execution: Id, /, *, call: Call = CALL) -> None:
    """Let everything go and debug no more."""
    async with call.session() as client:
        state = await client.debug.detach(execution)
    call.show(state, _print_state)


def _print_state(found: DebugState) -> None:
    pace = "stepping" if found.stepping else "running to breakpoints"
    print(f"{found.status}, {pace}" if found.attached else f"{found.status}, not debugged")
    if found.breakpoints:
        points = [
            (each.id, each.place, each.condition or "-", f"{each.met} of {each.hits}")
            for each in found.breakpoints
        ]
        print_table(("BREAKPOINT", "PLACE", "CONDITION", "MET"), points)
    if found.held:
        rows = [
            (
                node_text(each.node, each.item),
                each.place,
                each.breakpoint or "step",
                clock_text(each.since),
                each.note or "-",
            )
            for each in found.held
        ]
        print_table(("HELD", "PLACE", "BY", "SINCE", "NOTE"), rows)


def _print_inside(found: NodeInside) -> None:
    held = f", held {found.held.place}" if found.held is not None else ""
    print(f"{found.node} {found.status}{held}, attempt {found.attempt}")
    parts = {
        "input": found.input if found.edited_input is None else found.edited_input,
        "item": found.item,
        "params": found.params,
        "vars": found.vars,
        "reads": found.reads,
        "output": found.output,
    }
    for name, value in parts.items():
        if value not in (None, {}):
            edited = " (edited)" if name == "input" and found.edited_input is not None else ""
            print(f"{name}{edited}: {json.dumps(value, ensure_ascii=False)}")
    if found.failure is not None:
        print(f"failure: {found.failure.reason}: {found.failure.message}")
