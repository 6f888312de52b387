"""Builds located values from the parser's events, within limits."""

import math
import re
from typing import Any

from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceStartEvent,
)

from penstock.workflow.issues import IssueList, Place
from penstock.workflow.located import Located, join_path

DEPTH_MAX = 64
"""Deepest nesting: far above any sensible configuration, far below the interpreter's own limit."""

WEIGHT_MAX = 8 * 1024 * 1024
"""What a file may expand to once aliases are followed."""

_NULL = frozenset(("", "~", "null", "Null", "NULL"))
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_PREFIX = "tag:yaml.org,2002:"
_SCALAR_TAGS = frozenset(_PREFIX + name for name in ("str", "int", "float", "bool", "null"))
_INT_MAX = 2**64 - 1
_INT_MIN = -(2**63)


class _Frame:
    """A mapping or list that is still being read."""

    __slots__ = (
        "anchor", "column", "data", "elements", "is_map", "items", "key", "keys", "line", "weight"
    )  # fmt: skip

    def __init__(self, event: Any, is_map: bool) -> None:
        mark = event.start_mark
        self.is_map = is_map
        self.line = mark.line + 1
        self.column = mark.column + 1
        self.anchor: str | None = event.anchor
        self.data: Any = {} if is_map else []
        self.items: dict[str, Located] = {}
        self.elements: list[Located] = []
        self.keys: dict[str, tuple[int, int]] = {}
        self.key: str | None = None
        self.weight = 8

    def close(self) -> Located:
        if self.is_map:
            return Located(
                self.data, self.line, self.column, self.weight, items=self.items, keys=self.keys
            )
        return Located(self.data, self.line, self.column, self.weight, elements=self.elements)


