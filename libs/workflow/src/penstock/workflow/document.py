"""The door to YAML: text to values that know their line and column.

YAML 1.2 with the core schema (`on` and `yes` are text), JSON included. The parser of ruamel.yaml
gives events; values are built here, so that duplicate keys, unknown tags, aliases that grow without
bound and deep nesting become findings.
"""

import bisect
import re
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from penstock.workflow.document_build import Builder
from penstock.workflow.issues import IssueList, Place
from penstock.workflow.located import Located
from penstock.workflow.text_places import places_of_characters

FILE_BYTES_MAX = 1024 * 1024
"""Largest file: a 10,000-node flow is about half of it."""

_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_SURROGATE_PAIR = re.compile(
    r"(?<!\\)((?:\\\\)*)\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})"
)


class Document:
    """A parsed file: its root, and the places of parts of its texts."""

    def __init__(self, root: Located, source: str) -> None:
        self.root = root
        self._lines = tuple(source.split("\n"))
        self._source = source
        self._starts = [0, *(match.end() for match in re.finditer("\n", source))]
        self._line_starts: dict[int, list[int]] = {}
        self._characters: dict[int, Sequence[int]] = {}

    def place_in(self, text: Located, offset: int, path: str) -> Place:
        """Where character `offset` of a text value stands in the file."""
        value = text.data
        if not isinstance(value, str) or text.line > len(self._lines):
            return text.place(path)
        if text.style == "|":
            starts = self._starts_of_lines(text, value)
            row = bisect.bisect_right(starts, offset) - 1
            column = self._block_indent(text) + offset - starts[row]
            return Place(text.line + row + 1, column + 1, path)
        characters = self._characters_of(text, value)
        at = characters[min(offset, len(value))]
        row = bisect.bisect_right(self._starts, at) - 1
        return Place(row + 1, at - self._starts[row] + 1, path)

    def _characters_of(self, text: Located, value: str) -> Sequence[int]:
        known = self._characters.get(id(text))
        if known is None:
            row = text.line if text.style == ">" else text.line - 1
            column = 0 if text.style == ">" else text.column - 1
            start = self._starts[min(row, len(self._starts) - 1)] + column
            known = self._characters[id(text)] = places_of_characters(
                self._source, start, value, text.style
            )
        return known

    def _starts_of_lines(self, text: Located, value: str) -> list[int]:
        known = self._line_starts.get(id(text))
        if known is None:
            known = [0, *(match.end() for match in re.finditer("\n", value))]
            self._line_starts[id(text)] = known
        return known

    def _block_indent(self, text: Located) -> int:
        for row in range(text.line, len(self._lines)):
            line = self._lines[row]
            if line.strip():
                leading = len(line) - len(line.lstrip(" "))
                first = str(text.data)[:1000].lstrip("\n")
                return leading - (len(first) - len(first.lstrip(" ")))
        return 0


def read_document(source: str, issues: IssueList) -> Document | None:
    """Parse a file. Problems go into `issues`; None if there is no mapping to go on with."""
    if not _acceptable(source, issues):
        return None
    text = source.removeprefix("\ufeff")
    if text.lstrip().startswith("{"):
        text = _SURROGATE_PAIR.sub(_join_pair, text)
    builder = Builder(issues)
    try:
        for event in _events(text):
            if not builder.take(event):
                return None
    except MarkedYAMLError as error:
        _report_syntax(error, issues)
        return None
    except YAMLError as error:
        issues.error("BAD_YAML", Place(1, 1), f"The file is not YAML: {_first_line(error)}")
        return None
    root = builder.root
    if root is None:
        issues.error("EMPTY_FILE", Place(1, 1), "The file is empty.", "start with `flow: 1`")
        return None
    if not isinstance(root.data, dict):
        message = "The file must be a mapping of keys to values."
        issues.error("BAD_ROOT", root.place(""), message, "start with `flow: 1`, `id:`, `nodes:`")
        return None
    return Document(root, text)


def canonical_json(data: Any) -> bytes:
    """The definition as compact JSON, keys in the order of the file: what the definition hash is
    taken of."""
    return msgspec.json.encode(data)


def _events(text: str) -> Iterator[Any]:
    yaml = YAML(typ="safe", pure=False)
    yield from yaml.parse(text)


def _acceptable(source: str, issues: IssueList) -> bool:
    if len(source) > FILE_BYTES_MAX or len(source.encode("utf-8", "replace")) > FILE_BYTES_MAX:
        message = f"The file is larger than {FILE_BYTES_MAX // 1024} KiB."
        issues.error("FILE_TOO_LARGE", Place(1, 1), message, "keep data out of the workflow file")
        return False
    if bad := _FORBIDDEN.search(source):
        line = source.count("\n", 0, bad.start()) + 1
        column = bad.start() - source.rfind("\n", 0, bad.start())
        message = f"The character U+{ord(bad[0]):04X} is not allowed in a file."
        issues.error("BAD_CHARACTER", Place(line, column), message, "remove it")
        return False
    return True


def _join_pair(match: re.Match[str]) -> str:
    pair = bytes.fromhex(match[2] + match[3])
    return match[1] + pair.decode("utf-16-be")


def _report_syntax(error: MarkedYAMLError, issues: IssueList) -> None:
    mark = error.problem_mark or error.context_mark
    place = Place(mark.line + 1, mark.column + 1) if mark else Place(1, 1)
    problem = str(error.problem or "it cannot be read")
    context = f" {error.context}" if error.context else ""
    fix = "check indentation, quotes and brackets here and on the line before"
    if "tab" in problem or "cannot start any token" in problem:
        fix = "indent with spaces, and quote texts that begin with @, ` or %"
    elif "mapping values are not allowed" in problem:
        fix = "check the indentation, or quote the text that holds a colon"
    issues.error("BAD_YAML", place, f"YAML syntax:{context} {problem}.", fix)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
