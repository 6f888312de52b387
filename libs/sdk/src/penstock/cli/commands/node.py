"""`penstock node ...`: one node of an execution, and what people do to those that run."""

from collections.abc import Callable
from typing import Annotated, Any

import msgspec
from cyclopts import App, Parameter

from penstock.cli.exit_codes import ExitCode
from penstock.cli.options import At, By, DataDir, Id, Output, Reason, Url
from penstock.cli.output import print_value
from penstock.cli.params import parse_json
from penstock.cli.problems import run_command
from penstock.cli.results import open_value
from penstock.cli.session import DATA_DIR, open_session
from penstock.cli.texts import node_text
from penstock.sdk.interventions import Intervention

app = App(
    name="node",
    help="Show a node; retry, skip, complete or fail it by hand, or give it another input.",
    help_format="plaintext",
)

Node = Annotated[str, Parameter(show_default=False, help="Id of one of its nodes.")]
Item = Annotated[int | None, Parameter(show_default=False, help="An item of its for-each, from 0.")]


def _intervene(
    execution: str,
    node: str,
    made: Callable[[], Intervention],
    output: Output,
    url: str,
    data_dir: DataDir,
) -> int:
    """Do what `made` makes of the options; it may raise `BadInput`."""

    async def work() -> ExitCode:
        wanted = made()
        async with open_session(url, data_dir) as client:
            now = await client.interventions.intervene(execution, node, wanted)
        if output == "table":
            print(f"{now.id} {node_text(now.node, now.item)} {now.status}")
        else:
            print_value(now, output)
        return ExitCode.OK

    return run_command(work)


@app.command
def show(
    execution: Id,
    node: Node,
    /,
    *,
    at: At = "",
    output: Output = "table",
    url: Url = "",
    data_dir: DataDir = DATA_DIR,
) -> int:
    """Show a node with its output, however large the execution is; as a table the output alone."""

    async def work() -> ExitCode:
        async with open_session(url, data_dir) as client:
            if not at:
                found = await client.get_node(execution, node)
            elif at.isascii() and at.isdigit():
                found = await client.history.node_at(execution, node, seq=int(at))
            else:
                found = await client.history.node_at(execution, node, at=at)
            value = await open_value(client, found.output)
        if output == "table":
            print_value(value, "json")
        else:
            print_value(msgspec.structs.replace(found, output=value), output)
        return ExitCode.OK

    return run_command(work)


@app.command
def retry(  # noqa: PLR0913 - each is an option of the command
    execution: Id,
    node: Node,
    /,
    *,
    item: Item = None,
    reason: Reason = "",
    by: By = "",
    output: Output = "table",
    url: Url = "",
    data_dir: DataDir = DATA_DIR,
) -> int:
    """Try again now, also out of a back-off or a wait; its failures are counted from new."""
    return _intervene(
        execution,
        node,
        lambda: Intervention(operation="retry", item=item, by=by, reason=reason),
        output,
        url,
        data_dir,
    )


@app.command
def skip(  # noqa: PLR0913 - each is an option of the command
    execution: Id,
    node: Node,
    /,
    *,
    item: Item = None,
    reason: Reason = "",
    by: By = "",
    output: Output = "table",
    url: Url = "",
    data_dir: DataDir = DATA_DIR,
) -> int:
    """Do not run it, nor what hangs on it alone; a skipped item counts as completed with null."""
    return _intervene(
        execution,
        node,
        lambda: Intervention(operation="skip", item=item, by=by, reason=reason),
        output,
        url,
        data_dir,
    )


@app.command
def complete(  # noqa: PLR0913 - each is an option of the command
    execution: Id,
    node: Node,
    /,
    *,
    value: Annotated[
        str, Parameter(name="--value", show_default=False, help="Its output as JSON; else null.")
    ] = "",
    choose: Annotated[
        list[str] | None,
        Parameter(negative="", help="A branch that it chooses; may be repeated."),
    ] = None,
    item: Item = None,
    reason: Reason = "",
    by: By = "",
    output: Output = "table",
    url: Url = "",
    data_dir: DataDir = DATA_DIR,
) -> int:
    """End it well, with an output that you give."""

    def made() -> Intervention:
        given: dict[str, Any] = {"output": parse_json(value, "--value")} if value else {}
        return Intervention(
            operation="complete", item=item, by=by, reason=reason, chosen=choose, **given
        )

    return _intervene(execution, node, made, output, url, data_dir)


@app.command
def fail(  # noqa: PLR0913 - each is an option of the command
    execution: Id,
    node: Node,
    /,
    *,
    message: Annotated[str, Parameter(show_default=False, help="What went wrong.")] = "",
    item: Item = None,
    reason: Reason = "",
    by: By = "",
    output: Output = "table",
    url: Url = "",
    data_dir: DataDir = DATA_DIR,
) -> int:
    """Fail it for good, without a retry; `on_error` and error branches apply."""
    return _intervene(
        execution,
        node,
        lambda: Intervention(operation="fail", item=item, by=by, reason=reason, message=message),
        output,
        url,
        data_dir,
    )


@app.command
def edit(  # noqa: PLR0913 - each is an option of the command
    execution: Id,
    node: Node,
    /,
    *,
    input_json: Annotated[
        str,
        Parameter(
            name="--input",
            show_default=False,
            help="The new input as JSON, keyed by parent; of an item its value.",
        ),
    ],
    item: Item = None,
    reason: Reason = "",
    by: By = "",
    output: Output = "table",
    url: Url = "",
    data_dir: DataDir = DATA_DIR,
) -> int:
    """Give it another input; if it has begun, it tries again with that now."""

    def made() -> Intervention:
        given = parse_json(input_json, "--input")
        return Intervention(operation="edit", item=item, by=by, reason=reason, input=given)

    return _intervene(execution, node, made, output, url, data_dir)
