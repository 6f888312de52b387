"""`penstock execution children`."""

from typing import Annotated

from cyclopts import Parameter

from penstock.cli.exit_codes import ExitCode
from penstock.cli.options import Cursor, DataDir, Id, Limit, Output, Url
from penstock.cli.output import print_next_page, print_table, print_value
from penstock.cli.problems import run_command
from penstock.cli.results import took_text
from penstock.cli.session import DATA_DIR, open_session
from penstock.cli.texts import clock_text, node_text
from penstock.sdk.children import Child

_HEADINGS = ("NODE", "ID", "WORKFLOW", "STATUS", "STARTED", "TOOK")


def children(  # noqa: PLR0913 - each is an option of the command
    execution: Id,
    /,
    *,
    node: Annotated[str, Parameter(show_default=False, help="Only of this node.")] = "",
    limit: Limit = 50,
    cursor: Cursor = "",
    output: Output = "table",
    url: Url = "",
    data_dir: DataDir = DATA_DIR,
) -> int:
    """List the executions that an execution's nodes started as their sub-workflows."""

    async def work() -> ExitCode:
        async with open_session(url, data_dir) as client:
            page = await client.children.list(execution, node=node, limit=limit, cursor=cursor)
        if output != "table":
            print_value(page, output)
            return ExitCode.OK
        rows = [
            (
                _place_of(each),
                each.execution.id,
                f"{each.execution.workflow} v{each.execution.version}",
                each.execution.status,
                clock_text(each.execution.started_at),
                took_text(each.execution.started_at, each.execution.finished_at),
            )
            for each in page.items
        ]
        print_table(_HEADINGS, rows, gives_way=("STARTED", "TOOK", "WORKFLOW"))
        print_next_page(page.next_cursor)
        return ExitCode.OK

    return run_command(work)


def _place_of(child: Child) -> str:
    """Which attempt of what started it: `node`, `node[3]` for an item, `node #2` for a retry."""
    if child.node is None:
        return "(on failure)"
    return node_text(child.node, child.item) + (f" #{child.attempt}" if child.attempt > 1 else "")
