"""Whole values with `${{ }}` inside: a node's `with`, `output`, or a list to fan out over."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from penstock.workflow.expressions.javascript_values import UNDEFINED, to_text
from penstock.workflow.expressions.template import OPEN, Expression, Template, parse_template


class ValueTemplate(msgspec.Struct, frozen=True):
    """A value whose texts were taken apart. `expressions` are those of all texts, in the order of
    the value."""

    value: Any
    expressions: tuple[Expression, ...]
    _shape: Any

    def render(self, results: Sequence[Any]) -> Any:
        """The value with the expressions' results put in (same order and length as `expressions`).

        A text that is only an expression becomes the result itself; entries of objects whose result
        is undefined are left out, elements of lists become null, as JSON does it.
        """
        if not self.expressions:
            return self.value
        return _render(self._shape, iter(results))


def parse_value(value: Any, raw_fields: Sequence[str] = ()) -> ValueTemplate:
    """Take a value apart; top-level keys in `raw_fields` are passed on as written. Raises
    TemplateSyntaxError."""
    found: list[Expression] = []
    if raw_fields and isinstance(value, dict):
        shape: Any = {
            key: item if key in raw_fields else _parse(item, found) for key, item in value.items()
        }
    else:
        shape = _parse(value, found)
    return ValueTemplate(value, tuple(found), shape)


def _parse(value: Any, found: list[Expression]) -> Any:
    if isinstance(value, str):
        if OPEN not in value:
            return value
        template = parse_template(value)
        found.extend(template.expressions)
        return template
    if isinstance(value, dict):
        return {key: _parse(item, found) for key, item in value.items()}
    if isinstance(value, list):
        return [_parse(item, found) for item in value]
    return value


def _render(shape: Any, results: Iterator[Any]) -> Any:
    if isinstance(shape, Template):
        return _fill(shape, results)
    if isinstance(shape, dict):
        filled = {key: _render(item, results) for key, item in shape.items()}
        return {key: item for key, item in filled.items() if item is not UNDEFINED}
    if isinstance(shape, list):
        items = [_render(item, results) for item in shape]
        return [None if item is UNDEFINED else item for item in items]
    return shape


def _fill(template: Template, results: Iterator[Any]) -> Any:
    values = [next(results) for _ in template.expressions]
    if template.only_expression is not None:
        return values[0]
    rest = iter(values)
    return "".join(
        part if isinstance(part, str) else to_text(next(rest)) for part in template.parts
    )
