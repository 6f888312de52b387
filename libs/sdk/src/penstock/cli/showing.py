"""An execution that is not live as a tree on standard output."""

from rich.console import Console

from penstock.cli.picture import ExecutionPicture
from penstock.cli.tree import render
from penstock.cli.watching import now_text
from penstock.sdk.models import Execution, SnapshotMessage

_PIPE_CELLS = 1_000_000
"""A pipe is as wide as what is written to it."""


def print_tree(execution: Execution) -> None:
    """The execution as it stands: cut at the edge of a terminal, whole on a pipe."""
    picture = ExecutionPicture(execution.id)
    picture.apply(SnapshotMessage(execution.last_seq, execution.id, execution))
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = _PIPE_CELLS
    at = execution.past.at if execution.past is not None else now_text()
    console.print(render(picture, at, 0))
