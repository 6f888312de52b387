"""`penstock execution effects`."""

from typing import Annotated

from cyclopts import Parameter

from penstock.cli.exit_codes import ExitCode
from penstock.cli.options import Cursor, DataDir, Id, Limit, Output, Url
from penstock.cli.output import print_next_page, print_table, print_value
from penstock.cli.problems import run_command
from penstock.cli.session import DATA_DIR, open_session
from penstock.cli.texts import clock_text, node_text


def effects(  # noqa: PLR0913 - each is an option of the command
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
    """Show what an execution may have changed outside, attempt by attempt."""

    async def work() -> ExitCode:
        async with open_session(url, data_dir) as client:
            page = await client.tasks.effects(execution, node=node, limit=limit, cursor=cursor)
        if output != "table":
            print_value(page, output)
            return ExitCode.OK
        rows = [
            (
                node_text(each.node, each.item),
                each.effects,
                str(attempt.attempt),
                attempt.outcome,
                clock_text(attempt.at),
                each.idempotency_key,
                attempt.note,
            )
            for each in page.items
            for attempt in each.attempts
        ]
        headings = ("NODE", "EFFECTS", "ATTEMPT", "OUTCOME", "KNOWN", "KEY", "NOTE")
        print_table(headings, rows, gives_way=("NOTE", "KEY", "KNOWN"))
        print_next_page(page.next_cursor)
        return ExitCode.OK

    return run_command(work)
