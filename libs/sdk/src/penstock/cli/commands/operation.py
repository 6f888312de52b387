"""`penstock operation ...`."""

from contextlib import aclosing
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from penstock.cli.call import CALL, Call
from penstock.cli.exit_codes import ExitCode
from penstock.cli.options import Cursor, Limit, Reason, Where
from penstock.cli.output import print_next_page, print_table
from penstock.cli.params import parse_json
from penstock.cli.problems import BadInput, with_exit_code
from penstock.cli.texts import clock_text
from penstock.sdk.client import Client
from penstock.sdk.operations import Operation, OperationPage

app = App(
    name="operation",
    help="Do one thing to many executions; list, watch and stop such operations.",
    help_format="plaintext",
)

Kind = Literal[
    "cancel", "pause", "resume", "signal", "retry", "discard", "restore", "delete", "rerun"
]
Id = Annotated[str, Parameter(show_default=False, help="Id of an operation.")]
_SHOWN = 10


@app.command
@with_exit_code
async def start(  # noqa: PLR0913 - each is an option of the command
    kind: Annotated[Kind, Parameter(show_default=False, help="What is done to each execution.")],
    /,
    *,
    where: Where = "",
    ids: Annotated[
        list[str] | None,
        Parameter(name="--id", negative="", help="One execution; may be repeated."),
    ] = None,
    reason: Reason = "",
    name: Annotated[
        str, Parameter(name="--signal", show_default=False, help="Name of the signal.")
    ] = "",
    payload: Annotated[str, Parameter(show_default=False, help="Data of the signal, JSON.")] = "",
    nodes: Annotated[
        list[str] | None,
        Parameter(name="--from", negative="", help="A node that a rerun begins at; repeatable."),
    ] = None,
    version: Annotated[int, Parameter(help="Version of a retry or rerun; 0: the same.")] = 0,
    from_start: Annotated[
        bool, Parameter(negative="", help="Retry from the start, not from the failed node.")
    ] = False,
    rate: Annotated[int, Parameter(help="At most so many executions a second.")] = 200,
    dry_run: Annotated[bool, Parameter(negative="", help="Only tell what would be done.")] = False,
    wait: Annotated[bool, Parameter(help="Show the progress until it has ended.")] = True,
    call: Call = CALL,
) -> ExitCode:
    """Do one thing to what a query finds, or to the executions named by --id."""
    more: dict[str, Any] = {"reason": reason, "rate_per_s": rate, "from_start": from_start}
    more |= {"signal": name} if name else {}
    more |= {"from_nodes": nodes} if nodes else {}
    more |= {"version": version} if version else {}
    if bool(where) == bool(ids):
        fix = "Give --where or --id, not both. To mean every execution, say so by status."
        raise BadInput("it is not said which executions are meant", fix=fix)
    if payload:
        more["payload"] = parse_json(payload, "--payload")
    async with call.session() as client:
        begun = await client.operations.start(kind, where, ids=ids or (), dry_run=dry_run, **more)
        if begun.id is None or not wait:
            call.show(begun, _print_begun)
            return ExitCode.OK
        return await _watched(client, begun.id, call)


def _print_begun(begun: Operation) -> None:
    if begun.id is not None:
        print(begun.id)
    else:
        least = "" if begun.matched_exact else "at least "
        what = "execution" if begun.matched == 1 else "executions"
        print(f"would {begun.kind} {least}{begun.matched} {what}")
        for each in begun.sample_ids:
            print(f"  {each}")


async def _watched(client: Client, operation_id: str, call: Call) -> ExitCode:
    """Show the progress on standard error, then how it ended."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
               TimeRemainingColumn())  # fmt: skip
    console = Console(stderr=True)
    found: Operation | None = None
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        bar = progress.add_task(operation_id)
        async with aclosing(client.operations.watch(operation_id)) as looks:  # type: ignore[type-var]
            async for found in looks:
                through = found.done + found.skipped + found.failed
                total = max(found.matched, through)
                progress.update(bar, description=found.kind, completed=through, total=total)
    assert found is not None
    call.show(found, _print_operation)
    return ExitCode.OK if not found.failed else ExitCode.EXECUTION_FAILED


def _print_operation(found: Operation) -> None:
    counts = f"{found.done} done, {found.skipped} skipped, {found.failed} failed"
    least = "" if found.matched_exact else "at least "
    print(f"{found.kind} {found.id} {found.state.lower()}: {counts} of {least}{found.matched}")
    for each in found.failures[:_SHOWN]:
        what = "skipped" if each.skipped else "failed"
        print(f"  {each.execution_id} {what}: {each.reason}: {each.message}")
    if len(found.failures) > _SHOWN:
        print(f"  and more: see -o json (the first {len(found.failures)} are kept)")


@app.command(name="list")
@with_exit_code
async def list_(*, limit: Limit = 20, cursor: Cursor = "", call: Call = CALL) -> None:
    """List operations, newest first."""
    async with call.session() as client:
        page = await client.operations.list(limit, cursor)
    call.show(page, _print_operations)


def _print_operations(page: OperationPage) -> None:
    rows = [
        (
            str(each.id),
            each.kind,
            each.state,
            f"{each.done}/{each.matched}",
            str(each.skipped),
            str(each.failed),
            clock_text(each.created_at),
            each.query,
        )
        for each in page.items
    ]
    headings = ("ID", "KIND", "STATE", "DONE", "SKIPPED", "FAILED", "BEGAN", "QUERY")
    print_table(headings, rows, gives_way=("QUERY", "BEGAN", "SKIPPED"))
    print_next_page(page.next_cursor)


@app.command
@with_exit_code
async def get(operation: Id, /, *, call: Call = CALL) -> None:
    """Show how far an operation is, and for which executions it did not work."""
    async with call.session() as client:
        found = await client.operations.get(operation)
    call.show(found, _print_operation)


@app.command
@with_exit_code
async def watch(operation: Id, /, *, call: Call = CALL) -> ExitCode:
    """Follow an operation until it has ended."""
    async with call.session() as client:
        return await _watched(client, operation, call)


@app.command
@with_exit_code
async def cancel(operation: Id, /, *, call: Call = CALL) -> None:
    """Stop an operation; what was done stays done."""
    async with call.session() as client:
        cancelled = await client.operations.cancel(operation)
    call.show(cancelled, _print_operation)
