"""`penstock workflow versions|diff|rollback`: the versions of a workflow."""

from functools import partial
from typing import Annotated

from cyclopts import Parameter

from penstock.cli.call import CALL, Call
from penstock.cli.comparing import print_version_comparison
from penstock.cli.options import Cursor, Limit
from penstock.cli.output import print_next_page, print_table
from penstock.cli.problems import with_exit_code
from penstock.cli.texts import clock_text
from penstock.sdk.history_models import RolledBack
from penstock.sdk.models import WorkflowPage

Name = Annotated[str, Parameter(help="Name of a workflow.")]


@with_exit_code
async def versions(
    name: Name,
    /,
    *,
    limit: Limit = 50,
    cursor: Cursor = "",
    call: Call = CALL,
) -> None:
    """List the versions of a workflow, newest first."""
    async with call.session() as client:
        page = await client.list_versions(name, limit=limit, cursor=cursor)
    call.show(page, _print_versions)


def _print_versions(page: WorkflowPage) -> None:
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


@with_exit_code
async def diff(
    name: Name,
    left: Annotated[int, Parameter(help="Version.")],
    right: Annotated[int, Parameter(help="Another version; the latest without it.")] = 0,
    /,
    *,
    call: Call = CALL,
) -> None:
    """Show how two versions differ: nodes that came, went or changed, and what changed."""
    async with call.session() as client:
        found = await client.history.compare_versions(name, left, right)
    call.show(found, print_version_comparison)


@with_exit_code
async def rollback(
    name: Name,
    version: Annotated[int, Parameter(help="Version to go back to.")],
    /,
    *,
    call: Call = CALL,
) -> None:
    """Make an earlier version's content the newest version; executions that run are not touched."""
    async with call.session() as client:
        done = await client.history.roll_back(name, version)
    call.show(done, partial(_print_rolled_back, version))


def _print_rolled_back(version: int, done: RolledBack) -> None:
    unchanged = "" if done.created else " unchanged: it"
    print(f"{done.name} v{done.version}{unchanged} has the content of v{version}")
