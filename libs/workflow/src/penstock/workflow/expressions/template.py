"""Texts with `${{ }}`: static parts and expressions.

The end of an expression is found by reading JavaScript's brackets, strings, templates, comments and
regular expressions, so `${{ {a: {b: "}}"}} }}` is one expression. A literal `${{` is written `${{
"${{" }}`.
"""

from functools import cached_property

import msgspec

from penstock.workflow.expressions.errors import TemplateSyntaxError
from penstock.workflow.expressions.parse import parse_native
from penstock.workflow.expressions.scan import find_end
from penstock.workflow.expressions.syntax import Tree

OPEN = "${{"
CLOSE = "}}"


class Expression(msgspec.Struct, frozen=True):
    """One JavaScript expression: its source, where it begins in the text, and its tree if it is
    simple.

    `tree` is None if the sandbox has to evaluate it.
    """

    source: str
    offset: int
    tree: Tree | None

    @property
    def native(self) -> bool:
        """True if the native evaluator may know the answer."""
        return self.tree is not None


class Template(msgspec.Struct, frozen=True, dict=True):
    """A text taken apart. Immutable: parse once per plan and keep."""

    text: str
    parts: tuple[str | Expression, ...]

    @cached_property
    def expressions(self) -> tuple[Expression, ...]:
        """The expressions in order."""
        return tuple(part for part in self.parts if isinstance(part, Expression))

    @cached_property
    def only_expression(self) -> Expression | None:
        """The expression if the text is nothing else (space around it aside): its value keeps its
        type."""
        found = self.expressions
        alone = len(found) == 1 and all(
            isinstance(part, Expression) or not part.strip() for part in self.parts
        )
        return found[0] if alone else None


def parse_template(text: str) -> Template:
    """Take a text apart; raises TemplateSyntaxError if a `${{` is never closed or holds nothing."""
    parts: list[str | Expression] = []
    position = 0
    while (start := text.find(OPEN, position)) >= 0:
        if start > position:
            parts.append(text[position:start])
        inside = start + len(OPEN)
        end = find_end(text, inside)
        if end < 0:
            raise TemplateSyntaxError("`${{` has no matching `}}`", start)
        raw = text[inside:end]
        source = raw.strip()
        if not source:
            raise TemplateSyntaxError("`${{ }}` holds no expression", start)
        offset = inside + raw.index(source)
        parts.append(Expression(source, offset, parse_native(source)))
        position = end + len(CLOSE)
    if position < len(text):
        parts.append(text[position:])
    return Template(text, tuple(parts))
