"""An execution that is not live as a tree on standard output."""

from collections.abc import Iterator

from rich.console import Console

from penstock.cli.picture import ExecutionPicture
from penstock.cli.reasons import with_reasons
from penstock.cli.refused import refused_lines
from penstock.cli.tree import render
from penstock.cli.watching import now_text
from penstock.sdk.client import Client
from penstock.sdk.errors import NotFoundError, UnavailableError
from penstock.sdk.models import Execution, SnapshotMessage

_PIPE_CELLS = 1_000_000
"""A pipe is as wide as what is written to it."""


async def execution_now(client: Client, execution: str) -> Execution:
    """An execution as it stands, with why its nodes wait as its coordinator knows it. If nobody
    can be asked, it says what the journal does."""
    found = await client.get_execution(execution)
    if found.ended:
        return found
    try:
        return with_reasons(found, await client.scheduling.explain(execution))
    except (NotFoundError, UnavailableError):
        return found


def print_tree(execution: Execution) -> None:
    """Where the execution comes from, how it stands, and what it could not get: cut at the edge of
    a terminal, whole on a pipe."""
    picture = ExecutionPicture(execution.id)
    picture.apply(SnapshotMessage(execution.last_seq, execution.id, execution))
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = _PIPE_CELLS
    for origin in _origins(execution):
        console.print(origin)
    at = execution.past.at if execution.past is not None else now_text()
    console.print(render(picture, at, 0))
    for line in refused_lines(execution):
        console.print(line)


def _origins(execution: Execution) -> Iterator[str]:
    if execution.parent is not None:
        yield f"started by {execution.parent.execution_id}"
    if execution.origin is not None:
        origin = execution.origin
        word = "re-run of" if origin.kind == "RERUN" else "forked from"
        yield f"{word} {origin.execution_id} after its event {origin.seq}"
