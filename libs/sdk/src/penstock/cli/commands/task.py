"""`penstock task ...`: what people are asked."""

from typing import Annotated, Any

import msgspec
from cyclopts import App, Parameter

from penstock.cli.exit_codes import ExitCode
from penstock.cli.options import By, Cursor, DataDir, Limit, Output, Url
from penstock.cli.output import print_next_page, print_table, print_value
from penstock.cli.params import parse_json
from penstock.cli.problems import run_command
from penstock.cli.session import DATA_DIR, open_session
from penstock.cli.texts import clock_text

app = App(
    name="task",
    help="List, show and answer what people are asked.",
    help_format="plaintext",
)

TaskId = Annotated[str, Parameter(show_default=False, help="Id of a task.")]


@app.command(name="list")
def list_(  # noqa: PLR0913 - each is an option of the command
    *,
    assignee: Annotated[
        str, Parameter(show_default=False, help="Only for this person, or for everybody.")
    ] = "",
    execution: Annotated[str, Parameter(show_default=False, help="Only of this execution.")] = "",
    workflow: Annotated[str, Parameter(show_default=False, help="Only of this workflow.")] = "",
    kind: Annotated[
        str, Parameter(show_default=False, help="Only of this kind: approval or effect.")
    ] = "",
    limit: Limit = 20,
    cursor: Cursor = "",
    output: Output = "table",
    url: Url = "",
    data_dir: DataDir = DATA_DIR,
) -> int:
    """List open tasks, the oldest first."""

    async def work() -> ExitCode:
        async with open_session(url, data_dir) as client:
            page = await client.tasks.list(
                execution_id=execution,
                workflow=workflow,
                assignee=assignee,
                kind=kind,
                limit=limit,
                cursor=cursor,
            )
        if output != "table":
            print_value(page, output)
            return ExitCode.OK
        rows = [
            (
                task.id,
                task.workflow,
                task.node,
                task.title,
                ", ".join(task.assignees) or "everybody",
                clock_text(task.opened_at),
            )
            for task in page.items
        ]
        headings = ("ID", "WORKFLOW", "NODE", "TITLE", "FOR", "SINCE")
        print_table(headings, rows, gives_way=("SINCE", "FOR", "WORKFLOW", "TITLE"))
        print_next_page(page.next_cursor)
        return ExitCode.OK

    return run_command(work)


@app.command
def show(
    task: TaskId, /, *, output: Output = "table", url: Url = "", data_dir: DataDir = DATA_DIR
) -> int:
    """Show an open task with its form and data."""

    async def work() -> ExitCode:
        async with open_session(url, data_dir) as client:
            found = await client.tasks.get(task)
        print_value(found, "yaml" if output == "table" else output)
        return ExitCode.OK

    return run_command(work)


@app.command
def answer(  # noqa: PLR0913 - each is an option of the command
    task: TaskId,
    decision: Annotated[
        str, Parameter(show_default=False, help="One of the task's decisions, such as approved.")
    ],
    /,
    *,
    data: Annotated[
        str, Parameter(show_default=False, help="Data for the form, or an output, as JSON.")
    ] = "",
    comment: Annotated[str, Parameter(show_default=False, help="Why, for people.")] = "",
    by: By = "",
    output: Output = "table",
    url: Url = "",
    data_dir: DataDir = DATA_DIR,
) -> int:
    """Answer a task; a second answer is refused."""

    async def work() -> ExitCode:
        value: Any = parse_json(data, "--data") if data else msgspec.UNSET
        async with open_session(url, data_dir) as client:
            done = await client.tasks.answer(task, decision, value, by=by, comment=comment)
        if output == "table":
            print(f"{done.id} {done.decision} {done.status}")
        else:
            print_value(done, output)
        return ExitCode.OK

    return run_command(work)
