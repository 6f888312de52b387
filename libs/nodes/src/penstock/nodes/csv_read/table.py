"""CSV text to JSON values, column by column."""

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from penstock.nodes.api import NodeFailure

_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,14})(?:\.\d+)?(?:[eE][+-]?\d{1,2})?")
_BOOLEANS = {"true": True, "false": False}
Column = list[Any]


def _number(text: str) -> int | float | None:
    if not text:
        return None
    return float(text) if any(mark in text for mark in ".eE") else int(text)


def _to_numbers(values: Sequence[str]) -> Column | None:
    """Numbers, with None for empty cells; None if some cell is neither."""
    if all(not text or _NUMBER.fullmatch(text) for text in values) and any(values):
        return [_number(text) for text in values]
    return None


def _to_booleans(values: Sequence[str]) -> Column | None:
    found = [_BOOLEANS.get(text.lower()) for text in values]
    if any(values) and all(
        one is not None or not text for one, text in zip(found, values, strict=True)
    ):
        return found
    return None


def _typed(name: str, values: Sequence[str], kind: str) -> Column:
    if kind == "text":
        return list(values)
    if kind == "infer":
        return _to_numbers(values) or _to_booleans(values) or list(values)
    found = _to_numbers(values) if kind == "number" else _to_booleans(values)
    if found is None and any(values):
        raise NodeFailure("user", "BAD_CSV", f"column {name} holds values that are no {kind}")
    return found or [None] * len(values)


def _read(lines: Iterable[str], delimiter: str, rows_max: int) -> list[list[str]]:
    """The first `rows_max` rows that are not empty lines."""
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    try:
        return list(islice((row for row in reader if row), rows_max))
    except csv.Error as error:
        raise NodeFailure("user", "BAD_CSV", f"line {reader.line_num}: {error}") from None


def _checked(rows: Sequence[Sequence[str]], width: int, first_row: int) -> None:
    for place, row in enumerate(rows, first_row):
        if len(row) != width:
            raise NodeFailure(
                "user", "BAD_CSV", f"row {place} has {len(row)} cells, expected {width}"
            )


def _names(header: Any, rows: list[list[str]]) -> list[str] | None:
    """The columns' names; takes the header line off `rows` if there is one."""
    if header is False:
        return None
    names = (rows.pop(0) if rows else []) if header is True else [str(name) for name in header]
    if len(set(names)) != len(names):
        raise NodeFailure("user", "BAD_CSV", "two columns have the same name")
    return names


def read_table(lines: Iterable[str], config: Mapping[str, Any], rows_max: int) -> list[Any]:
    """Rows as objects, or as lists without a header. Raises BAD_CSV, TOO_MANY_ROWS."""
    header = config.get("header", True)
    limit = config.get("limit")
    wanted = min(limit, rows_max) if limit is not None else rows_max + 1
    source = islice(lines, int(config.get("skip", 0)), None)
    rows = _read(source, config.get("delimiter", ","), wanted + (header is True))
    names = _names(header, rows)
    if len(rows) > rows_max:
        raise NodeFailure("permanent", "TOO_MANY_ROWS", f"more than {rows_max} rows; set limit")
    if not rows:
        return []
    width = len(names) if names is not None else len(rows[0])
    _checked(rows, width, 2 if header is True else 1)
    titles = names if names is not None else [str(place) for place in range(width)]
    types = config.get("types", "infer")
    columns = [
        _typed(title, values, types if isinstance(types, str) else types.get(title, "text"))
        for title, values in zip(titles, zip(*rows, strict=True), strict=True)
    ]
    if names is None:
        return [list(row) for row in zip(*columns, strict=True)]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