class Builder:
    """Takes events one by one; `root` is the finished value."""

    def __init__(self, issues: IssueList) -> None:
        self.root: Located | None = None
        self._issues = issues
        self._stack: list[_Frame] = []
        self._anchors: dict[str, Located] = {}
        self._documents = 0

    def take(self, event: Any) -> bool:
        """Take the next event; False if there is no point in going on (the reason is among the
        issues)."""
        kind = type(event)
        if kind is ScalarEvent:
            return self._scalar(event)
        if kind is MappingStartEvent or kind is SequenceStartEvent:
            return self._open(event, kind is MappingStartEvent)
        if kind is AliasEvent:
            return self._alias(event)
        if kind is DocumentStartEvent:
            return self._document(event)
        if kind.__name__ in {"MappingEndEvent", "SequenceEndEvent"}:
            frame = self._stack.pop()
            return self._value(frame.close(), frame.anchor)
        return True

    def _document(self, event: Any) -> bool:
        self._documents += 1
        mark = event.start_mark
        place = Place(mark.line + 1, mark.column + 1)
        if self._documents > 1:
            message = "A file holds one workflow, but here a second document begins."
            self._issues.error("SECOND_DOCUMENT", place, message, "remove it, or use two files")
            return False
        if event.version and tuple(event.version) != (1, 2):
            self._issues.error(
                "BAD_YAML", place, "Workflow files are YAML 1.2.", "remove the %YAML line"
            )
            return False
        return True

    def _open(self, event: Any, is_map: bool) -> bool:
        place = Place(event.start_mark.line + 1, event.start_mark.column + 1, self._path())
        if len(self._stack) >= DEPTH_MAX:
            message = f"Values are nested deeper than {DEPTH_MAX} levels."
            self._issues.error("TOO_DEEP", place, message, "make the structure flatter")
            return False
        expected = _PREFIX + ("map" if is_map else "seq")
        if event.tag not in {None, "!", expected}:
            self._bad_tag(event.tag, place)
        if self._stack and self._stack[-1].is_map and self._stack[-1].key is None:
            self._issues.error(
                "BAD_KEY", place, "A key must be a text.", "use a plain word as the key"
            )
            return False
        self._stack.append(_Frame(event, is_map))
        return True

    def _alias(self, event: Any) -> bool:
        place = Place(event.start_mark.line + 1, event.start_mark.column + 1, self._path())
        if any(frame.anchor == event.anchor for frame in self._stack):
            message = f'The value "&{event.anchor}" contains itself.'
            self._issues.error("RECURSIVE_ALIAS", place, message, "write the value out")
            return False
        target = self._anchors.get(event.anchor)
        if target is None:
            message = f'No value above is named "&{event.anchor}".'
            self._issues.error("UNKNOWN_ALIAS", place, message, "define the anchor first")
            return False
        if self._stack and self._stack[-1].is_map and self._stack[-1].key is None:
            if not isinstance(target.data, str):
                self._issues.error("BAD_KEY", place, "A key must be a text.")
                return False
            return self._key(target.data, place.line, place.column)
        return self._value(target, None)

    def _scalar(self, event: Any) -> bool:
        mark = event.start_mark
        line, column = mark.line + 1, mark.column + 1
        text: str = event.value
        if self._stack and self._stack[-1].is_map and self._stack[-1].key is None:
            return self._key(text, line, column)
        style = event.style or ""
        tag = event.tag
        value: Any = text
        if tag is not None and tag != "!":
            place = Place(line, column, self._path())
            value = self._tagged(tag, text, place)
        elif not style and tag is None:
            value = resolve_plain(text)
            if value is _BAD_NUMBER:
                message = f"The number {text[:40]} cannot be kept exactly in JSON."
                place = Place(line, column, self._path())
                self._issues.error("BAD_NUMBER", place, message, "put it in quotes to keep it")
                value = 0
        located = Located(value, line, column, len(text) + 8, style=style)
        return self._value(located, event.anchor)

    def _tagged(self, tag: str, text: str, place: Place) -> Any:
        if tag == _PREFIX + "str":
            return text
        value = resolve_plain(text)
        if tag == _PREFIX + "float" and type(value) is int:
            value = float(value)
        if tag not in _SCALAR_TAGS or _tag_of(value) != tag:
            self._bad_tag(tag, place)
            return text
        return value

    def _bad_tag(self, tag: str, place: Place) -> None:
        name = tag.replace(_PREFIX, "!!")
        message = f'The tag "{name[:60]}" has no meaning here.'
        self._issues.error("BAD_TAG", place, message, "remove it: values are JSON values")

    def _key(self, text: str, line: int, column: int) -> bool:
        frame = self._stack[-1]
        if text in frame.keys:
            first = frame.keys[text][0]
            place = Place(line, column, join_path(self._path(), text))
            message = f'The key "{text[:60]}" is given twice; the first is on line {first}.'
            self._issues.error("DUPLICATE_KEY", place, message, "rename or remove one of them")
        else:
            frame.keys[text] = (line, column)
        frame.key = text
        frame.weight += len(text) + 8
        return True

    def _value(self, value: Located, anchor: str | None) -> bool:
        if anchor is not None:
            self._anchors[anchor] = value
        if not self._stack:
            self.root = value
            return True
        frame = self._stack[-1]
        frame.weight += value.weight
        if frame.weight > WEIGHT_MAX:
            message = "The file becomes too large when its aliases are followed."
            place = value.place(self._path())
            self._issues.error("TOO_MANY_ALIASES", place, message, "use fewer aliases")
            return False
        if frame.key is not None:
            if frame.key not in frame.items:
                frame.items[frame.key] = value
                frame.data[frame.key] = value.data
            frame.key = None
        else:
            frame.elements.append(value)
            frame.data.append(value.data)
        return True

    def _path(self) -> str:
        path = ""
        for frame in self._stack:
            if frame.is_map and frame.key is not None:
                path = join_path(path, frame.key)
            elif not frame.is_map:
                path = join_path(path, len(frame.elements))
        return path


_BAD_NUMBER = object()


def resolve_plain(text: str) -> Any:
    """The value of an unquoted scalar by YAML 1.2's core schema."""
    first = text[:1]
    if first.isalpha() and first not in "nNtTfF":
        return text
    if text in _NULL:
        return None
    if text in _BOOL:
        return _BOOL[text]
    if _INT.fullmatch(text):
        if len(text) > 40:
            return _BAD_NUMBER
        base = {"0o": 8, "0x": 16}.get(text[:2], 10)
        number = int(text, base)
        return number if _INT_MIN <= number <= _INT_MAX else _BAD_NUMBER
    if _FLOAT.fullmatch(text):
        value = float(text)
        return value if math.isfinite(value) else _BAD_NUMBER
    return _BAD_NUMBER if _NOT_FINITE.fullmatch(text) else text


def _tag_of(value: object) -> str:
    names = {type(None): "null", bool: "bool", int: "int", float: "float"}
    return _PREFIX + names.get(type(value), "str")
