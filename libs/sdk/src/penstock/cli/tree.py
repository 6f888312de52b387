"""The execution as a tree on the terminal: one line per node, children below the last of their
parents."""

from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.text import Text

from penstock.cli.picture import ExecutionPicture, NodePicture
from penstock.cli.texts import duration_text, seconds_between

_BAR_CELLS = 24
_BAR_CELLS_MIN = 6
_FAILURE_CHARS = 100
_HIDDEN = "$"


@dataclass(frozen=True, slots=True)
class Look:
    """How one status is drawn."""

    icon: str
    plain: str
    style: str


LOOKS = {
    "PENDING": Look("○", ".", "dim"),
    "QUEUED": Look("◌", "q", "cyan"),
    "RUNNING": Look("●", ">", "bold cyan"),
    "WAITING": Look("◷", "w", "yellow"),
    "COMPLETED": Look("✔", "+", "green"),
    "FAILED": Look("✘", "x", "bold red"),
    "SKIPPED": Look("⊘", "-", "dim"),
    "CANCELLED": Look("⊗", "!", "magenta"),
    "TIMED_OUT": Look("✘", "x", "bold red"),
}
_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


@dataclass(frozen=True, slots=True)
class _Row:
    node: NodePicture
    depth: int
    joins: tuple[str, ...]


def _depths(nodes: dict[str, NodePicture]) -> dict[str, int]:
    """Longest way from a start node to each node."""
    depths: dict[str, int] = {}
    for node in nodes.values():
        pending = [node.id]
        while pending:
            current = pending[-1]
            missing = [n for n in nodes[current].needs if n in nodes and n not in depths]
            if missing:
                pending.extend(missing)
                continue
            pending.pop()
            above = [depths[n] for n in nodes[current].needs if n in nodes]
            depths[current] = max(above, default=-1) + 1
    return depths


def rows_of(picture: ExecutionPicture) -> list[_Row]:
    """Nodes in the order of the tree."""
    nodes = {i: n for i, n in picture.nodes.items() if not i.startswith(_HIDDEN)}
    depths = _depths(nodes)
    children: dict[str, list[str]] = {}
    for node in nodes.values():
        parents = [parent for parent in node.needs if parent in nodes]
        home = max(parents, key=lambda parent: depths[parent], default="")
        children.setdefault(home, []).append(node.id)
    rows: list[_Row] = []
    stack = [(name, 0, "") for name in reversed(children.get("", []))]
    while stack:
        name, depth, home = stack.pop()
        node = nodes[name]
        rows.append(_Row(node, depth, tuple(n for n in node.needs if n != home)))
        stack.extend((child, depth + 1, name) for child in reversed(children.get(name, [])))
    return rows


def _bar(node: NodePicture, cells: int) -> Text:
    done = node.items_done - node.items_failed
    good = round(cells * done / node.items_total)
    bad = min(cells - good, -(-cells * node.items_failed // node.items_total))
    text = Text(" ")
    text.append("━" * good, style="green")
    text.append("━" * bad, style="red")
    text.append("━" * (cells - good - bad), style="bright_black")
    text.append(f" {node.items_done}/{node.items_total}")
    if node.items_failed:
        text.append(f", {node.items_failed} failed", style="red")
    if node.items_waiting:
        text.append(f", {len(node.items_waiting)} waiting to retry", style="yellow")
    return text


def _why(node: NodePicture) -> str:
    if node.status == "WAITING":
        return node.waiting_for
    if node.status == "SKIPPED":
        return {"CONDITION": "its condition is false", "BRANCH": "branch not taken"}.get(
            node.reason, ""
        )
    if node.failure is not None and node.status in ("FAILED", "QUEUED", "RUNNING"):
        return f"{node.failure.reason}: {node.failure.message}"
    return ""


def _node_line(row: _Row, now: str, turn: int, wide: int, cells: int = _BAR_CELLS) -> Text:
    node = row.node
    look = LOOKS.get(node.status, LOOKS["PENDING"])
    icon = _SPINNER[turn % len(_SPINNER)] if node.status == "RUNNING" else look.icon
    name = "  " * row.depth + node.id
    text = Text(f"{icon} ", style=look.style, no_wrap=True, overflow="ellipsis")
    text.append(name.ljust(wide), style="bold" if node.status == "RUNNING" else "default")
    text.append(f" {node.uses:<11}", style="dim not bold")
    took = seconds_between(node.started_at, node.finished_at or now)
    shown = node.status in ("RUNNING", "COMPLETED", "FAILED") and node.started_at
    text.append(f" {duration_text(took) if shown else '':>8}", style="not bold default")
    if node.items_total:
        text.append_text(_bar(node, cells))
    if node.repeats:
        many = "retry" if node.repeats == 1 else "retries"
        text.append(f"  {node.repeats} {many}", style="not bold yellow")
    if why := _why(node):
        text.append(f"  {why[:_FAILURE_CHARS]}", style="not bold italic")
    if row.joins and not node.ended:
        text.append(f"  ← {', '.join(row.joins)}", style="not bold dim")
    return text


def headline(picture: ExecutionPicture, now: str) -> Text:
    """The execution itself in one line."""
    look = LOOKS.get(picture.status, LOOKS["RUNNING"])
    took = duration_text(seconds_between(picture.started_at, picture.finished_at or now))
    text = Text(f"{picture.workflow} v{picture.version} ", style="bold")
    text.append(picture.id, style="not bold dim")
    text.append(f"  {picture.status}", style=look.style)
    text.append(f"  {took}", style="not bold default")
    return text


@dataclass(frozen=True, slots=True)
class _Line:
    """The line of one node. Where it is too long for the terminal its bar gives way first."""

    row: _Row
    now: str
    turn: int
    wide: int

    def __rich_console__(self, _: Console, options: ConsoleOptions) -> RenderResult:
        line = _node_line(self.row, self.now, self.turn, self.wide)
        excess = line.cell_len - options.max_width
        if excess > 0 and self.row.node.items_total:
            cells = max(_BAR_CELLS_MIN, _BAR_CELLS - excess)
            line = _node_line(self.row, self.now, self.turn, self.wide, cells)
        yield line


def render(picture: ExecutionPicture, now: str, turn: int) -> RenderableType:
    """The whole tree; `turn` moves the spinners."""
    rows = rows_of(picture)
    wide = max((len(row.node.id) + 2 * row.depth for row in rows), default=0)
    return Group(headline(picture, now), *(_Line(row, now, turn, wide) for row in rows))
