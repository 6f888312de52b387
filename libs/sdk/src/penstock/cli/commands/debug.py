"""`penstock debug ...`: the step debugger."""

import json
from collections.abc import Awaitable, Callable
from typing import Annotated

from cyclopts import App, Parameter

from penstock.cli.exit_codes import ExitCode
from penstock.cli.options import DataDir, Id, Output, Url
from penstock.cli.output import print_table, print_value
from penstock.cli.params import parse_json
from penstock.cli.problems import BadInput, run_command
from penstock.cli.session import DATA_DIR, open_session
from penstock.cli.texts import clock_text, node_text
from penstock.sdk.client import Client
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

_Work = Callable[[Client], Awaitable[DebugState]]


def _command(work: _Work, output: Output, url: Url, data_dir: DataDir) -> int:
    """Do one thing and show where the execution stands then."""

    async def run() -> ExitCode:
        async with open_session(url, data_dir) as client:
            found = await work(client)
        _print_state(found, output)
        return ExitCode.OK

    return run_command(run)


@app.command
def attach(  # noqa: PLR0913 - each is an option of the command
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
    output: Output = "table",
    url: Url = "",
    data_dir: DataDir = DATA_DIR,
) -> int:
    """Debug an execution that runs."""

    async def work(client: Client) -> DebugState:
        return await client.debug.attach(
            execution, stepping=stop, stop_all=stop_all, ignore_file=ignore_file, by=by
        )

    return _command(work, output, url, data_dir)


@app.command
def show(
    execution: Id, /, *, output: Output = "table", url: Url = "", data_dir: DataDir = DATA_DIR
) -> int:
    """Show the breakpoints of an execution and what is held."""
    return _command(lambda client: client.debug.state(execution), output, url, data_dir)


@app.command(name="break")
def break_(  # noqa: PLR0913 - each is an option of the command
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
    output: Output = "table",
    url: Url = "",
    data_dir: DataDir = DATA_DIR,
) -> int:
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
    return _command(
        lambda client: client.debug.set_breakpoints(execution, [point]), output, url, data_dir
    )


@app.command
def clear(
    execution: Id,
    name: Annotated[str, Parameter(show_default=False, help="Id of a breakpoint.")],
    /,
    *,
    output: Output = "table",
    url: Url = "",
    data_dir: DataDir = DATA_DIR,
) -> int:
    """Take a breakpoint away."""
    return _command(
        lambda client: client.debug.clear_breakpoint(execution, name), output, url, data_dir
    )


@app.command
def stop(
    execution: Id, /, *, output: Output = "table", url: Url = "", data_dir: DataDir = DATA_DIR
) -> int:
    """Hold everything that becomes ready from now on."""
    return _command(lambda client: client.debug.stop(execution), output, url, data_dir)


@app.command
def step(  # noqa: PLR0913 - each is an option of the command
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
    output: Output = "table",
    url: Url = "",
    data_dir: DataDir = DATA_DIR,
) -> int:
    """Let one thing go, and hold whatever follows."""

    async def work(client: Client) -> DebugState:
        before = await client.debug.state(execution)
        done = await client.debug.step(execution, node, item=item, into=into)
        if not wait or len(before.held) > 1:
            return done
        return await client.debug.wait_held(execution)

    return _command(work, output, url, data_dir)


@app.command(name="continue")
def continue_(
    execution: Id,
    /,
    *,
    wait: Wait = True,
    output: Output = "table",
    url: Url = "",
    data_dir: DataDir = DATA_DIR,
) -> int:
    """Let everything go, up to the next breakpoint."""

    async def work(client: Client) -> DebugState:
        done = await client.debug.go_on(execution)
        return await client.debug.wait_held(execution) if wait else done

    return _command(work, output, url, data_dir)


@app.command
def run_to(
    execution: Id,
    node: Node,
    /,
    *,
    wait: Wait = True,
    output: Output = "table",
    url: Url = "",
    data_dir: DataDir = DATA_DIR,
) -> int:
    """Let everything go and hold a node before it runs."""

    async def work(client: Client) -> DebugState:
        done = await client.debug.run_to(execution, node)
        return await client.debug.wait_held(execution) if wait else done

    return _command(work, output, url, data_dir)


@app.command
def inspect(
    execution: Id,
    node: Node,
    /,
    *,
    item: Item = None,
    output: Output = "table",
    url: Url = "",
    data_dir: DataDir = DATA_DIR,
) -> int:
    """Show what a node sees, or would see if it ran now."""

    async def work() -> ExitCode:
        async with open_session(url, data_dir) as client:
            found = await client.debug.inspect(execution, node, item=item)
        if output == "table":
            _print_inside(found)
        else:
            print_value(found, output)
        return ExitCode.OK

    return run_command(work)


@app.command
def edit(  # noqa: PLR0913 - each is an option of the command
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
    output: Output = "table",
    url: Url = "",
    data_dir: DataDir = DATA_DIR,
) -> int:
    """Give a held node another input before it runs, or another output after it ran."""

    async def work(client: Client) -> DebugState:
        if bool(input_json) == bool(output_json):
            raise BadInput("nothing to edit", fix="Give either --input or --new-output.")
        if input_json:
            value = parse_json(input_json, "--input")
            return await client.debug.edit_input(execution, node, value, item=item)
        value = parse_json(output_json, "--new-output")
        return await client.debug.edit_output(execution, node, value)

    return _command(work, output, url, data_dir)


@app.command
def detach(
    execution: Id, /, *, output: Output = "table", url: Url = "", data_dir: DataDir = DATA_DIR
) -> int:
    """Let everything go and debug no more."""
    return _command(lambda client: client.debug.detach(execution), output, url, data_dir)


def _print_state(found: DebugState, output: Output) -> None:
    if output != "table":
        print_value(found, output)
        return
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
