"""`penstock execution effects`."""

from penstock.cli.call import CALL, Call
from penstock.cli.options import Cursor, Id, Limit, OfNode
from penstock.cli.output import print_next_page, print_table
from penstock.cli.problems import with_exit_code
from penstock.cli.texts import clock_text, node_text
from penstock.sdk.tasks import EffectPage


@with_exit_code
async def effects(
    execution: Id,
    /,
    *,
    node: OfNode = "",
    limit: Limit = 50,
    cursor: Cursor = "",
    call: Call = CALL,
) -> None:
    """Show what an execution may have changed outside, attempt by attempt."""
    async with call.session() as client:
        page = await client.tasks.effects(execution, node=node, limit=limit, cursor=cursor)
    call.show(page, _print_effects)


def _print_effects(page: EffectPage) -> None:
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
