"""Finds the name that somebody probably meant."""

import difflib
from collections.abc import Iterable

_SMALL = 200


class Names:
    """A set of known names that can be asked for the one most like a misspelt one.

    Small sets are compared in full. Large ones use an index of all names with one letter left out,
    built at the first question, so that a question costs the length of the word and not the number
    of names.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._names = list(names)
        self._index: dict[str, str] | None = None
        self._answers: dict[str, str | None] = {}

    def nearest(self, wrong: str) -> str | None:
        """The most similar known name, or None if nothing is similar."""
        if len(self._names) <= _SMALL:
            if wrong not in self._answers:
                found = difflib.get_close_matches(wrong[:200], self._names, n=1, cutoff=0.6)
                self._answers[wrong] = found[0] if found else None
            return self._answers[wrong]
        if self._index is None:
            self._index = self._build()
        for key in _shortened(wrong[:200]):
            if key in self._index:
                return self._index[key]
        return None

    def hint(self, wrong: str) -> str:
        """`did you mean "x"?`, or nothing."""
        name = self.nearest(wrong)
        return f'did you mean "{name}"?' if name else ""

    def _build(self) -> dict[str, str]:
        index: dict[str, str] = {}
        for name in self._names:
            for key in _shortened(name):
                index.setdefault(key, name)
        return index


def _shortened(word: str) -> Iterable[str]:
    yield word.lower()
    for i in range(len(word)):
        yield (word[:i] + word[i + 1 :]).lower()
