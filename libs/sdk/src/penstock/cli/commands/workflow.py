"""`penstock workflow ...`."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from penstock.cli.call import CALL, Call
from penstock.cli.commands import versions
from penstock.cli.files import apply_source, read_source
from penstock.cli.options import Cursor, Limit
from penstock.cli.output import print_next_page, print_table
from penstock.cli.problems import BadInput, with_exit_code
from penstock.cli.texts import clock_text
from penstock.sdk.models import Applied, Workflow, WorkflowPage

app = App(
    name="workflow",
    help="Apply, list, show and compare workflows; go back to an earlier version.",
    help_format="plaintext",
)
for _command in (versions.versions, versions.diff, versions.rollback):
    app.command(_command)


@app.command
@with_exit_code
async def apply(
    *files: Annotated[Path, Parameter(help="Workflow files; - is standard input.")],
    call: Call = CALL,
) -> None:
    """Store workflow files as new versions; the same content is the same version."""
    if not files:
        raise BadInput("no file is named", fix="Name workflow files, or - for standard input.")
    applied = []
    async with call.session() as client:
        for file in files:
            applied.append(await apply_source(client, str(file), read_source(file)))
    call.show(applied, _print_applied)


def _print_applied(applied: list[Applied]) -> None:
    for each in applied:
        print(f"{each.name} v{each.version} {'created' if each.created else 'unchanged'}")


@app.command(name="list")
@with_exit_code
async def list_(*, limit: Limit = 50, cursor: Cursor = "", call: Call = CALL) -> None:
    """List the latest version of each workflow."""
    async with call.session() as client:
        page = await client.list_workflows(limit=limit, cursor=cursor)
    call.show(page, _print_workflows)


def _print_workflows(page: WorkflowPage) -> None:
    rows = [
        (
            w.name,
            str(w.version),
            str(len(w.nodes)),
            clock_text(w.created_at),
            " ".join(w.description.split()),
        )
        for w in page.items
    ]
    headings = ("NAME", "VERSION", "NODES", "APPLIED", "DESCRIPTION")
    print_table(headings, rows, gives_way=("DESCRIPTION",))
    print_next_page(page.next_cursor)


@app.command
@with_exit_code
async def get(
    name: Annotated[str, Parameter(help="Name of a workflow.")],
    /,
    *,
    version: Annotated[int, Parameter(help="Version; the latest without it.")] = 0,
    call: Call = CALL,
) -> None:
    """Show one version; as a table, its source."""
    async with call.session() as client:
        found = await client.get_workflow(name, version)
    call.show(found, _print_source)


def _print_source(found: Workflow) -> None:
    print(found.source, end="" if found.source.endswith("\n") else "\n")
