"""Conditions of breakpoints, refused when they are set: what is wrong with them, and where."""

from penstock.common.errors import InvalidArgument
from penstock.workflow.breakpoints import condition_flaw
from penstock.workflow.execution.debug_events import Breakpoint
from penstock.workflow.expressions import TemplateSyntaxError, parse_template
from penstock.workflow.expressions.template import CLOSE, OPEN
from penstock.workflow.javascript import JavaScript
from penstock.workflow.plan import Plan

_SHOWN_MAX = 200


def check_condition(plan: Plan, point: Breakpoint) -> None:
    """Raise `InvalidArgument` for one that cannot be read, or not be evaluated at this place."""
    text = point.condition
    wrong = condition_flaw(plan, point)
    if not wrong:
        return
    try:
        expression = parse_template(text).only_expression
    except TemplateSyntaxError as error:
        _refuse_syntax(text.strip().removeprefix(OPEN).removesuffix(CLOSE).strip())
        raise _refusal(text, error.offset, error.message, "Close it with `}}`.") from None
    if expression is not None and expression.tree is None:
        _refuse_syntax(expression.source)
    raise InvalidArgument(wrong, fix="Change the condition.", path="condition")


def _refuse_syntax(source: str) -> None:
    """Raise `InvalidArgument` for what is no JavaScript expression."""
    faults = JavaScript().expression(source).faults
    if faults:
        first = faults[0]
        fix = f"{first.fix[:1].upper()}{first.fix[1:]}."
        raise _refusal(source, first.offset, first.message, fix)


def _refusal(source: str, offset: int, message: str, fix: str) -> InvalidArgument:
    """What is wrong at a character of a text, which is shown unless it is long."""
    before = source[:offset]
    line, column = before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1
    where = f"line {line}, column {column}" if "\n" in source else f"column {column}"
    shown = f" of `{source}`" if len(source) <= _SHOWN_MAX else ""
    said = f"The condition cannot be read, {where}{shown}: {message}."
    return InvalidArgument(said, fix=fix, path="condition", line=line, column=column)
