"""Finds where a JavaScript expression inside a text ends."""

import re

_PLAIN = re.compile(r"[^()\[\]{}'\"`/]+")
_COMMENT = re.compile(r"//[^\n\r]*|/\*.*?\*/", re.S)
_STRING = re.compile(r"'(?:[^'\\\n\r]|\\[\s\S])*'|\"(?:[^\"\\\n\r]|\\[\s\S])*\"")
_REGEX = re.compile(
    r"/(?![*/])(?:[^/\\\[\n\r]|\\[^\n\r]|\[(?:[^\]\\\n\r]|\\[^\n\r])*+\])++/[A-Za-z]*+"
)
_TEMPLATE_TEXT = re.compile(r"(?:[^`\\$]|\\[\s\S]|\$(?!\{))*")
_KEYWORD_AT_END = re.compile(
    r"(?:^|[^\w$.])(?:return|typeof|instanceof|in|of|new|delete|void|await|yield|case|do|else)$"
)
_PAIRS = {")": "(", "]": "[", "}": "{"}


def find_end(text: str, start: int) -> int:
    """Index of the `}}` that ends the expression from `start` on, -1 if there is none. Linear."""
    return _Scanner(text, start).run()


class _Scanner:
    """Reads tokens. `operand` tells whether the last one ends a value: then `/` divides."""

    def __init__(self, text: str, start: int) -> None:
        self._text = text
        self._at = start
        self._open: list[str] = []
        self._operand = False

    def run(self) -> int:
        text = self._text
        while 0 <= self._at < len(text):
            if match := _PLAIN.match(text, self._at):
                self._plain(match[0])
                self._at = match.end()
                continue
            character = text[self._at]
            if character == "}" and not self._open:
                return self._at if text.startswith("}}", self._at) else -1
            if character in "([{":
                self._open.append(character)
                self._operand = False
                self._at += 1
            elif character in ")]}":
                self._at = self._close(character)
            elif character == "/":
                self._at = self._slash()
            else:
                self._at = self._quote(character)
        return -1

    def _plain(self, words: str) -> None:
        trimmed = words.rstrip()
        if trimmed:
            last = trimmed[-1]
            is_word = last.isalnum() or last in "_$"
            self._operand = trimmed.endswith(("++", "--")) or (
                is_word and not _KEYWORD_AT_END.search(trimmed)
            )

    def _close(self, character: str) -> int:
        if not self._open:
            return -1
        if self._open[-1] == "`" and character == "}":
            return self._template(self._at + 1)
        if self._open.pop() != _PAIRS[character]:
            return -1
        self._operand = True
        return self._at + 1

    def _slash(self) -> int:
        if match := _COMMENT.match(self._text, self._at):
            return match.end()
        if self._text.startswith("/*", self._at):
            return -1
        if self._operand:
            self._operand = False
            return self._at + 1
        match = _REGEX.match(self._text, self._at)
        self._operand = True
        return match.end() if match else -1

    def _quote(self, character: str) -> int:
        if character == "`":
            self._open.append("`")
            return self._template(self._at + 1)
        match = _STRING.match(self._text, self._at)
        self._operand = True
        return match.end() if match else -1

    def _template(self, position: int) -> int:
        """Go on inside a template literal: to after its end, or into the next `${`."""
        match = _TEMPLATE_TEXT.match(self._text, position)
        position = match.end() if match else position
        if self._text.startswith("${", position):
            self._operand = False
            return position + 2
        if self._text.startswith("`", position):
            self._open.pop()
            self._operand = True
            return position + 1
        return -1
