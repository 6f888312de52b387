"""`penstock execution ...`."""

from dataclasses import dataclass
from typing import Annotated

from cyclopts import App, Parameter

from penstock.cli.call import CALL, Call
from penstock.cli.commands import history, why
from penstock.cli.commands.pausing import pause, resume
from penstock.cli.exit_codes import ExitCode
from penstock.cli.logs import LogRow, log_rows, printable
from penstock.cli.options import Cursor, Id, Limit, OfNode, OfWorkflow, Order, Reason, Where
from penstock.cli.output import print_next_page, print_table
from penstock.cli.params import parse_json
from penstock.cli.problems import with_exit_code
from penstock.cli.results import print_result, took_text
from penstock.cli.session import SERVER, Server
from penstock.cli.showing import execution_now, print_tree
from penstock.cli.texts import clock_text
from penstock.cli.watching import watch_execution
from penstock.sdk.client import Client
from penstock.sdk.models import Cancelled, ExecutionCount, ExecutionPage, NodeState


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class Which:
    """The options that say which executions are meant: those that meet all of them."""

    where: Where = ""
    workflow: OfWorkflow = ""
    status: Annotated[
        str, Parameter(show_default=False, help="Only with this status, such as PAUSED.")
    ] = ""
    tag: Annotated[str, Parameter(show_default=False, help="Only with this label.")] = ""


WHICH = Which()

app = App(
    name="execution",
    help="Find, show, watch, compare, re-run, pause, cancel and signal executions; read logs.",
    help_format="plaintext",
)
for _command in (history.show, history.diff, history.rerun, history.fork, pause, resume, why.why):
    app.command(_command)
app.command("penstock.cli.commands.effects:effects", name="effects",
            help="Show what an execution may have changed outside.")  # fmt: skip
app.command("penstock.cli.commands.events:history", name="history",
            help="List its events: what happened when, and what people did and why.")  # fmt: skip
app.command("penstock.cli.commands.children:children", name="children",
            help="List the executions that its nodes started as sub-workflows.")  # fmt: skip


@app.command(name="list")
@with_exit_code
async def list_(
    *,
    which: Which = WHICH,
    order: Order = "newest",
    limit: Limit = 20,
    cursor: Cursor = "",
    call: Call = CALL,
) -> None:
    """Find executions by a query, by single conditions, or both; newest first."""
    async with call.session() as client:
        page = await client.list_executions(
            which.where,
            workflow=which.workflow,
            status=which.status,
            tag=which.tag,
            order=order,
            limit=limit,
            cursor=cursor,
        )
    call.show(page, _print_executions)


def _print_executions(page: ExecutionPage) -> None:
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


@app.command
@with_exit_code
async def count(
    *,
    which: Which = WHICH,
    most: Annotated[int, Parameter(help="Count no further than this.")] = 10_000,
    call: Call = CALL,
) -> None:
    """Count executions, found as by `list`."""
    async with call.session() as client:
        found = await client.count_executions(
            which.where,
            workflow=which.workflow,
            status=which.status,
            tag=which.tag,
            most=most,
        )
    call.show(found, _print_count)


def _print_count(found: ExecutionCount) -> None:
    print(found.count if found.exact else f"at least {found.count}")


@app.command
@with_exit_code
async def get(execution: Id, /, *, call: Call = CALL) -> None:
    """Show an execution as it is, with its nodes and, once it has ended, its result; `show` knows
    its past too."""
    async with call.session() as client:
        found = await execution_now(client, execution)
        call.show(found, print_tree)
        if found.ended and call.output == "table":
            await print_result(client, found, call.output)


@app.command
@with_exit_code
async def watch(execution: Id, /, *, call: Call = CALL) -> ExitCode:
    """Follow an execution live until it ends; the exit code tells how it ended."""
    async with call.session() as client:
        await watch_execution(client, execution)
        return await print_result(client, await client.get_execution(execution), call.output)


async def _nodes_of(client: Client, execution: str, node: str) -> tuple[NodeState, ...]:
    """All nodes, or one of them with all its lines."""
    if node:
        return (await client.get_node(execution, node),)
    return (await client.get_execution(execution)).nodes


@app.command
@with_exit_code
async def logs(execution: Id, /, *, node: OfNode = "", call: Call = CALL) -> None:
    """Show what nodes wrote with console and log@1, oldest first: the last 200 lines of each."""
    async with call.session() as client:
        nodes = await _nodes_of(client, execution, node)
    rows = log_rows((each.id, each.logs) for each in nodes)
    call.show(rows, _print_logs)


def _print_logs(rows: list[LogRow]) -> None:
    cells = [(clock_text(r.at, ms=True), r.node, r.level, printable(r.message)) for r in rows]
    print_table(("TIME", "NODE", "LEVEL", "MESSAGE"), cells)


@app.command
@with_exit_code
async def delete(execution: Id, /, *, server: Server = SERVER) -> None:
    """Remove an execution that has ended, with everything of it, for good."""
    async with server.session() as client:
        await client.delete_execution(execution)
    print(f"{execution} deleted")


@app.command
@with_exit_code
async def cancel(execution: Id, /, *, reason: Reason = "", call: Call = CALL) -> None:
    """End an execution; one that has ended stays as it is."""
    async with call.session() as client:
        answer = await client.cancel(execution, reason)
    call.show(answer, _print_status)


def _print_status(answer: Cancelled) -> None:
    print(f"{answer.id} {answer.status}")


@app.command
@with_exit_code
async def signal(
    execution: Id,
    name: Annotated[str, Parameter(show_default=False, help="Name that a wait node listens for.")],
    /,
    *,
    payload: Annotated[str, Parameter(show_default=False, help="Data as JSON.")] = "",
    signal_id: Annotated[
        str, Parameter(show_default=False, help="Signals with the same id are one signal.")
    ] = "",
    server: Server = SERVER,
) -> None:
    """Hand data to an execution that waits for a signal."""
    data = parse_json(payload, "--payload") if payload else None
    async with server.session() as client:
        await client.signal(execution, name, data, signal_id=signal_id)
    print(f"{execution} has the signal {name}")
