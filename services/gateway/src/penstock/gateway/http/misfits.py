"""What is wrong with a body that is not what it should be: where, and what would fit. Pure."""

import difflib
import re
from collections.abc import Collection

import msgspec
from msgspec import inspect

from penstock.common.errors import InvalidArgument

_MALFORMED = re.compile(r"\(byte (\d+)\)")
_AT = re.compile(r"^(.*?)(?: - at `(\$.*)`)?$", re.DOTALL)
_UNKNOWN_KEY = re.compile(r"Object contains unknown field `(.*)`", re.DOTALL)
_UNKNOWN_WORD = re.compile(r"Invalid enum value '(.*)'", re.DOTALL)
_STEP = re.compile(r"\.([^.\[\]]+)|\[[^\]]*\]")


def place_of(body: bytes, offset: int) -> tuple[int, int]:
    """Line and column, from 1, of a byte offset."""
    before = body[:offset]
    start = before.rfind(b"\n") + 1
    return before.count(b"\n") + 1, len(before[start:].decode("utf-8", "replace")) + 1


def malformed(body: bytes, fault: msgspec.DecodeError, shape: type) -> InvalidArgument:
    """The refusal of a body that is no JSON, or does not have this shape."""
    if isinstance(fault, msgspec.ValidationError):
        return _misfit(str(fault), shape)
    offset = _MALFORMED.search(str(fault))
    line, column = place_of(body, int(offset[1]) if offset else len(body))
    return InvalidArgument(
        f"The body is not JSON: {fault}.",
        fix="Send one JSON object in UTF-8.",
        line=line,
        column=column,
        path="body",
    )


def _misfit(text: str, shape: type) -> InvalidArgument:
    found = _AT.match(text)
    message, path = (found[1], found[2] or "$") if found else (text, "$")
    where = path.removeprefix("$").removeprefix(".")
    there = _types_at(shape, path)
    if key := _UNKNOWN_KEY.fullmatch(message):
        name, keys = f"{where}.{key[1]}" if where else key[1], _keys(there)
        return InvalidArgument(
            f"There is no key {key[1][:80]!r} in {where or 'this body'}.",
            fix=_nearest(key[1], keys) or f"Known here: {', '.join(keys)}.",
            path=name[:80],
        )
    words = _words(there)
    listed = f"Give one of {', '.join(words)}."
    if word := _UNKNOWN_WORD.fullmatch(message):
        return InvalidArgument(
            f"`{where}` cannot be {word[1][:80]!r}.",
            fix=f"{_nearest(word[1], words)} {listed}".strip(),
            path=where,
        )
    fix = listed if words else "See /docs for its form."
    return InvalidArgument(f"The body does not fit: {message}.", fix=fix, path=where or "body")


def _nearest(given: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(given, known, 1)
    return f"Did you mean {near[0]}?" if near else ""


def _types_at(shape: type, path: str) -> list[inspect.Type]:
    """What may stand at a place such as `$.breakpoints[0].place`."""
    found: list[inspect.Type] = [inspect.type_info(shape)]
    for step in _STEP.finditer(path):
        found = [inner for kind in found for inner in _inside(kind, step[1])]
    return found


def _inside(kind: inspect.Type, name: str | None) -> list[inspect.Type]:
    """What a field, or an element, of this type may be."""
    match kind:
        case inspect.UnionType(types=types):
            return [inner for each in types for inner in _inside(each, name)]
        case inspect.StructType(fields=fields) if name is not None:
            return [field.type for field in fields if field.encode_name == name]
        case inspect.VarTupleType(item_type=item) | inspect.ListType(item_type=item):
            return [item]
        case inspect.DictType(value_type=value):
            return [value]
        case _:
            return []


def _keys(kinds: Collection[inspect.Type]) -> list[str]:
    """The keys of the objects that may stand there."""
    structs = [kind for kind in kinds if isinstance(kind, inspect.StructType)]
    return [field.encode_name for kind in structs for field in kind.fields]


def _words(kinds: Collection[inspect.Type]) -> list[str]:
    """The words that may stand there; none if it is no choice."""
    found: list[str] = []
    for kind in kinds:
        match kind:
            case inspect.LiteralType(values=values):
                found += map(str, values)
            case inspect.UnionType(types=types) if words := _words(types):
                is_number = any(isinstance(each, inspect.IntType) for each in types)
                found += [*words, "a whole number"] if is_number else words
    return found
