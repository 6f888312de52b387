"""Splits an expression into tokens, as far as the native evaluator understands them."""

import re
from typing import Any, Literal

import msgspec

TOKENS_MAX = 200
"""Longer expressions go to the sandbox; it also bounds the depth of the tree."""

Kind = Literal["name", "value", "op", "end"]


class Token(msgspec.Struct, frozen=True, gc=False):
    """A name, a literal's value, or an operator."""

    kind: Kind
    text: str
    offset: int
    value: Any = None


_SPACE = re.compile(r"[ \t\n\r]*")
_NAME = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")
_NUMBER = re.compile(r"0[xX][0-9a-fA-F]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?|\.[0-9]+(?:[eE][+-]?[0-9]+)?")  # noqa: E501  # fmt: skip
_OP = re.compile(r"===|!==|==|!=|<=|>=|&&|\|\||\?\?|\?\.|[<>!?:.()\[\]+\-*/%]")
_STRING = re.compile(r"'(?:[^'\\\n\r]|\\.)*'|\"(?:[^\"\\\n\r]|\\.)*\"")
_REFUSED = re.compile(r"//|/\*|\*\*|\+\+|--|<<|>>|<!--|-->|=>")
_ESCAPE = re.compile(r"\\(u\{([0-9a-fA-F]{1,6})\}|u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|.)", re.S)
_SIMPLE = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v"}


class NotNative(Exception):
    """The expression needs the sandbox."""


def tokenize(source: str) -> list[Token]:
    """All tokens and an end mark; raises NotNative at anything unusual."""
    tokens: list[Token] = []
    position = _skip(source, 0)
    while position < len(source):
        token, position = _next(source, position)
        tokens.append(token)
        if len(tokens) > TOKENS_MAX:
            raise NotNative
        position = _skip(source, position)
    tokens.append(Token("end", "", len(source)))
    return tokens


def _skip(source: str, position: int) -> int:
    match = _SPACE.match(source, position)
    return match.end() if match else position


def _next(source: str, position: int) -> tuple[Token, int]:
    if match := _NAME.match(source, position):
        return Token("name", match[0], position), match.end()
    if match := _NUMBER.match(source, position):
        after = source[match.end() : match.end() + 1]
        if after and (after.isalnum() or after in "_$\\."):
            raise NotNative
        return Token("value", match[0], position, _number(match[0])), match.end()
    if match := _STRING.match(source, position):
        return Token("value", match[0], position, _unescape(match[0][1:-1])), match.end()
    if _REFUSED.match(source, position):
        raise NotNative
    if match := _OP.match(source, position):
        text = match[0]
        if text == "?." and source[match.end() : match.end() + 1].isdigit():
            text = "?"
        return Token("op", text, position), position + len(text)
    raise NotNative


def _number(text: str) -> int | float:
    if text[:2] in {"0x", "0X"}:
        return float(int(text, 16)) if len(text) < 200 else _refuse()
    return float(text)


def _refuse() -> float:
    raise NotNative


def _unescape(text: str) -> str:
    if "\\" not in text:
        return text
    return _ESCAPE.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    digits = match[2] or match[3] or match[4]
    if digits:
        code = int(digits, 16)
        if 0xD800 <= code <= 0xDFFF or code > 0x10FFFF:
            raise NotNative
        return chr(code)
    letter = match[1]
    if letter in _SIMPLE:
        return _SIMPLE[letter]
    if letter.isdigit() or letter in "ux\n\r\u2028\u2029":
        raise NotNative
    return letter
