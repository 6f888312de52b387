"""`penstock execution children`."""

from penstock.cli.call import CALL, Call
from penstock.cli.options import Cursor, Id, Limit, OfNode
from penstock.cli.output import print_next_page, print_table
from penstock.cli.problems import with_exit_code
from penstock.cli.results import took_text
from penstock.cli.texts import clock_text, node_text
from penstock.sdk.children import Child, ChildPage

_HEADINGS = ("NODE", "ID", "WORKFLOW", "STATUS", "STARTED", "TOOK")


@with_exit_code
async def children(
    execution: Id,
    /,
    *,
    node: OfNode = "",
    limit: Limit = 50,
    cursor: Cursor = "",
    call: Call = CALL,
) -> None:
    """List the executions that an execution's nodes started as their sub-workflows."""
    async with call.session() as client:
        page = await client.children.list(execution, node=node, limit=limit, cursor=cursor)
    call.show(page, _print_children)


def _print_children(page: ChildPage) -> None:
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


def _place_of(child: Child) -> str:
    """Which attempt of what started it: `node`, `node[3]` for an item, `node #2` for a retry."""
    if child.node is None:
        return "(on failure)"
    return node_text(child.node, child.item) + (f" #{child.attempt}" if child.attempt > 1 else "")
