"""Reads the entries of one mapping of a file, telling everything that is wrong with them."""

import re
from collections.abc import Collection

from penstock.workflow.durations import HELP, parse_duration_s
from penstock.workflow.issues import IssueList, Place
from penstock.workflow.located import Located, join_path
from penstock.workflow.nearest import Names


class Fields:
    """A mapping and where it stands. An entry without a value counts as left out; a wrong one is
    told and left out."""

    def __init__(self, value: Located, path: str, issues: IssueList) -> None:
        self.value = value
        self.path = path
        self.issues = issues
        self._items = value.items or {}

    def check_keys(self, known: Collection[str], later: Collection[str], names: Names) -> None:
        """Tell keys that mean nothing, and keys whose part of the engine does not exist yet."""
        for key in self._items:
            if key in known:
                continue
            place = self.value.key_place(key, self.path)
            if key in later:
                message = f'"{key}" is not supported yet.'
                self.issues.error("NOT_SUPPORTED_YET", place, message, "remove it for now")
            else:
                message = f'"{key[:60]}" is not a known key.'
                fix = "" if self.issues.full else names.hint(key)
                self.issues.error("UNKNOWN_KEY", place, message, fix or _one_of(known))

    def get(self, key: str) -> Located | None:
        """The value of a key, None if it is left out or empty."""
        value = self._items.get(key)
        return None if value is None or value.data is None else value

    def place(self, key: str) -> Place:
        """Where the value of a key stands."""
        value = self._items.get(key)
        path = join_path(self.path, key)
        return value.place(path) if value is not None else self.value.place(path)

    def missing(self, key: str, fix: str) -> None:
        """Tell that a required key is left out."""
        place = self.value.place(join_path(self.path, key))
        self.issues.error("MISSING_KEY", place, f'"{key}" is missing.', fix)

    def wrong(self, key: str, wanted: str, fix: str = "") -> None:
        """Tell that the value of a key is not what is wanted."""
        value = self._items[key]
        message = f'"{key}" must be {wanted}, not {value.kind}.'
        self.issues.error("WRONG_TYPE", self.place(key), message, fix)

    def text(self, key: str, longest: int = 10_000) -> str | None:
        """A text."""
        value = self.get(key)
        if value is None:
            return None
        if not isinstance(value.data, str):
            self.wrong(key, "a text", "put it in quotes")
            return None
        if len(value.data) > longest:
            message = f'"{key}" has {len(value.data)} characters; {longest} are possible.'
            self.issues.error("TOO_LONG", self.place(key), message, "shorten it")
            return None
        if "\x00" in value.data:
            message = f'"{key}" holds the character U+0000.'
            self.issues.error("BAD_CHARACTER", self.place(key), message, "remove it")
            return None
        return value.data

    def name(self, key: str, pattern: re.Pattern[str], rule: str) -> str | None:
        """A text of a certain form; `rule` says which."""
        value = self.text(key)
        if value is not None and not pattern.fullmatch(value):
            self.issues.error(
                "BAD_NAME", self.place(key), f'"{value[:80]}" is not a valid {key}.', rule
            )
            return None
        return value

    def choice(self, key: str, options: Collection[str], later: Collection[str] = ()) -> str | None:
        """One of a few words."""
        value = self.get(key)
        if value is None or value.data in options:
            return None if value is None else str(value.data)
        if isinstance(value.data, str) and value.data in later:
            message = f'{key} "{value.data}" is not supported yet.'
            self.issues.error("NOT_SUPPORTED_YET", self.place(key), message, _one_of(options))
        else:
            fix = Names(options).hint(str(value.data)) or _one_of(options)
            self.wrong(key, _one_of(options), fix)
        return None

    def duration_s(self, key: str, *, zero: bool = False) -> float | None:
        """A duration in seconds, above 0 unless `zero` is allowed."""
        value = self.get(key)
        if value is None:
            return None
        seconds = parse_duration_s(value.data)
        if seconds is None or (seconds == 0 and not zero):
            why = "not a duration" if seconds is None else "too short"
            self.issues.error(
                "BAD_DURATION", self.place(key), f'"{key}" is {value.kind}: {why}.', HELP
            )
            return None
        return seconds

    def integer(self, key: str, least: int, most: int) -> int | None:
        """A whole number within bounds."""
        value = self.get(key)
        if value is None:
            return None
        if type(value.data) is not int or not least <= value.data <= most:
            self.wrong(key, f"a whole number from {least} to {most}")
            return None
        return value.data

    def number(self, key: str, least: float, most: float) -> float | None:
        """A number within bounds."""
        value = self.get(key)
        if value is None:
            return None
        if type(value.data) not in (int, float) or not least <= value.data <= most:
            self.wrong(key, f"a number from {least} to {most}")
            return None
        return float(value.data)

    def mapping(self, key: str, fix: str = "") -> Located | None:
        """A mapping."""
        value = self.get(key)
        if value is not None and value.items is None:
            self.wrong(key, "a mapping", fix)
            return None
        return value

    def texts(
        self, key: str, pattern: re.Pattern[str], rule: str, most: int
    ) -> tuple[str, ...] | None:
        """A list of different texts of a certain form."""
        value = self.get(key)
        if value is None:
            return None
        if value.elements is None:
            self.wrong(key, "a list", rule)
            return None
        if len(value.elements) > most:
            self.wrong(key, f"a list of at most {most}")
            return None
        found: list[str] = []
        for position, element in enumerate(value.elements):
            place = element.place(join_path(join_path(self.path, key), position))
            if not isinstance(element.data, str) or not pattern.fullmatch(element.data):
                message = f'"{key}" holds {element.kind}, which does not fit.'
                self.issues.error("WRONG_TYPE", place, message, rule)
            elif element.data in found:
                message = f'"{element.data}" is listed twice.'
                self.issues.error("DUPLICATE_ENTRY", place, message, "remove one of them")
            else:
                found.append(element.data)
        return tuple(found)


def _one_of(options: Collection[str]) -> str:
    words = sorted(options)
    return "one of " + ", ".join(words) if len(words) > 1 else f'"{words[0]}"'
