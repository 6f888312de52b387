"""Finds where a JavaScript expression inside a text ends."""

import re

_PLAIN = re.compile(r"[^()\[\]{}'\"`/]+")
_LINE_COMMENT = re.compile(r"//[^\n\r]*")
_BLOCK_COMMENT = re.compile(r"/\*.*?\*/", re.S)
_STRING = re.compile(r"'(?:[^'\\\n\r]|\\[\s\S])*'|\"(?:[^\"\\\n\r]|\\[\s\S])*\"")
_REGEX = re.compile(r"/(?:[^/\\\[\n\r]|\\[^\n\r]|\[(?:[^\]\\\n\r]|\\[^\n\r])*\])+/[a-z]*")
_TEMPLATE_TEXT = re.compile(r"(?:[^`\\$]|\\[\s\S]|\$(?!\{))*")
_WORD_BEFORE_REGEX = re.compile(
    r"(?:^|[^\w$.])(?:return|typeof|instanceof|in|of|new|delete|void|await|yield|case|do|else)$"
)
_OPERAND_END = re.compile(r"[\w$)\]}'\"`]$")
_PAIRS = {")": "(", "]": "[", "}": "{"}


def find_end(text: str, start: int) -> int:
    """Index of the `}}` that ends the expression beginning at `start`, -1 if there is none. Linear
    in the text."""
    open_brackets: list[str] = []
    position = start
    while position < len(text):
        if match := _PLAIN.match(text, position):
            position = match.end()
            continue
        character = text[position]
        if character in "([{":
            open_brackets.append(character)
            position += 1
        elif character in ")]}":
            if not open_brackets:
                return position if text.startswith("}}", position) else -1
            if open_brackets[-1] == "`":
                position = _template(text, position + 1, open_brackets)
            elif open_brackets[-1] == _PAIRS[character]:
                open_brackets.pop()
                position += 1
            else:
                return -1
        else:
            position = _literal(text, position, start, open_brackets)
        if position < 0:
            return -1
    return -1


def _literal(text: str, position: int, start: int, open_brackets: list[str]) -> int:
    """Position after a string, comment, regular expression or the first part of a template literal;
    -1 if unclosed."""
    character = text[position]
    if character == "`":
        open_brackets.append("`")
        return _template(text, position + 1, open_brackets)
    if character != "/":
        match = _STRING.match(text, position)
        return match.end() if match else -1
    if match := _LINE_COMMENT.match(text, position):
        return match.end()
    if text.startswith("/*", position):
        match = _BLOCK_COMMENT.match(text, position)
        return match.end() if match else -1
    before = text[max(start, position - 200) : position].rstrip()
    is_division = bool(_OPERAND_END.search(before)) and not _WORD_BEFORE_REGEX.search(before)
    match = None if is_division else _REGEX.match(text, position)
    return match.end() if match else position + 1


def _template(text: str, position: int, open_brackets: list[str]) -> int:
    """Go on inside a template literal: to after its end, or into the next `${`, which stays open as
    a "`"."""
    match = _TEMPLATE_TEXT.match(text, position)
    position = match.end() if match else position
    if text.startswith("${", position):
        return position + 2
    if text.startswith("`", position):
        open_brackets.pop()
        return position + 1
    return -1
