"""What user code wrote with `console`, and `log@1`: as rows in the order of time, and as lines."""

from collections.abc import Iterable

import msgspec
from rich.console import Console
from rich.text import Text

from penstock.cli.picture import ExecutionPicture
from penstock.sdk.models import LogLine

TAIL_LINES_MAX = 20
"""Lines shown below the tree: what happened last, and still room for the result."""

LEVEL_STYLES = {"error": "red", "warn": "yellow", "debug": "dim"}


class LogRow(msgspec.Struct, frozen=True):
    """One line with the node that wrote it."""

    at: str
    node: str
    level: str
    message: str


def log_rows(nodes: Iterable[tuple[str, Iterable[LogLine]]]) -> list[LogRow]:
    """The lines of several nodes, oldest first."""
    rows = [LogRow(line.at, node, line.level, line.message) for node, lines in nodes
            for line in lines]  # fmt: skip
    return sorted(rows, key=lambda row: row.at)


def printable(message: str) -> str:
    """A message without what could steer a terminal; its own line breaks stay."""
    return "".join(c if c.isprintable() or c in "\n\t" else "\ufffd" for c in message)


def log_text(node: str, line: LogLine | LogRow) -> str:
    """A line as it stands among others: `node [level] message`, continued lines indented."""
    return f"{node} [{line.level}] " + printable(line.message).replace("\n", "\n    ")


def print_log_tail(console: Console, picture: ExecutionPicture) -> None:
    """The last lines of an execution below its tree; says where the others are."""
    rows = log_rows((node.id, node.logs) for node in picture.nodes.values())
    if not rows:
        return
    if (hidden := len(rows) - TAIL_LINES_MAX) > 0:
        more = f"{hidden} earlier line{'s' if hidden > 1 else ''}"
        console.print(Text(f"{more}: penstock execution logs {picture.id}", style="dim"))
    for row in rows[-TAIL_LINES_MAX:]:
        text = Text(f"{row.at[11:23]}  ", style="dim")
        text.append(log_text(row.node, row), style=f"not dim {LEVEL_STYLES.get(row.level, '')}")
        console.print(text)
