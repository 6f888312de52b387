"""`penstock execution ...`."""

from typing import Annotated

from cyclopts import App, Parameter

from penstock.cli.commands import history, why
from penstock.cli.commands.pausing import pause, resume
from penstock.cli.exit_codes import ExitCode
from penstock.cli.logs import log_rows, printable
from penstock.cli.options import Cursor, DataDir, Id, Limit, Order, Output, Url, Where
from penstock.cli.output import print_next_page, print_table, print_value
from penstock.cli.params import parse_json
from penstock.cli.problems import run_command
from penstock.cli.results import print_result, took_text
from penstock.cli.session import DATA_DIR, open_session
from penstock.cli.showing import execution_now, print_tree
from penstock.cli.texts import clock_text
from penstock.cli.watching import watch_execution
from penstock.sdk.client import Client
from penstock.sdk.models import NodeState

OfWorkflow = Annotated[str, Parameter(show_default=False, help="Only of this workflow.")]
OfStatus = Annotated[
    str, Parameter(show_default=False, help="Only with this status, such as PAUSED.")
]
OfTag = Annotated[str, Parameter(show_default=False, help="Only with this label.")]

app = App(
    name="execution",
    help="Find, show, watch, compare, re-run, pause, cancel and signal executions; read logs.",
    help_format="plaintext",
)
for _command in (history.show, history.diff, history.rerun, history.fork, pause, resume, why.why):
    app.command(_command)
app.command("penstock.cli.commands.effects:effects", name="effects",
            help="Show what an execution may have changed outside.")  # fmt: skip
app.command("penstock.cli.commands.children:children", name="children",
            help="List the executions that its nodes started as sub-workflows.")  # fmt: skip


@app.command(name="list")
def list_(  # noqa: PLR0913 - each is an option of the command
    *,
    where: Where = "",
    workflow: OfWorkflow = "",
    status: OfStatus = "",
    tag: OfTag = "",
    order: Order = "newest",
    limit: Limit = 20,
    cursor: Cursor = "",
    output: Output = "table",
    url: Url = "",
    data_dir: DataDir = DATA_DIR,
) -> int:
    """Find executions by a query, by single conditions, or both; newest first."""

    async def work() -> ExitCode:
        async with open_session(url, data_dir) as client:
            page = await client.list_executions(
                where,
                workflow=workflow,
                status=status,
                tag=tag,
                order=order,
                limit=limit,
                cursor=cursor,
            )
        if output != "table":
            print_value(page, output)
            return ExitCode.OK
        rows = [
            (
                e.id,
                f"{e.workflow} v{e.version}",
                e.status,
                f"{e.nodes_done}/{e.nodes_total}",
                clock_text(e.started_at),
                took_text(e.started_at, e.finished_at),
            )
            for e in page.items
        ]
        headings = ("ID", "WORKFLOW", "STATUS", "NODES", "STARTED", "TOOK")
        print_table(headings, rows, gives_way=("STARTED", "TOOK", "NODES", "WORKFLOW"))
        print_next_page(page.next_cursor)
        return ExitCode.OK

    return run_command(work)


@app.command
def count(  # noqa: PLR0913 - each is an option of the command
    *,
    where: Where = "",
    workflow: OfWorkflow = "",
    status: OfStatus = "",
    tag: OfTag = "",
    most: Annotated[int, Parameter(help="Count no further than this.")] = 10_000,
    output: Output = "table",
    url: Url = "",
    data_dir: DataDir = DATA_DIR,
) -> int:
    """Count executions, found as by `list`."""

    async def work() -> ExitCode:
        async with open_session(url, data_dir) as client:
            found = await client.count_executions(
                where, workflow=workflow, status=status, tag=tag, most=most
            )
        if output == "table":
            print(found.count if found.exact else f"at least {found.count}")
        else:
            print_value(found, output)
        return ExitCode.OK

    return run_command(work)


