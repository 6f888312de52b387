"""`penstock workflow versions|diff|rollback`: the versions of a workflow."""

from typing import Annotated

from cyclopts import Parameter

from penstock.cli.comparing import print_version_comparison
from penstock.cli.exit_codes import ExitCode
from penstock.cli.options import Cursor, DataDir, Limit, Output, Url
from penstock.cli.output import print_next_page, print_table, print_value
from penstock.cli.problems import run_command
from penstock.cli.session import DATA_DIR, open_session
from penstock.cli.texts import clock_text

Name = Annotated[str, Parameter(help="Name of a workflow.")]


def versions(
    name: Name,
    /,
    *,
    limit: Limit = 50,
    cursor: Cursor = "",
    output: Output = "table",
    url: Url = "",
    data_dir: DataDir = DATA_DIR,
) -> int:
    """List the versions of a workflow, newest first."""

    async def work() -> ExitCode:
        async with open_session(url, data_dir) as client:
            page = await client.list_versions(name, limit=limit, cursor=cursor)
        if output != "table":
            print_value(page, output)
            return ExitCode.OK
        rows = [
            (
                str(w.version),
                w.definition_hash[:12],
                str(len(w.nodes)),
                clock_text(w.created_at),
                " ".join(w.description.split()),
            )
            for w in page.items
        ]
        headings = ("VERSION", "CONTENT", "NODES", "APPLIED", "DESCRIPTION")
        print_table(headings, rows, gives_way=("DESCRIPTION",))
        print_next_page(page.next_cursor)
        return ExitCode.OK

    return run_command(work)


def diff(
    name: Name,
    left: Annotated[int, Parameter(help="Version.")],
    right: Annotated[int, Parameter(help="Another version; the latest without it.")] = 0,
    /,
    *,
    output: Output = "table",
    url: Url = "",
    data_dir: DataDir = DATA_DIR,
) -> int:
    """Show how two versions differ: nodes that came, went or changed, and what changed."""

    async def work() -> ExitCode:
        async with open_session(url, data_dir) as client:
            found = await client.history.compare_versions(name, left, right)
        if output == "table":
            print_version_comparison(found)
        else:
            print_value(found, output)
        return ExitCode.OK

    return run_command(work)


def rollback(
    name: Name,
    version: Annotated[int, Parameter(help="Version to go back to.")],
    /,
    *,
    output: Output = "table",
    url: Url = "",
    data_dir: DataDir = DATA_DIR,
) -> int:
    """Make an earlier version's content the newest version; executions that run are not touched."""

    async def work() -> ExitCode:
        async with open_session(url, data_dir) as client:
            done = await client.history.roll_back(name, version)
        if output != "table":
            print_value(done, output)
        elif done.created:
            print(f"{done.name} v{done.version} has the content of v{version}")
        else:
            print(f"{done.name} v{done.version} unchanged: it has the content of v{version}")
        return ExitCode.OK

    return run_command(work)
