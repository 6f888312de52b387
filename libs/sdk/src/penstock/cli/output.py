"""Results on standard output: tables for people, JSON and YAML for programs."""

import json
import sys
from collections.abc import Sequence
from typing import Any, Literal

import msgspec
from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text
from ruamel.yaml import YAML

from penstock.cli.columns import GAP, fit_widths, table_width

_FOLDED_CELLS_MIN = 20
_YAML_WIDTH = 10_000

Format = Literal["table", "json", "yaml"]


def print_value(value: Any, form: Format) -> None:
    """A value as indented JSON, or as YAML."""
    plain = msgspec.to_builtins(value)
    if form == "yaml":
        yaml = YAML(typ="safe", pure=True)
        yaml.default_flow_style = False
        yaml.allow_unicode = True
        yaml.width = _YAML_WIDTH
        yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
        yaml.dump(plain, sys.stdout)
        return
    sys.stdout.write(json.dumps(plain, indent=2, ensure_ascii=False) + "\n")


def print_next_page(cursor: str | None) -> None:
    """Below a table that goes on: how to see the rest. Not on standard output, which is rows."""
    if cursor:
        text = Text("there is more: the same with ", style="dim")
        text.append(f"--cursor {cursor}", style="not dim")
        Console(stderr=True, highlight=False, soft_wrap=True).print(text)


def print_table(
    headings: Sequence[str], rows: Sequence[Sequence[str]], gives_way: Sequence[str] = ()
) -> None:
    """Rows under headings, aligned; a cell is never cut on a pipe, each row is one line there.

    On a narrow terminal the columns that `gives_way` names are shortened, the first one first;
    without any the last column goes on in further lines.
    """
    console = Console(highlight=False)
    natural = [max(map(cell_len, cells)) for cells in zip(headings, *rows, strict=True)]
    if not console.is_terminal:
        _print_columns(console, headings, rows, natural)
        return
    if gives_way:
        places = [headings.index(name) for name in gives_way]
        giving = [(place, cell_len(headings[place])) for place in places]
        widths = fit_widths(natural, giving, console.width)
    else:
        room = console.width - table_width([*natural[:-1], 1]) + 1
        widths = [*natural[:-1], max(_FOLDED_CELLS_MIN, min(natural[-1], room))]
    _print_columns(console, headings, rows, widths, folds=not gives_way)


def _print_columns(
    console: Console,
    headings: Sequence[str],
    rows: Sequence[Sequence[str]],
    widths: Sequence[int],
    *,
    folds: bool = False,
) -> None:
    """The columns, each as wide as told. The terminal may be narrower: then it breaks the lines."""
    table = Table(
        box=box.SIMPLE_HEAD if console.is_terminal else None,
        show_edge=False,
        pad_edge=False,
        padding=(0, GAP - 1 if console.is_terminal else GAP, 0, 0),
    )
    shown = [place for place, width in enumerate(widths) if width]
    for place in shown:
        wraps = folds and place == shown[-1]
        overflow: Literal["fold", "ellipsis"] = "fold" if wraps else "ellipsis"
        table.add_column(headings[place], overflow=overflow, no_wrap=not wraps, width=widths[place])
    for row in rows:
        table.add_row(*(Text(row[place]) for place in shown))
    console.width = max(console.width, table_width(widths))
    console.print(table)
