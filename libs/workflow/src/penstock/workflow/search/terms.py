"""The terms by which an execution is found beyond its labels: parameters that its workflow marks
with `search: true`, and the executions it comes from.

A term is one text, `params.customer.id=42`, kept in the same index as labels, apart from them by a
character that no label has.
"""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

MARK = "\x1d"
"""First character of a term; labels are cleaned of it."""

SEARCHED_MAX = 16
"""Parameters of one workflow that can be searched: each is a row for every start."""

_VALUE_CHARS_MAX = 200

SearchPath = tuple[str, ...]


def searched_paths(params_schema: Mapping[str, Any]) -> tuple[SearchPath, ...]:
    """The parameters that a schema marks with `search: true`, at any depth of `properties`."""
    return tuple(_marked(params_schema, ()))


def _marked(schema: Mapping[str, Any], path: SearchPath) -> Iterator[SearchPath]:
    if path and schema.get("search") is True:
        yield path
    properties = schema.get("properties")
    if isinstance(properties, Mapping):
        for name, inner in properties.items():
            if isinstance(inner, Mapping):
                yield from _marked(inner, (*path, str(name)))


def param_terms(paths: tuple[SearchPath, ...], params: Any) -> list[str]:
    """The terms of these parameters; objects and lists have none."""
    found = []
    for path in paths:
        value = params
        for name in path:
            value = value.get(name) if isinstance(value, dict) else None
        text = value_text(value)
        if text is not None:
            found.append(param_term(".".join(path), text))
    return found


def param_term(path: str, text: str) -> str:
    """The term of a parameter with this value."""
    if len(text) > _VALUE_CHARS_MAX:
        text = "sha256:" + hashlib.sha256(text.encode()).hexdigest()
    return f"{MARK}params.{path}={text}"


def param_path(term: str) -> str:
    """The parameter that a term is about; empty for a link."""
    about, found, _ = term.removeprefix(f"{MARK}params.").partition("=")
    return about if found and term.startswith(f"{MARK}params.") else ""


def link_term(kind: str, target: str) -> str:
    """The term of what an execution comes from: kind `parent` or `origin`."""
    return f"{MARK}{kind}={target}"


DELAYED = f"{MARK}delay=asked"
"""The term of an execution whose start asked for a delay, whether it has begun since or not."""

BEGINS = f"{MARK}begins="
"""Followed by the microseconds since the Unix epoch at which it begins."""


def delay_terms(begins_us: int) -> list[str]:
    """The terms of an execution that does not begin before an instant: by the first it is found,
    the second tells whether what it rests for now is its beginning."""
    return [DELAYED, f"{BEGINS}{begins_us}"]


def value_text(value: Any) -> str | None:
    """How a query writes a scalar; None for what is none, or nothing."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, int | float):
        return str(value)
    return None


def spellings(text: str) -> tuple[str, ...]:
    """The texts that a value written like this may have: `1.0` is the number 1 too."""
    try:
        number = value_text(float(text)) if text[:1] in "-0123456789" else None
    except (ValueError, OverflowError):
        number = None
    return (text,) if number in (None, text) else (text, str(number))
