"""Execution variables in conversations with the core: `set a=1 b=` behind an outcome."""

from collections.abc import Callable
from typing import Any

from penstock.coordinator.core.commands import ShowVars
from penstock.workflow.execution.variables import VarsChange, VarsChanged


def read_change(words: list[str]) -> VarsChange | None:
    """Take `set name=value ...` off the end of an outcome; a name without value is deleted, and
    `name=*70000` is a text of so many characters."""
    if "set" not in words:
        return None
    at = words.index("set")
    pairs = [word.split("=", 1) for word in words[at + 1 :]]
    del words[at:]
    return VarsChange(tuple(pair[0] for pair in pairs), tuple(_value(pair[1]) for pair in pairs))


def _value(text: str) -> bytes:
    return b'"' + b"x" * int(text[1:]) + b'"' if text.startswith("*") else text.encode()


def shown_vars(value: VarsChanged | ShowVars, shown: Callable[[Any], str]) -> str:
    """A change, or what workers see from now on."""
    if isinstance(value, ShowVars):
        return f"ShowVars {_cut(value.vars_json)}"
    columns = zip(value.change.names, value.change.values_json, strict=True)
    return f"VarsChanged {shown(value.ref)} " + " ".join(f"{n}={_cut(v)}" for n, v in columns)


def _cut(text: bytes) -> str:
    return text.decode() if len(text) <= 80 else f"{text[:12].decode()}... {len(text)} bytes"
