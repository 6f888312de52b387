"""Parses expressions for native evaluation: paths, literals, comparisons, logic, plain arithmetic.

Precedence as in ECMA-262, section 13. Whatever is not understood, or is a syntax error, is left to
the sandbox and to the syntax check, so a wrong guess here is impossible: this parser accepts a
subset of JavaScript only.
"""

import math
from typing import Any, cast

from penstock.workflow.expressions.access import Access
from penstock.workflow.expressions.javascript_values import UNDEFINED
from penstock.workflow.expressions.syntax import (
    Binary,
    Chain,
    Conditional,
    Constant,
    Logical,
    Name,
    Step,
    Tree,
    Unary,
    UnaryOp,
)
from penstock.workflow.expressions.tokens import NotNative, Token, tokenize

_DEPTH_MAX = 30
"""Deeper nesting goes to the sandbox: the parser is recursive."""

_BINARY_LEVEL = {
    "===": 1, "!==": 1, "==": 1, "!=": 1, "<": 2, "<=": 2, ">": 2, ">=": 2,
    "+": 3, "-": 3, "*": 4, "/": 4, "%": 4,
}  # fmt: skip
_CONSTANTS: dict[str, Any] = {
    "true": True, "false": False, "null": None,
    "undefined": UNDEFINED, "NaN": math.nan, "Infinity": math.inf,
}  # fmt: skip
_KEYWORDS = frozenset((
    "arguments", "async", "await", "break", "case", "catch", "class", "const", "continue",
    "debugger", "default", "delete", "do", "else", "enum", "eval", "export", "extends", "finally",
    "for", "function", "if", "implements", "import", "in", "instanceof", "interface", "let", "new",
    "of", "package", "private", "protected", "public", "return", "static", "super", "switch",
    "this", "throw", "try", "typeof", "var", "void", "while", "with", "yield",
))  # fmt: skip


def parse_native(source: str) -> Tree | None:
    """The tree of an expression, or None if only the sandbox can evaluate it."""
    try:
        parser = _Parser(tokenize(source))
        tree = parser.conditional()
        parser.expect_end()
    except NotNative:
        return None
    return tree


def accesses_of(tree: Tree) -> list[Access]:
    """Every outside name the tree mentions."""
    found: list[Access] = []
    _collect(tree, found)
    return found


class _Parser:
    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0

    def expect_end(self) -> None:
        if self._tokens[self._at].kind != "end":
            raise NotNative

    def conditional(self) -> Tree:
        self._depth += 1
        if self._depth > _DEPTH_MAX:
            raise NotNative
        tree = self._conditional()
        self._depth -= 1
        return tree

    def _conditional(self) -> Tree:
        test = self._logical()
        if not self._accept("?"):
            return test
        yes = self.conditional()
        self._expect(":")
        return Conditional(test, yes, self.conditional())

    def _logical(self) -> Tree:
        left = self._and()
        if self._peek("??"):
            left = self._coalesce(left)
        while self._accept("||"):
            left = Logical("||", left, self._and())
            if self._peek("??"):
                raise NotNative
        return left

    def _coalesce(self, left: Tree) -> Tree:
        if isinstance(left, Logical):
            raise NotNative
        while self._accept("??"):
            left = Logical("??", left, self._binary(1))
        if self._peek("||") or self._peek("&&"):
            raise NotNative
        return left

    def _and(self) -> Tree:
        left = self._binary(1)
        while self._accept("&&"):
            left = Logical("&&", left, self._binary(1))
        return left

    def _binary(self, level: int) -> Tree:
        left = self._unary()
        while True:
            token = self._tokens[self._at]
            own = _BINARY_LEVEL.get(token.text, 0) if token.kind == "op" else 0
            if own < level:
                return left
            self._at += 1
            left = Binary(token.text, left, self._binary(own + 1))

    def _unary(self) -> Tree:
        token = self._tokens[self._at]
        if token.kind == "op" and token.text in {"!", "-", "+"}:
            self._at += 1
            return Unary(cast("UnaryOp", token.text), self._unary())
        return self._chain()

    def _chain(self) -> Tree:
        base = self._primary()
        steps: list[Step] = []
        while True:
            if self._accept("."):
                steps.append(Step(Constant(self._property())))
            elif self._accept("["):
                steps.append(Step(self._index()))
            elif self._accept("?."):
                computed = self._accept("[")
                key = self._index() if computed else Constant(self._property())
                steps.append(Step(key, optional=True))
            elif self._peek("("):
                raise NotNative
            else:
                return Chain(base, tuple(steps)) if steps else base

    def _primary(self) -> Tree:
        token = self._tokens[self._at]
        self._at += 1
        if token.kind == "value":
            return Constant(token.value)
        if token.kind == "name":
            if token.text in _CONSTANTS:
                return Constant(_CONSTANTS[token.text])
            if token.text in _KEYWORDS:
                raise NotNative
            return Name(token.text, token.offset)
        if token.kind == "op" and token.text == "(":
            inner = self.conditional()
            self._expect(")")
            return inner
        raise NotNative

    def _property(self) -> str:
        token = self._tokens[self._at]
        if token.kind != "name":
            raise NotNative
        self._at += 1
        return token.text

    def _index(self) -> Tree:
        key = self.conditional()
        self._expect("]")
        return key

    def _peek(self, text: str) -> bool:
        token = self._tokens[self._at]
        return token.kind == "op" and token.text == text

    def _accept(self, text: str) -> bool:
        if self._peek(text):
            self._at += 1
            return True
        return False

    def _expect(self, text: str) -> None:
        if not self._accept(text):
            raise NotNative


def _collect(tree: Tree, found: list[Access]) -> None:
    match tree:
        case Name(name, offset):
            found.append(Access(name, offset))
        case Chain(base, steps):
            if isinstance(base, Name):
                first = _static(steps[0])
                second = _static(steps[1]) if first is not None and len(steps) > 1 else None
                found.append(Access(base.name, base.offset, first, second))
            else:
                _collect(base, found)
            for step in steps:
                _collect(step.key, found)
        case Unary(_, operand):
            _collect(operand, found)
        case Binary(_, left, right) | Logical(_, left, right):
            _collect(left, found)
            _collect(right, found)
        case Conditional(test, yes, no):
            for part in (test, yes, no):
                _collect(part, found)
        case Constant():
            pass


def _static(step: Step) -> str | None:
    if isinstance(step.key, Constant) and isinstance(step.key.value, str):
        return step.key.value
    return None
