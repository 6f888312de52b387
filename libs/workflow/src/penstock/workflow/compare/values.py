"""Differences between two JSON values, place by place, bounded whatever is given.

Lists are aligned at both ends: what they have in common before and after the first and last
difference is left out, the rest is compared by position. So an element put in or taken out is one
difference, several far apart are shown as changes in between.
"""

import re
from collections.abc import Iterator
from enum import IntEnum
from typing import Any

import msgspec

PLACES_MAX = 100
"""Places told of one pair of values."""

TEXT_CHARS_MAX = 400
"""Characters told of one value."""

DEPTH_MAX = 60
"""Values nested deeper are compared as wholes."""

_PLAIN_KEY = re.compile(r"[A-Za-z_$][\w$]*", re.ASCII)


class DifferenceKind(IntEnum):
    """How a place differs; numbers as in the history contract."""

    ADDED = 1
    REMOVED = 2
    CHANGED = 3


class Difference(msgspec.Struct, frozen=True):
    """One place, written as JavaScript would (`items[2].price`; empty for the whole), with both
    values as JSON text."""

    path: str
    kind: DifferenceKind
    left: str = ""
    right: str = ""


class Differences(msgspec.Struct, frozen=True):
    """The places of two values that differ; `cut` if there are more, or if nobody looked closer."""

    places: tuple[Difference, ...] = ()
    cut: bool = False

    def __bool__(self) -> bool:
        return bool(self.places) or self.cut


NONE = Differences()


def value_differences(left: Any, right: Any) -> Differences:
    """What differs between two decoded JSON values."""
    found: list[Difference] = []
    for place in _walk(left, right, "", 0):
        if len(found) == PLACES_MAX:
            return Differences(tuple(found), cut=True)
        found.append(place)
    return Differences(tuple(found))


def json_differences(left: bytes | None, right: bytes | None) -> Differences:
    """What differs between two JSON texts, either of which may be missing altogether."""
    if left == right:
        return NONE
    if left is None or right is None:
        return Differences((_one_sided("", left, right),))
    return value_differences(msgspec.json.decode(left), msgspec.json.decode(right))


def _one_sided(path: str, left: bytes | None, right: bytes | None) -> Difference:
    if left is None:
        return Difference(path, DifferenceKind.ADDED, "", _cut(right or b"null"))
    return Difference(path, DifferenceKind.REMOVED, _cut(left), "")


def _walk(left: Any, right: Any, path: str, depth: int) -> Iterator[Difference]:
    if isinstance(left, dict) and isinstance(right, dict) and depth < DEPTH_MAX:
        yield from _walk_objects(left, right, path, depth)
    elif isinstance(left, list) and isinstance(right, list) and depth < DEPTH_MAX:
        yield from _walk_lists(left, right, path, depth)
    elif not _same(left, right):
        yield Difference(path, DifferenceKind.CHANGED, _text(left), _text(right))


def _walk_objects(
    left: dict[str, Any], right: dict[str, Any], path: str, depth: int
) -> Iterator[Difference]:
    for key, value in left.items():
        place = _member(path, key)
        if key in right:
            yield from _walk(value, right[key], place, depth + 1)
        else:
            yield Difference(place, DifferenceKind.REMOVED, _text(value), "")
    for key, value in right.items():
        if key not in left:
            yield Difference(_member(path, key), DifferenceKind.ADDED, "", _text(value))


def _walk_lists(left: list[Any], right: list[Any], path: str, depth: int) -> Iterator[Difference]:
    shorter = min(len(left), len(right))
    begin = 0
    while begin < shorter and _same(left[begin], right[begin]):
        begin += 1
    end = 0
    while end < shorter - begin and _same(left[-1 - end], right[-1 - end]):
        end += 1
    left_end, right_end = len(left) - end, len(right) - end
    for at in range(begin, max(left_end, right_end)):
        place = f"{path}[{at}]"
        if at >= right_end:
            yield Difference(place, DifferenceKind.REMOVED, _text(left[at]), "")
        elif at >= left_end:
            yield Difference(place, DifferenceKind.ADDED, "", _text(right[at]))
        else:
            yield from _walk(left[at], right[at], place, depth + 1)


def _same(left: Any, right: Any) -> bool:
    """As JSON knows it: true is not 1, and 1.0 is 1. Compared as text, for `==` goes no deeper than
    Python's stack and takes true for 1."""
    if left is right:
        return True
    if isinstance(left, dict | list) or isinstance(right, dict | list):
        return type(left) is type(right) and _canonical(left) == _canonical(right)
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    return bool(left == right)


def _canonical(value: Any) -> bytes:
    return msgspec.json.encode(value, order="deterministic")


def _member(path: str, key: str) -> str:
    if _PLAIN_KEY.fullmatch(key):
        return f"{path}.{key}" if path else key
    return f"{path}[{_text(key)}]"


def _text(value: Any) -> str:
    return _cut(msgspec.json.encode(value))


def _cut(json: bytes) -> str:
    text = json.decode("utf-8", "replace")
    return text if len(text) <= TEXT_CHARS_MAX else f"{text[:TEXT_CHARS_MAX]}..."
