"""`penstock execution history`."""

from collections.abc import Iterator
from typing import Annotated

from cyclopts import Parameter

from penstock.cli.call import CALL, Call
from penstock.cli.options import Id, Limit
from penstock.cli.output import print_table
from penstock.cli.problems import with_exit_code
from penstock.cli.texts import clock_text, node_text
from penstock.sdk.models import HistoryPage, PublicEvent

_NODES_SHOWN = 3


@with_exit_code
async def history(
    execution: Id,
    /,
    *,
    after: Annotated[int, Parameter(help="Only events after this number.")] = 0,
    limit: Limit = 100,
    call: Call = CALL,
) -> None:
    """List the events of an execution by number: what happened when, and what people did and why;
    `show --at` and `fork --at` take the numbers."""
    async with call.session() as client:
        page = await client.history.events(execution, after=after, limit=limit)
    call.show(page, _print_events)


def _print_events(page: HistoryPage) -> None:
    rows = [
        (
            str(each.seq),
            clock_text(each.at, ms=True),
            each.event.kind,
            ", ".join(words(each.event)),
        )
        for each in page.items
    ]
    print_table(("EVENT", "AT", "KIND", "WHAT"), rows)
    if page.next_after is not None:
        print(f"more: --after {page.next_after}")


def words(event: PublicEvent) -> Iterator[str]:
    """What an event says, in few words."""
    if event.operation:
        yield event.operation
    if event.node:
        yield node_text(event.node, event.item)
    for change in event.nodes[:_NODES_SHOWN]:
        attempt = f" (attempt {change.attempt})" if change.attempt > 1 else ""
        yield f"{node_text(change.id, change.item)} {change.status.lower()}{attempt}"
    if len(event.nodes) > _NODES_SHOWN:
        yield f"and {len(event.nodes) - _NODES_SHOWN} more"
    for text in (event.status.lower(), event.signal, event.decision):
        if text:
            yield text
    if event.failure is not None:
        yield f"{event.failure.reason}: {event.failure.message}"
    yield from (*(event.vars or ()), *event.deleted)
    if event.by:
        yield f"by {event.by}"
    if event.reason:
        yield event.reason
