"""Findings of validation: what is wrong, where, and what would be right."""

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

Severity = Literal["error", "warning", "info"]

ISSUES_MAX = 500
"""More errors (or more remarks) than this help nobody; a last one then says how many were left out.
"""
TEXT_CHARS_MAX = 600
"""Of a sentence, a place or a remedy: they repeat what was given, which may be of any length."""


class Issue(msgspec.Struct, frozen=True, gc=False):
    """One finding. `line` and `column` count from 1 in characters, 0 where there is no place."""

    code: str
    severity: Severity
    line: int
    column: int
    path: str
    message: str
    fix: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The finding as a plain dict, in the order of its fields."""
        return {name: getattr(self, name) for name in self.__struct_fields__}


class Place(msgspec.Struct, frozen=True, gc=False):
    """A place in a file: `path` names the value, line and column point at its text."""

    line: int = 0
    column: int = 0
    path: str = ""


class IssueList:
    """Gathers findings, up to a limit, and hands them out in the order of the file."""

    def __init__(self) -> None:
        self._errors: list[Issue] = []
        self._others: list[Issue] = []
        self._left_out = 0

    def error(self, code: str, place: Place, message: str, fix: str = "") -> None:
        """Add what makes the file invalid."""
        self._add(code, "error", place, message, fix)

    def warning(self, code: str, place: Place, message: str, fix: str = "") -> None:
        """Add what is probably a mistake but has a meaning."""
        self._add(code, "warning", place, message, fix)

    def info(self, code: str, place: Place, message: str, fix: str = "") -> None:
        """Add what the reader should know."""
        self._add(code, "info", place, message, fix)

    @property
    def failed(self) -> bool:
        """True once there is an error."""
        return bool(self._errors)

    @property
    def full(self) -> bool:
        """True once no more errors are taken, so that costly explanations can be spared."""
        return len(self._errors) >= ISSUES_MAX

    def sorted(self) -> tuple[Issue, ...]:
        """Everything found, by line and column."""
        found = [*self._errors, *self._others]
        issues = sorted(found, key=lambda issue: (issue.line, issue.column))
        if self._left_out:
            message = f"{self._left_out} more findings are not shown"
            issues.append(
                Issue("TOO_MANY_ISSUES", "error", 0, 0, "", message, "repair the ones above first")
            )
        return tuple(issues)

    def _add(self, code: str, severity: Severity, place: Place, message: str, fix: str) -> None:
        kept = self._errors if severity == "error" else self._others
        if len(kept) >= ISSUES_MAX:
            self._left_out += severity == "error"
            return
        path, message, fix = map(shortened, (place.path, message, fix))
        kept.append(Issue(code, severity, place.line, place.column, path, message, fix))


def shortened(text: str, chars_max: int = TEXT_CHARS_MAX) -> str:
    """A text as it is, or without its middle: what is wrong stands at the beginning or the end."""
    if len(text) <= chars_max:
        return text
    half = chars_max // 2
    return f"{text[: chars_max - half]} ... {text[-half:]}"


def to_dicts(issues: Sequence[Issue]) -> list[dict[str, Any]]:
    """Findings as plain dicts, for errors and answers."""
    return [issue.to_dict() for issue in issues]
