"""`penstock task ...`: what people are asked."""

from typing import Annotated, Any

import msgspec
from cyclopts import App, Parameter

from penstock.cli.call import CALL, Call
from penstock.cli.options import By, Cursor, Limit, OfWorkflow
from penstock.cli.output import print_next_page, print_table, print_value
from penstock.cli.params import parse_json
from penstock.cli.problems import with_exit_code
from penstock.cli.texts import clock_text
from penstock.sdk.tasks import Task, TaskAnswer, TaskPage

app = App(
    name="task",
    help="List, show and answer what people are asked.",
    help_format="plaintext",
)

TaskId = Annotated[str, Parameter(show_default=False, help="Id of a task.")]


@app.command(name="list")
@with_exit_code
async def list_(  # noqa: PLR0913 - each is an option of the command
    *,
    assignee: Annotated[
        str, Parameter(show_default=False, help="Only for this person, or for everybody.")
    ] = "",
    execution: Annotated[str, Parameter(show_default=False, help="Only of this execution.")] = "",
    workflow: OfWorkflow = "",
    kind: Annotated[
        str, Parameter(show_default=False, help="Only of this kind: approval or effect.")
    ] = "",
    limit: Limit = 20,
    cursor: Cursor = "",
    call: Call = CALL,
) -> None:
    """List open tasks, the oldest first."""
    async with call.session() as client:
        page = await client.tasks.list(
            execution_id=execution,
            workflow=workflow,
            assignee=assignee,
            kind=kind,
            limit=limit,
            cursor=cursor,
        )
    call.show(page, _print_tasks)


def _print_tasks(page: TaskPage) -> None:
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


@app.command
@with_exit_code
async def show(task: TaskId, /, *, call: Call = CALL) -> None:
    """Show an open task with its form and data."""
    async with call.session() as client:
        found = await client.tasks.get(task)
    call.show(found, _print_task)


def _print_task(found: Task) -> None:
    print_value(found, "yaml")


@app.command
@with_exit_code
async def answer(
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
    call: Call = CALL,
) -> None:
    """Answer a task; a second answer is refused."""
    value: Any = parse_json(data, "--data") if data else msgspec.UNSET
    async with call.session() as client:
        done = await client.tasks.answer(task, decision, value, by=by, comment=comment)
    call.show(done, _print_answer)


def _print_answer(done: TaskAnswer) -> None:
    print(f"{done.id} {done.decision} {done.status}")
