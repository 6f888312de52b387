"""Results on standard output: tables for people, JSON and YAML for programs."""

import json
import sys
from collections.abc import Sequence
from typing import Any, Literal

import msgspec
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text
from ruamel.yaml import YAML

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


def print_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Rows under headings, aligned. On a pipe each row is one line as long as it needs."""
    table = Table(box=box.SIMPLE_HEAD if sys.stdout.isatty() else None, pad_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold", no_wrap=not sys.stdout.isatty())
    for row in rows:
        table.add_row(*map(Text, row))
    console = Console(highlight=False)
    if not sys.stdout.isatty():
        console.width = console.measure(table).maximum
    console.print(table)
