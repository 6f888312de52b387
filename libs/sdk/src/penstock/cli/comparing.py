"""Comparisons as tables and lines for people."""

from collections.abc import Iterator

from penstock.cli.output import print_table
from penstock.cli.texts import duration_text
from penstock.sdk.history_models import (
    Difference,
    Differences,
    ExecutionComparison,
    NodeComparison,
    NodeSide,
    VersionComparison,
)

_VALUE_CHARS = 60


def print_execution_comparison(found: ExecutionComparison) -> None:
    """A sentence, a row per node, then what differs in parameters, outputs and definitions."""
    left, right = found.left, found.right
    print(f"left   {left.id}  {left.workflow} v{left.version}  {left.status}")
    print(f"right  {right.id}  {right.workflow} v{right.version}  {right.status}")
    print("Nothing differs but times." if found.same else found.summary)
    print()
    headings = ("NODE", "LEFT", "RIGHT", "TOOK", "TOOK RIGHT", "DIFFERS", "INPUTS")
    print_table(headings, [_row(node) for node in found.nodes])
    whole = (("params", found.params), ("vars", found.vars), ("output", found.output))
    for title, differences in whole:
        _print_differences(title, differences)
    for node in found.nodes:
        _print_differences(node.id, node.output)
    if found.versions is not None:
        print()
        print_version_comparison(found.versions)


def print_version_comparison(found: VersionComparison) -> None:
    """A line per node that came or went, and one per place that changed."""
    if found.same:
        print(f"v{found.left} and v{found.right} have the same content")
        return
    print(f"v{found.left} -> v{found.right}")
    for sign, names in (("+", found.added), ("-", found.removed)):
        for name in names:
            print(f"  {sign} {name}")
    for node in found.changed:
        print(f"  ~ {node.id}")
        for line in _lines(node.differences):
            print(f"      {line}")
    for line in _lines(found.flow):
        print(f"  ~ {line}")


def _row(node: NodeComparison) -> tuple[str, ...]:
    return (
        node.id,
        _status_text(node.left),
        _status_text(node.right),
        _took_text(node.left),
        _took_text(node.right),
        ", ".join(node.differs) or "-",
        ", ".join(node.inputs) or "-",
    )


def _status_text(side: NodeSide | None) -> str:
    if side is None:
        return "(none)"
    tries = f" (attempt {side.attempt})" if side.attempt > 1 else ""
    return f"{side.status}{tries}"


def _took_text(side: NodeSide | None) -> str:
    if side is None or side.duration_ms is None:
        return "-"
    return duration_text(side.duration_ms / 1000)


def _print_differences(title: str, found: Differences) -> None:
    if not found:
        return
    print(f"\n{title}:")
    for line in _lines(found):
        print(f"  {line}")


def _lines(found: Differences) -> Iterator[str]:
    for place in found.places:
        yield _line(place)
    if found.cut:
        yield "... there is more that differs" if found.places else "differs (too large to compare)"


def _line(place: Difference) -> str:
    name = place.path or "(whole value)"
    if place.left is None:
        return f"+ {name}: {_short(place.right)}"
    if place.right is None:
        return f"- {name}: {_short(place.left)}"
    return f"{name}: {_short(place.left)} -> {_short(place.right)}"


def _short(text: str | None) -> str:
    known = text or ""
    return known if len(known) <= _VALUE_CHARS else f"{known[:_VALUE_CHARS]}..."