@app.command
def get(
    execution: Id, /, *, output: Output = "table", url: Url = "", data_dir: DataDir = DATA_DIR
) -> int:
    """Show an execution as it is, with its nodes and, once it has ended, its result; `show` knows
    its past too."""

    async def work() -> ExitCode:
        async with open_session(url, data_dir) as client:
            found = await execution_now(client, execution)
            if output != "table":
                print_value(found, output)
                return ExitCode.OK
            print_tree(found)
            if found.ended:
                await print_result(client, found, output)
        return ExitCode.OK

    return run_command(work)


@app.command
def watch(
    execution: Id, /, *, output: Output = "table", url: Url = "", data_dir: DataDir = DATA_DIR
) -> int:
    """Follow an execution live until it ends; the exit code tells how it ended."""

    async def work() -> ExitCode:
        async with open_session(url, data_dir) as client:
            await watch_execution(client, execution)
            return await print_result(client, await client.get_execution(execution), output)

    return run_command(work)


async def _nodes_of(client: Client, execution: str, node: str) -> tuple[NodeState, ...]:
    """All nodes, or one of them with all its lines."""
    if node:
        return (await client.get_node(execution, node),)
    return (await client.get_execution(execution)).nodes


@app.command
def logs(
    execution: Id,
    /,
    *,
    node: Annotated[str, Parameter(show_default=False, help="Only of this node.")] = "",
    output: Output = "table",
    url: Url = "",
    data_dir: DataDir = DATA_DIR,
) -> int:
    """Show what nodes wrote with console and log@1, oldest first: the last 200 lines of each."""

    async def work() -> ExitCode:
        async with open_session(url, data_dir) as client:
            nodes = await _nodes_of(client, execution, node)
        rows = log_rows((each.id, each.logs) for each in nodes)
        if output != "table":
            print_value(rows, output)
            return ExitCode.OK
        cells = [(clock_text(r.at, ms=True), r.node, r.level, printable(r.message)) for r in rows]
        print_table(("TIME", "NODE", "LEVEL", "MESSAGE"), cells)
        return ExitCode.OK

    return run_command(work)


@app.command
def delete(execution: Id, /, *, url: Url = "", data_dir: DataDir = DATA_DIR) -> int:
    """Remove an execution that has ended, with everything of it, for good."""

    async def work() -> ExitCode:
        async with open_session(url, data_dir) as client:
            await client.delete_execution(execution)
        print(f"{execution} deleted")
        return ExitCode.OK

    return run_command(work)


@app.command
def cancel(
    execution: Id,
    /,
    *,
    reason: Annotated[str, Parameter(show_default=False, help="Why, for people.")] = "",
    output: Output = "table",
    url: Url = "",
    data_dir: DataDir = DATA_DIR,
) -> int:
    """End an execution; one that has ended stays as it is."""

    async def work() -> ExitCode:
        async with open_session(url, data_dir) as client:
            answer = await client.cancel(execution, reason)
        if output == "table":
            print(f"{answer.id} {answer.status}")
        else:
            print_value(answer, output)
        return ExitCode.OK

    return run_command(work)


@app.command
def signal(
    execution: Id,
    name: Annotated[str, Parameter(show_default=False, help="Name that a wait node listens for.")],
    /,
    *,
    payload: Annotated[str, Parameter(show_default=False, help="Data as JSON.")] = "",
    signal_id: Annotated[
        str, Parameter(show_default=False, help="Signals with the same id are one signal.")
    ] = "",
    url: Url = "",
    data_dir: DataDir = DATA_DIR,
) -> int:
    """Hand data to an execution that waits for a signal."""

    async def work() -> ExitCode:
        data = parse_json(payload, "--payload") if payload else None
        async with open_session(url, data_dir) as client:
            await client.signal(execution, name, data, signal_id=signal_id)
        print(f"{execution} has the signal {name}")
        return ExitCode.OK

    return run_command(work)
