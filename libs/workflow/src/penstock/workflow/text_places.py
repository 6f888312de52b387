"""Where the characters of a YAML text stand in the file, for plain, quoted and folded texts.

Theory. YAML folds lines, drops indentation and reads escapes, but it never reorders, and what is
not blank is kept (or is one escape). So the value and the file are walked side by side: blanks of
the file that do not match are indentation or line ends, blanks of the value that do not match are
folded line ends, and everything else goes one for one.
"""

import re
from array import array
from collections.abc import Sequence

_PROPERTIES = re.compile(r"(?:[&!]\S*\s+)*")
_ESCAPE = re.compile(r"\\(?:x..|u.{4}|U.{8}|\r?\n|.)", re.DOTALL)
_BLANK = " \t\r\n"
_BLANK_ESCAPES = frozenset("nrtvfNLP_ \t\r\n")


def places_of_characters(source: str, start: int, value: str, style: str) -> Sequence[int]:
    """For each character of `value`, and for its end, an index of `source`.

    `start` is where the text begins there, with its anchor, tag or quote; `style` is its quoting.
    """
    found = _PROPERTIES.match(source, start)
    at = found.end() if found and style != ">" else start
    at += 1 if style in ("'", '"') else 0
    places = array("Q")
    end = at
    while len(places) < len(value) and at < len(source):
        expected = value[len(places)]
        width, blank = _unit(source, at, style)
        if blank and (source[at] == expected or (source[at] == "\\" and expected.isspace())):
            places.append(at)
            end = at + width
        elif not blank and expected.isspace():
            places.append(end)
            continue
        elif not blank:
            places.append(at)
            end = at + width
        at += width
    while len(places) <= len(value):
        places.append(min(end, len(source)))
    return places


def _unit(source: str, at: int, style: str) -> tuple[int, bool]:
    """Length of what stands for one character, and whether it is blank."""
    character = source[at]
    if character in _BLANK:
        return 1, True
    if style == "'" and source.startswith("''", at):
        return 2, False
    if style == '"' and character == "\\":
        escape = _ESCAPE.match(source, at)
        width = escape.end() - at if escape else 1
        return width, source[at + 1 : at + 2] in _BLANK_ESCAPES
    return 1, False
