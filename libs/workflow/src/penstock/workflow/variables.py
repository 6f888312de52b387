"""Execution variables: their names, their limits, and what is wrong with a change. Pure.

Values are JSON text here and everywhere but in user code. A limit is on what a variable's JSON
takes in bytes, its name included.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from penstock.workflow.vocabulary import IDENTIFIER, IDENTIFIER_RULE

VARS_MAX = 1_000
"""Variables of one execution."""
VALUE_BYTES_MAX = 64 * 1024
"""Largest value of one variable."""
VARS_BYTES_MAX = 256 * 1024
"""Names and values of one execution's variables together."""
FIRST_MAX = 400
"""Variables that a file, or a start, may begin with; so both together leave room."""
FIRST_BYTES_MAX = 64 * 1024
"""The same in bytes."""

METHODS = ("get", "set", "has", "getAll", "delete")
"""What `vars` offers to code: no variable is called so."""

NAME_RULE = f"{IDENTIFIER_RULE}; not {', '.join(METHODS)}"

_decode = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def is_name(name: str) -> bool:
    """True if a variable may be called so."""
    return IDENTIFIER.fullmatch(name) is not None and name not in METHODS


def values_of(text: bytes) -> dict[str, bytes]:
    """The JSON text of each variable of a JSON object."""
    return {name: bytes(value) for name, value in _decode(text).items()}


def encoded(values: Mapping[str, Any]) -> dict[str, bytes]:
    """Variables written in a file as JSON texts."""
    return {name: msgspec.json.encode(value) for name, value in values.items()}


def size_of(name: str, value: bytes) -> int:
    """What a variable counts."""
    return len(name) + len(value)


def first_flaws(values: Mapping[str, bytes]) -> Iterable[tuple[str, str, str]]:
    """What is wrong with variables to begin with: name (empty: all together), what, what to do."""
    for name, value in values.items():
        if not is_name(name):
            yield name, f"`{name[:80]}` is not a name of a variable", NAME_RULE
        if len(value) > VALUE_BYTES_MAX:
            what = f"the value of `{name[:80]}` has {len(value)} bytes"
            yield name, what, f"at most {VALUE_BYTES_MAX}"
    if len(values) > FIRST_MAX:
        yield "", f"there are {len(values)} variables", f"at most {FIRST_MAX}"
    total = sum(size_of(name, value) for name, value in values.items())
    if total > FIRST_BYTES_MAX:
        fix = f"at most {FIRST_BYTES_MAX}; give large values as `params`"
        yield "", f"the variables have {total} bytes", fix
