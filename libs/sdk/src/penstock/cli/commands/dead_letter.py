"""`penstock dead-letter ...`."""

from typing import Annotated

from cyclopts import App, Parameter

from penstock.cli.exit_codes import ExitCode
from penstock.cli.options import (
    Cursor,
    DataDir,
    Limit,
    Order,
    Output,
    Param,
    ParamsFile,
    Url,
    Where,
)
from penstock.cli.output import print_next_page, print_table, print_value
from penstock.cli.params import build_params, parse_json
from penstock.cli.problems import run_command
from penstock.cli.session import DATA_DIR, open_session
from penstock.cli.showing import print_tree
from penstock.cli.texts import clock_text
from penstock.sdk.client import Client
from penstock.sdk.dead_letters import DeadLetterSummary, Letter, LetterAnswer

app = App(
    name="dead-letter",
    help="List, show, retry, discard and restore executions that failed.",
    help_format="plaintext",
)

Id = Annotated[str, Parameter(show_default=False, help="Id of the execution that failed.")]
State = Annotated[str, Parameter(help="open, retried or discarded; several by commas.")]


@app.command(name="list")
def list_(  # noqa: PLR0913 - each is an option of the command
    *,
    where: Where = "",
    state: State = "open",
    order: Order = "newest",
    limit: Limit = 20,
    cursor: Cursor = "",
    output: Output = "table",
    url: Url = "",
    data_dir: DataDir = DATA_DIR,
) -> int:
    """List executions that FAILED or TIMED_OUT and that nobody has dealt with."""

    async def work() -> ExitCode:
        async with open_session(url, data_dir) as client:
            page = await client.dead_letters.list(
                where, state=state, order=order, limit=limit, cursor=cursor
            )
        if output != "table":
            print_value(page, output)
            return ExitCode.OK
        headings = ("ID", "WORKFLOW", "STATUS", "NODE", "REASON", "STARTED", "LETTER")
        gives_way = ("STARTED", "WORKFLOW", "REASON", "NODE")
        print_table(headings, [_row(item) for item in page.items], gives_way=gives_way)
        print_next_page(page.next_cursor)
        return ExitCode.OK

    return run_command(work)


def _row(item: DeadLetterSummary) -> tuple[str, ...]:
    letter = item.letter
    done = f"{letter.state} as {letter.retried_as}" if letter.retried_as else letter.state
    reason = item.failure.reason if item.failure else ""
    started = clock_text(item.started_at)
    workflow = f"{item.workflow} v{item.version}"
    return item.id, workflow, item.status, item.failed_node or "", reason, started, done


def _standing(letter: Letter) -> str:
    """What was done about it."""
    if letter.retried_as:
        return f"it was retried as {letter.retried_as}"
    if letter.state == "discarded":
        return f"it was discarded: {letter.reason}" if letter.reason else "it was discarded"
    return "it waits for a retry, or for being discarded"


@app.command
def get(
    execution: Id, /, *, output: Output = "table", url: Url = "", data_dir: DataDir = DATA_DIR
) -> int:
    """Show what failed, why, and with which input."""

    async def work() -> ExitCode:
        async with open_session(url, data_dir) as client:
            found = await client.dead_letters.get(execution)
        if output != "table":
            print_value(found, output)
            return ExitCode.OK
        print_tree(found.execution)
        print(_standing(found.letter))
        if found.failed is not None:
            failure = found.failed.failure
            print(f"\n{found.failed.id} failed at attempt {found.failed.attempt}", end="")
            print(f": {failure.reason}: {failure.message}" if failure else "")
            print("its input:")
            print_value(found.failed.input, "json")
        return ExitCode.OK

    return run_command(work)


@app.command
def retry(  # noqa: PLR0913 - each is an option of the command
    execution: Id,
    /,
    *,
    param: Param = None,
    params_file: ParamsFile = None,
    input_json: Annotated[
        str,
        Parameter(
            name="--input", show_default=False, help="Input of the failed node, JSON by parent."
        ),
    ] = "",
    version: Annotated[int, Parameter(help="Version to run; 0 for the one that failed.")] = 0,
    from_start: Annotated[bool, Parameter(negative="", help="Run every node again.")] = False,
    output: Output = "table",
    url: Url = "",
    data_dir: DataDir = DATA_DIR,
) -> int:
    """Run it again from the node that failed, once; --param changes parameters, --input
    what that node gets."""

    async def work() -> ExitCode:
        async with open_session(url, data_dir) as client:
            params = None
            if param or params_file:
                params = await _changed(client, execution, param or [], params_file)
            answer = await client.dead_letters.retry(
                execution,
                params,
                input=parse_json(input_json, "--input") if input_json else None,
                version=version,
                from_start=from_start,
            )
        if output == "table":
            before = " (it was retried before)" if answer.existing else ""
            print(f"{answer.retried_as} runs in the place of {answer.id}{before}")
        else:
            print_value(answer, output)
        return ExitCode.OK

    return run_command(work)


async def _changed(
    client: Client, execution: str, given: list[str], file: ParamsFile
) -> dict[str, object]:
    """The parameters of the failed execution with the given ones in their place."""
    before = await client.get_execution(execution)
    schema = (await client.get_workflow(before.workflow, before.version)).params_schema
    return {**(before.params or {}), **build_params(given, file, schema)}


def _print_letter(answer: LetterAnswer, output: Output) -> None:
    if output == "table":
        print(f"{answer.id} {answer.letter.state}")
    else:
        print_value(answer, output)


@app.command
def discard(
    execution: Id,
    /,
    *,
    reason: Annotated[str, Parameter(show_default=False, help="Why, for people.")] = "",
    output: Output = "table",
    url: Url = "",
    data_dir: DataDir = DATA_DIR,
) -> int:
    """Take it off the list; its data stays, and `restore` puts it back."""

    async def work() -> ExitCode:
        async with open_session(url, data_dir) as client:
            _print_letter(await client.dead_letters.discard(execution, reason), output)
        return ExitCode.OK

    return run_command(work)


@app.command
def restore(
    execution: Id, /, *, output: Output = "table", url: Url = "", data_dir: DataDir = DATA_DIR
) -> int:
    """Put a discarded one back on the list."""

    async def work() -> ExitCode:
        async with open_session(url, data_dir) as client:
            _print_letter(await client.dead_letters.restore(execution), output)
        return ExitCode.OK

    return run_command(work)
