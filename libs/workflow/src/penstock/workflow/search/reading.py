"""The language of queries: `status:failed workflow:orders tag:eu started>2026-01-01`.

A query is a row of conditions, all of which must hold. A condition is a field, an operator and one
or more values separated by commas, of which one must fit. Values with blanks, commas or quotation
marks stand in double quotes, where a backslash takes the next character as it is.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from penstock.workflow.durations import parse_duration_s
from penstock.workflow.execution.values import ExecutionStatus
from penstock.workflow.issues import Issue, IssueList, Place
from penstock.workflow.nearest import Names
from penstock.workflow.search.query import LETTERS, Query, Span
from penstock.workflow.search.terms import DELAYED, link_term, param_term, spellings

QUERY_CHARS_MAX = 4_000
CONDITIONS_MAX = 40
VALUES_MAX = 100

_FIELD = re.compile(r"[A-Za-z_][\w.-]*")
_OPERATOR = re.compile(r">=|<=|[:=<>]")
_BARE = re.compile(r'[^\s,"]+')
_BLANKS = re.compile(r"\s*")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_DAY_US = 86_400_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_DELAYED = "delayed"
_STATUSES = {each.name.lower(): each for each in ExecutionStatus}
_TEXTS = {"workflow": "workflows", "reason": "reasons", "failed_node": "failed_nodes"}
_LINKS = ("parent", "origin")
_TIMES = ("started", "ended")
FIELDS = ("status", "version", "id", "tag", "dead_letter", *_TEXTS, *_LINKS, *_TIMES, "params.NAME")
"""Everything that a condition can be about."""

_TIME_HELP = (
    "write a day or an instant of ISO 8601 such as 2026-01-31 or 2026-01-31T08:00Z, or how long "
    "ago, such as -2h"
)


class Condition(msgspec.Struct, frozen=True, gc=False):
    """One condition as written; `column` counts from 1, `places` are the columns of the values."""

    field: str
    operator: str
    values: tuple[str, ...]
    column: int
    places: tuple[int, ...]


def read_query(
    text: str, now_us: int, id_of: Callable[[str], str] = str
) -> tuple[Query, tuple[Issue, ...]]:
    """The query that a text stands for, and everything that is wrong with it. `now_us` is what
    relative times count from, `id_of` makes ids of what people call executions."""
    issues = IssueList()
    if len(text) > QUERY_CHARS_MAX:
        message = f"The query has {len(text)} characters; {QUERY_CHARS_MAX} are possible."
        _tell(issues, "QUERY_TOO_LONG", QUERY_CHARS_MAX + 1, message, "ask in several queries")
        return Query(), issues.sorted()
    reader = _Reader(issues, now_us, id_of)
    for condition in _conditions(text, issues):
        reader.take(condition)
    return reader.query, issues.sorted()


def quoted(value: str) -> str:
    """A value as a query writes it, whatever it holds."""
    if value and _BARE.fullmatch(value):
        return value
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _tell(issues: IssueList, code: str, column: int, message: str, fix: str = "") -> None:
    issues.error(code, Place(1, column, "q"), message, fix)


def _conditions(text: str, issues: IssueList) -> list[Condition]:
    """The text taken apart; what makes no sense is told and skipped."""
    found: list[Condition] = []
    at = _BLANKS.match(text, 0).end()  # type: ignore[union-attr]
    while at < len(text):
        field = _FIELD.match(text, at)
        operator = _OPERATOR.match(text, field.end()) if field else None
        if field is None or operator is None:
            word = re.compile(r"\S+").match(text, at)
            shown = word[0] if word else ""
            message = f"`{shown[:60]}` is not a condition."
            fix = f"write field:value; to look for a label, tag:{quoted(shown.strip(':=')[:60])}"
            _tell(issues, "BAD_CONDITION", at + 1, message, fix)
            at = _BLANKS.match(text, word.end() if word else len(text)).end()  # type: ignore[union-attr]
            continue
        values, places, at = _values(text, operator.end(), issues)
        found.append(Condition(field[0], operator[0], values, field.start() + 1, places))
        at = _BLANKS.match(text, at).end()  # type: ignore[union-attr]
    if len(found) > CONDITIONS_MAX:
        message = f"There are {len(found)} conditions; {CONDITIONS_MAX} are possible."
        column = found[CONDITIONS_MAX].column
        _tell(issues, "TOO_MANY_CONDITIONS", column, message, "give several values in one")
    return found[:CONDITIONS_MAX]


def _values(text: str, at: int, issues: IssueList) -> tuple[tuple[str, ...], tuple[int, ...], int]:
    """The values after an operator, their columns, and where they end."""
    values: list[str] = []
    places: list[int] = []
    while True:
        if text[at : at + 1] == '"':
            found = _QUOTED.match(text, at)
            if found is None:
                _tell(issues, "OPEN_QUOTE", at + 1, "The quotation mark is never closed.", 'add "')
                return tuple(values), tuple(places), len(text)
            value, end = re.sub(r"\\(.)", r"\1", found[1], flags=re.DOTALL), found.end()
        else:
            bare = _BARE.match(text, at)
            if bare is None:
                _tell(issues, "MISSING_VALUE", at + 1, "A value is missing here.", 'or write ""')
                return tuple(values), tuple(places), at + 1
            value, end = bare[0], bare.end()
        values.append(value)
        places.append(at + 1)
        at = end
        if text[at : at + 1] != ",":
            return tuple(values), tuple(places), at
        at += 1


class _Reader:
    """Turns conditions into a `Query`, one after the other."""

    def __init__(self, issues: IssueList, now_us: int, id_of: Callable[[str], str]) -> None:
        self._issues = issues
        self._now_us = now_us
        self._id_of = id_of
        self._names = Names(FIELDS)
        self.query = Query()

    def take(self, condition: Condition) -> None:
        """Add a condition, or tell what is wrong with it."""
        field = condition.field
        if len(condition.values) > VALUES_MAX:
            message = f"There are {len(condition.values)} values; {VALUES_MAX} are possible."
            column = condition.places[VALUES_MAX]
            _tell(self._issues, "TOO_MANY_VALUES", column, message, "ask in several queries")
        elif field in _TIMES:
            self._take_time(condition)
        elif not self._is_known(condition) or not self._is_equality(condition):
            return
        elif field in _TEXTS:
            self._any_of(condition, _TEXTS[field], lambda value, _: value)
        elif field == "status" and _DELAYED in map(str.lower, condition.values):
            self._take_delayed(condition)
        elif field == "status":
            self._any_of(condition, "statuses", self._status)
        elif field == "id":
            self._any_of(condition, "ids", lambda value, _: self._id_of(value))
        elif field == "version":
            self._any_of(condition, "versions", self._version)
        elif field == "dead_letter":
            self._any_of(condition, "letters", self._letter)
        elif field == "tag":
            self._change(tags=(*self.query.tags, condition.values))
        elif field in _LINKS:
            ids = map(self._id_of, condition.values)
            self._add_terms(tuple(link_term(field, each) for each in ids))
        else:
            path = field.removeprefix("params.")
            texts = [text for value in condition.values for text in spellings(value)]
            self._add_terms(tuple(param_term(path, text) for text in texts))

    def _is_known(self, condition: Condition) -> bool:
        field = condition.field
        is_param = field.startswith("params.") and len(field) > len("params.")
        if is_param or field in FIELDS[:-1]:
            return True
        near = self._names.hint(field)
        fix = near or f"the fields are {', '.join(FIELDS)}"
        message = f"There is no field `{field[:60]}`."
        _tell(self._issues, "UNKNOWN_FIELD", condition.column, message, fix)
        return False

    def _is_equality(self, condition: Condition) -> bool:
        if condition.operator in ":=":
            return True
        message = f"`{condition.field[:60]}` cannot be compared by `{condition.operator}`."
        fix = f"write {condition.field[:60]}:value; only started and ended have an order"
        _tell(self._issues, "BAD_OPERATOR", condition.column, message, fix)
        return False

    def _change(self, **fields: Any) -> None:
        self.query = msgspec.structs.replace(self.query, **fields)

    def _add_terms(self, group: tuple[str, ...]) -> None:
        self._change(terms=(*self.query.terms, group))

    def _any_of(
        self, condition: Condition, name: str, read: Callable[[str, int], Any | None]
    ) -> None:
        """A field whose values are alternatives; given twice, both conditions must hold."""
        found = [
            value
            for text, column in zip(condition.values, condition.places, strict=True)
            if (value := read(text, column)) is not None
        ]
        before = getattr(self.query, name)
        both = tuple(dict.fromkeys(value for value in found if not before or value in before))
        if found and not both:
            message = f"No execution can have two values of `{condition.field}`."
            fix = f"give alternatives in one condition: {condition.field}:one,two"
            _tell(self._issues, "EXCLUDING_CONDITIONS", condition.column, message, fix)
        self._change(**{name: both})

    def _status(self, text: str, column: int) -> int | None:
        status = _STATUSES.get(text.lower())
        if status is None:
            self._unknown("status", text, column, (*_STATUSES, _DELAYED))
        return status

    def _take_delayed(self, condition: Condition) -> None:
        """Running ones that have not begun: no status of their own, so none beside it fits."""
        if len(condition.values) > 1:
            message = "`delayed` cannot be one of several statuses."
            fix = "ask for status:delayed in a query of its own"
            _tell(self._issues, "EXCLUDING_CONDITIONS", condition.column, message, fix)
            return
        self._any_of(condition, "statuses", lambda *_: _STATUSES["running"])
        self._change(unbegun=True)
        self._add_terms((DELAYED,))

    def _letter(self, text: str, column: int) -> str | None:
        if text.lower() not in LETTERS:
            self._unknown("state of a dead letter", text, column, LETTERS)
            return None
        return text.lower()

    def _version(self, text: str, column: int) -> int | None:
        if text.isascii() and text.isdigit() and 0 < int(text[:12]) < 2**31:
            return int(text)
        message = f"`{text[:60]}` is not a version."
        _tell(self._issues, "BAD_VALUE", column, message, "versions count from 1")
        return None

    def _unknown(self, what: str, text: str, column: int, known: tuple[str, ...]) -> None:
        fix = Names(known).hint(text.lower()) or f"there are {', '.join(known)}"
        _tell(self._issues, "BAD_VALUE", column, f"There is no {what} `{text[:60]}`.", fix)

    def _take_time(self, condition: Condition) -> None:
        if len(condition.values) > 1:
            message = f"`{condition.field}` is compared with one time."
            _tell(self._issues, "TOO_MANY_VALUES", condition.places[1], message, "give one")
            return
        for text, column in zip(condition.values, condition.places, strict=True):
            at_us, lasts_us = self._instant(text)
            if at_us is None:
                message = f"`{text[:60]}` is not a time."
                _tell(self._issues, "BAD_TIME", column, message, _TIME_HELP)
            else:
                before = getattr(self.query, condition.field)
                span = before.narrowed(_span(condition.operator, at_us, lasts_us))
                if span.before_us and span.from_us >= span.before_us:
                    message = f"No execution can have {condition.field} then."
                    fix = "turn one of the comparisons round"
                    _tell(self._issues, "EXCLUDING_CONDITIONS", condition.column, message, fix)
                self._change(**{condition.field: span})

    def _instant(self, text: str) -> tuple[int | None, int]:
        """Beginning and length of a time; a text without a zone is UTC."""
        if text == "now":
            return self._now_us, 1
        if text[:1] == "-":
            ago_s = parse_duration_s(text[1:])
            return (None, 0) if ago_s is None else (self._now_us - round(ago_s * 1e6), 1)
        try:
            when = datetime.fromisoformat(text)
        except ValueError:
            return None, 0
        if when.tzinfo is None:
            when = when.replace(tzinfo=UTC)
        at_us = (when - _EPOCH) // timedelta(microseconds=1)
        return at_us, _DAY_US if _DAY.fullmatch(text) else 1


def _span(operator: str, at_us: int, lasts_us: int) -> Span:
    """What an operator makes of a time that begins at `at_us`: a day is a whole day, so `>` means
    after its end and `<=` until its end."""
    after = at_us + lasts_us
    match operator:
        case ">":
            return Span(from_us=max(1, after))
        case ">=":
            return Span(from_us=max(1, at_us))
        case "<":
            return Span(before_us=max(1, at_us))
        case "<=":
            return Span(before_us=max(1, after))
        case _:
            return Span(max(1, at_us), max(2, after))
