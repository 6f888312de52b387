"""The execution as a tree on the terminal: one line per node, children below the last of their
parents."""

from dataclasses import dataclass, replace

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.text import Text

from penstock.cli.picture import ExecutionPicture, NodePicture
from penstock.cli.texts import duration_text, seconds_between

_BAR_CELLS = 24
_BAR_CELLS_MIN = 6
_NAME_CHARS_MIN = 8
_REASON_CHARS = 100
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
    "PAUSED": Look("⏸", "=", "yellow"),
}
_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


@dataclass(frozen=True, slots=True)
class _Row:
    node: NodePicture
    depth: int
    joins: tuple[str, ...]
    parents_ended: bool = False


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
        joins = tuple(parent for parent in node.needs if parent != home)
        ended = all(nodes[parent].ended for parent in node.needs if parent in nodes)
        rows.append(_Row(node, depth, joins, ended))
        stack.extend((child, depth + 1, name) for child in reversed(children.get(name, [])))
    return rows


def _bar(node: NodePicture, cells: int, *, brief: bool) -> Text:
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
    if node.items_waiting and not brief:
        text.append(f", {len(node.items_waiting)} waiting to retry", style="yellow")
    return text


def _why(row: _Row) -> str:
    """Why a node stands where it does, unless the tree shows it: its parents go on."""
    node = row.node
    if node.status == "WAITING":
        return node.waiting_for
    if node.status == "SKIPPED":
        return {"CONDITION": "its condition is false", "BRANCH": "branch not taken"}.get(
            node.reason, ""
        )
    if node.failure is not None and node.status in ("FAILED", "QUEUED", "RUNNING"):
        return f"{node.failure.reason}: {node.failure.message}"
    waits = node.status == "QUEUED" or (node.status == "PENDING" and row.parents_ended)
    return node.waiting_for if waits else ""


@dataclass(frozen=True, slots=True)
class _Columns:
    """How wide names may be, whether types are shown, and whether waiting items go unsaid."""

    name: int
    types: bool = True
    brief: bool = False


def _node_line(row: _Row, moment: "_Moment", columns: _Columns, cells: int) -> Text:
    """What must be seen of a node; `cells` is the length of its bar."""
    node = row.node
    look = LOOKS.get(node.status, LOOKS["PENDING"])
    icon = _SPINNER[moment.turn % len(_SPINNER)] if node.status == "RUNNING" else look.icon
    name = "  " * row.depth + node.id
    if len(name) > columns.name:
        name = name[: columns.name - 1] + "…"
    text = Text(f"{icon} ", style=look.style, no_wrap=True, overflow="ellipsis")
    text.append(name.ljust(columns.name), style="bold" if node.status == "RUNNING" else "default")
    if columns.types:
        text.append(f" {node.uses:<11}", style="dim not bold")
    took = seconds_between(node.started_at, node.finished_at or moment.now)
    shown = node.status in ("RUNNING", "COMPLETED", "FAILED") and node.started_at
    text.append(f" {duration_text(took) if shown else '':>8}", style="not bold default")
    if node.items_total:
        text.append_text(_bar(node, cells, brief=columns.brief))
    if node.repeats:
        many = "retry" if node.repeats == 1 else "retries"
        text.append(f"  {node.repeats} {many}", style="not bold yellow")
    return text


def _remarks(row: _Row, chars: int) -> Text:
    """What may be cut at the end of the line, the reason after so many characters."""
    text = Text()
    if why := _why(row):
        cut = why if len(why) <= chars else why[: chars - 1] + "…"
        text.append(f"  {cut}", style="not bold italic")
    if row.joins and not row.node.ended:
        text.append(f"  ← {', '.join(row.joins)}", style="not bold dim")
    return text


def headline(picture: ExecutionPicture, now: str) -> Text:
    """The execution itself in one line."""
    look = LOOKS.get(picture.status, LOOKS["RUNNING"])
    took = duration_text(seconds_between(picture.began_at, picture.finished_at or now))
    text = Text(f"{picture.workflow} v{picture.version} ", style="bold")
    text.append(picture.id, style="not bold dim")
    text.append(f"  {picture.status}", style=look.style)
    text.append(f"  {took}", style="not bold default")
    return text


@dataclass(frozen=True, slots=True)
class _Moment:
    """The time to draw, and the turn of the spinners."""

    now: str
    turn: int


@dataclass(frozen=True, slots=True)
class _Tree:
    """The lines of all nodes. Where one is too long for the terminal its bar gives way first, then
    the types of all, then how many items wait, then the ends of long names; the numbers stay."""

    rows: list[_Row]
    moment: _Moment

    def __rich_console__(self, _: Console, options: ConsoleOptions) -> RenderResult:
        columns = self._columns(options.max_width)
        for row in self.rows:
            yield self._line(row, columns, options.max_width)

    def _columns(self, width: int) -> _Columns:
        name = max((len(row.node.id) + 2 * row.depth for row in self.rows), default=0)
        brief = _Columns(name, types=False, brief=True)
        for columns in (_Columns(name), _Columns(name, types=False), brief):
            excess = self._longest(columns) - width
            if excess <= 0:
                return columns
        return replace(brief, name=max(min(name, _NAME_CHARS_MIN), name - excess))

    def _longest(self, columns: _Columns) -> int:
        """Length of the longest line without bars."""
        fan_outs = [row for row in self.rows if row.node.items_total or row.node.repeats]
        some = fan_outs or self.rows[:1]
        lines = (_node_line(row, self.moment, columns, 0).cell_len for row in some)
        return max(lines, default=0)

    def _line(self, row: _Row, columns: _Columns, width: int) -> Text:
        line = _node_line(row, self.moment, columns, _BAR_CELLS)
        remarks = _remarks(row, max(_REASON_CHARS, width - line.cell_len))
        excess = line.cell_len + remarks.cell_len - width
        if excess > 0 and row.node.items_total:
            cells = max(_BAR_CELLS_MIN, _BAR_CELLS - excess)
            if line.cell_len - (_BAR_CELLS - cells) > width:
                cells = 0
            line = _node_line(row, self.moment, columns, cells)
        return line.append_text(remarks)


def render(picture: ExecutionPicture, now: str, turn: int) -> RenderableType:
    """The whole tree; `turn` moves the spinners."""
    return Group(headline(picture, now), _Tree(rows_of(picture), _Moment(now, turn)))
