"""`penstock workflow ...`."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from penstock.cli.commands import versions
from penstock.cli.exit_codes import ExitCode
from penstock.cli.files import apply_source, read_source
from penstock.cli.options import Cursor, DataDir, Limit, Output, Url
from penstock.cli.output import print_next_page, print_table, print_value
from penstock.cli.problems import BadInput, run_command
from penstock.cli.session import DATA_DIR, open_session
from penstock.cli.texts import clock_text

app = App(
    name="workflow",
    help="Apply, list, show and compare workflows; go back to an earlier version.",
    help_format="plaintext",
)
for _command in (versions.versions, versions.diff, versions.rollback):
    app.command(_command)


@app.command
def apply(
    *files: Annotated[Path, Parameter(help="Workflow files; - is standard input.")],
    output: Output = "table",
    url: Url = "",
    data_dir: DataDir = DATA_DIR,
) -> int:
    """Store workflow files as new versions; the same content is the same version."""

    async def work() -> ExitCode:
        if not files:
            raise BadInput("no file is named", fix="Name workflow files, or - for standard input.")
        applied = []
        async with open_session(url, data_dir) as client:
            for file in files:
                applied.append(await apply_source(client, str(file), read_source(file)))
        if output != "table":
            print_value(applied, output)
            return ExitCode.OK
        for each in applied:
            print(f"{each.name} v{each.version} {'created' if each.created else 'unchanged'}")
        return ExitCode.OK

    return run_command(work)


@app.command(name="list")
def list_(
    *,
    limit: Limit = 50,
    cursor: Cursor = "",
    output: Output = "table",
    url: Url = "",
    data_dir: DataDir = DATA_DIR,
) -> int:
    """List the latest version of each workflow."""

    async def work() -> ExitCode:
        async with open_session(url, data_dir) as client:
            page = await client.list_workflows(limit=limit, cursor=cursor)
        if output != "table":
            print_value(page, output)
            return ExitCode.OK
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
        return ExitCode.OK

    return run_command(work)


@app.command
def get(
    name: Annotated[str, Parameter(help="Name of a workflow.")],
    /,
    *,
    version: Annotated[int, Parameter(help="Version; the latest without it.")] = 0,
    output: Output = "table",
    url: Url = "",
    data_dir: DataDir = DATA_DIR,
) -> int:
    """Show one version; as a table, its source."""

    async def work() -> ExitCode:
        async with open_session(url, data_dir) as client:
            found = await client.get_workflow(name, version)
        if output == "table":
            print(found.source, end="" if found.source.endswith("\n") else "\n")
        else:
            print_value(found, output)
        return ExitCode.OK

    return run_command(work)
