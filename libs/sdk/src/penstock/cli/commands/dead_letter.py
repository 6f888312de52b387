"""`penstock dead-letter ...`."""

from typing import Annotated

from cyclopts import App, Parameter

from penstock.cli.call import CALL, Call
from penstock.cli.options import Cursor, Limit, Order, Reason, Where
from penstock.cli.output import print_next_page, print_table, print_value
from penstock.cli.params import PARAMS, Params, parse_json
from penstock.cli.problems import with_exit_code
from penstock.cli.showing import print_tree
from penstock.cli.texts import clock_text
from penstock.sdk.client import Client
from penstock.sdk.dead_letters import (
    DeadLetter,
    DeadLetterPage,
    DeadLetterSummary,
    Letter,
    LetterAnswer,
    Retried,
)

app = App(
    name="dead-letter",
    help="List, show, retry, discard and restore executions that failed.",
    help_format="plaintext",
)

Id = Annotated[str, Parameter(show_default=False, help="Id of the execution that failed.")]
State = Annotated[str, Parameter(help="open, retried or discarded; several by commas.")]


@app.command(name="list")
@with_exit_code
async def list_(
    *,
    where: Where = "",
    state: State = "open",
    order: Order = "newest",
    limit: Limit = 20,
    cursor: Cursor = "",
    call: Call = CALL,
) -> None:
    """List executions that FAILED or TIMED_OUT and that nobody has dealt with."""
    async with call.session() as client:
        page = await client.dead_letters.list(
            where, state=state, order=order, limit=limit, cursor=cursor
        )
    call.show(page, _print_letters)


def _print_letters(page: DeadLetterPage) -> None:
    headings = ("ID", "WORKFLOW", "STATUS", "NODE", "REASON", "STARTED", "LETTER")
    gives_way = ("STARTED", "WORKFLOW", "REASON", "NODE")
    print_table(headings, [_row(item) for item in page.items], gives_way=gives_way)
    print_next_page(page.next_cursor)


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
@with_exit_code
async def get(execution: Id, /, *, call: Call = CALL) -> None:
    """Show what failed, why, and with which input."""
    async with call.session() as client:
        found = await client.dead_letters.get(execution)
    call.show(found, _print_letter)


def _print_letter(found: DeadLetter) -> None:
    print_tree(found.execution)
    print(_standing(found.letter))
    if found.failed is not None:
        failure = found.failed.failure
        print(f"\n{found.failed.id} failed at attempt {found.failed.attempt}", end="")
        print(f": {failure.reason}: {failure.message}" if failure else "")
        print("its input:")
        print_value(found.failed.input, "json")


@app.command
@with_exit_code
async def retry(
    execution: Id,
    /,
    *,
    params: Params = PARAMS,
    input_json: Annotated[
        str,
        Parameter(
            name="--input", show_default=False, help="Input of the failed node, JSON by parent."
        ),
    ] = "",
    version: Annotated[int, Parameter(help="Version to run; 0 for the one that failed.")] = 0,
    from_start: Annotated[bool, Parameter(negative="", help="Run every node again.")] = False,
    call: Call = CALL,
) -> None:
    """Run it again from the node that failed, once; --param changes parameters, --input
    what that node gets."""
    async with call.session() as client:
        changed = await _changed(client, execution, params) if params.given else None
        answer = await client.dead_letters.retry(
            execution,
            changed,
            input=parse_json(input_json, "--input") if input_json else None,
            version=version,
            from_start=from_start,
        )
    call.show(answer, _print_retry)


def _print_retry(answer: Retried) -> None:
    before = " (it was retried before)" if answer.existing else ""
    print(f"{answer.retried_as} runs in the place of {answer.id}{before}")


async def _changed(client: Client, execution: str, params: Params) -> dict[str, object]:
    """The parameters of the failed execution with the given ones in their place."""
    before = await client.get_execution(execution)
    schema = (await client.get_workflow(before.workflow, before.version)).params_schema
    return {**(before.params or {}), **params.build(schema)}


@app.command
@with_exit_code
async def discard(execution: Id, /, *, reason: Reason = "", call: Call = CALL) -> None:
    """Take it off the list; its data stays, and `restore` puts it back."""
    async with call.session() as client:
        discarded = await client.dead_letters.discard(execution, reason)
    call.show(discarded, _print_state)


@app.command
@with_exit_code
async def restore(execution: Id, /, *, call: Call = CALL) -> None:
    """Put a discarded one back on the list."""
    async with call.session() as client:
        restored = await client.dead_letters.restore(execution)
    call.show(restored, _print_state)


def _print_state(answer: LetterAnswer) -> None:
    print(f"{answer.id} {answer.letter.state}")
