"""Evaluates simple expressions over JSON values with exactly JavaScript's result.

The property test compares it with V8. Where the answer would depend on prototypes, on identity of
objects or on parsing texts as numbers, the answer is `NEEDS_SANDBOX`.
"""

import math
from collections.abc import Mapping
from typing import Any, Final, assert_never

from penstock.workflow.expressions.errors import ExpressionFailed
from penstock.workflow.expressions.javascript_values import (
    UNDEFINED,
    Fallback,
    array_index,
    is_number,
    is_truthy,
    json_text,
    less_than,
    loosely_equal,
    number_text,
    strictly_equal,
    string_length,
    to_json_value,
    to_number,
)
from penstock.workflow.expressions.syntax import (
    Binary,
    Chain,
    Conditional,
    Constant,
    Logical,
    Name,
    Tree,
    Unary,
)
from penstock.workflow.expressions.template import Expression


class _NeedsSandbox:
    __slots__ = ()

    def __repr__(self) -> str:
        return "NEEDS_SANDBOX"


NEEDS_SANDBOX: Final = _NeedsSandbox()
"""The answer of the native evaluator when only the sandbox can tell."""

_OBJECT_PROTOTYPE = frozenset((
    "constructor", "__defineGetter__", "__defineSetter__", "hasOwnProperty", "__lookupGetter__",
    "__lookupSetter__", "isPrototypeOf", "propertyIsEnumerable", "toString", "valueOf", "__proto__",
    "toLocaleString",
))  # fmt: skip


def evaluate_native(expression: Expression, scope: Mapping[str, Any]) -> Any:
    """The expression's JSON value, `UNDEFINED`, or `NEEDS_SANDBOX`.

    `scope` maps the outside names (`params`, `nodes`, `input`, ...) to JSON values; a name that is
    missing is left to the sandbox. Mappings may be lazy. Raises `ExpressionFailed` where JavaScript
    throws. Values that are only passed on are the scope's own objects: do not change them.
    """
    tree = expression.tree
    if tree is None:
        return NEEDS_SANDBOX
    try:
        return to_json_value(_eval(tree, scope))
    except Fallback:
        return NEEDS_SANDBOX


def _eval(tree: Tree, scope: Mapping[str, Any]) -> Any:
    if isinstance(tree, Chain):
        return _chain(tree, scope)
    if isinstance(tree, Name):
        if tree.name not in scope:
            raise Fallback
        return scope[tree.name]
    if isinstance(tree, Constant):
        return tree.value
    if isinstance(tree, Binary):
        return _binary(tree.op, _eval(tree.left, scope), _eval(tree.right, scope))
    if isinstance(tree, Logical):
        return _logical(tree, scope)
    if isinstance(tree, Unary):
        return _unary(tree, scope)
    if isinstance(tree, Conditional):
        return _eval(tree.yes if is_truthy(_eval(tree.test, scope)) else tree.no, scope)
    assert_never(tree)


def _chain(chain: Chain, scope: Mapping[str, Any]) -> Any:
    value = _eval(chain.base, scope)
    for step in chain.steps:
        if value is None or value is UNDEFINED:
            if step.optional:
                return UNDEFINED
            key = step.key
            # JavaScript evaluates the key first, and names it only if it is a constant or a simple
            # value.
            raw = key.value if isinstance(key, Constant) else _eval(key, scope)
            kind = "null" if value is None else "undefined"
            raise ExpressionFailed(
                f"Cannot read properties of {kind} (reading '{_property_key(raw)}')"
            )
        raw = step.key.value if isinstance(step.key, Constant) else _eval(step.key, scope)
        value = _property(value, _property_key(raw))
    return value


def _property_key(raw: Any) -> str:
    if isinstance(raw, str):
        return raw
    if is_number(raw):
        return number_text(to_number(raw))
    if raw is UNDEFINED:
        return "undefined"
    if raw is None or isinstance(raw, bool):
        return json_text(raw)
    raise Fallback


def _property(value: Any, key: str) -> Any:
    if isinstance(value, Mapping):
        if key == "__proto__":
            raise Fallback
        if key in value:
            return value[key]
        if key in _OBJECT_PROTOTYPE:
            raise Fallback
        return UNDEFINED
    if isinstance(value, list):
        if key == "length":
            return len(value)
        index = array_index(key)
        if index is None:
            raise Fallback
        return value[index] if index < len(value) else UNDEFINED
    if isinstance(value, str):
        if key == "length":
            return string_length(value)
        index = array_index(key)
        if index is None or string_length(value) != len(value):
            raise Fallback
        return value[index] if index < len(value) else UNDEFINED
    raise Fallback


def _logical(tree: Logical, scope: Mapping[str, Any]) -> Any:
    left = _eval(tree.left, scope)
    match tree.op:
        case "&&":
            return _eval(tree.right, scope) if is_truthy(left) else left
        case "||":
            return left if is_truthy(left) else _eval(tree.right, scope)
        case "??":
            missing = left is None or left is UNDEFINED
            return _eval(tree.right, scope) if missing else left
        case _:
            assert_never(tree.op)


def _unary(tree: Unary, scope: Mapping[str, Any]) -> Any:
    value = _eval(tree.operand, scope)
    match tree.op:
        case "!":
            return not is_truthy(value)
        case "-":
            return -to_number(value)
        case "+":
            return to_number(value)
        case _:
            assert_never(tree.op)


def _binary(op: str, left: Any, right: Any) -> Any:
    match op:
        case "===":
            return strictly_equal(left, right)
        case "!==":
            return not strictly_equal(left, right)
        case "==":
            return loosely_equal(left, right)
        case "!=":
            return not loosely_equal(left, right)
        case "<":
            return less_than(left, right) is True
        case ">":
            return less_than(right, left) is True
        case "<=":
            return less_than(right, left) is False
        case ">=":
            return less_than(left, right) is False
        case "+":
            return _add(left, right)
        case _:
            return _arithmetic(op, to_number(left), to_number(right))


def _add(left: Any, right: Any) -> Any:
    if isinstance(left, str) or isinstance(right, str):
        return _property_key(left) + _property_key(right)
    return to_number(left) + to_number(right)


def _arithmetic(op: str, left: float, right: float) -> float:
    if op == "-":
        return left - right
    if op == "*":
        return left * right
    if op == "/":
        return left / right if right != 0 else _divide_by_zero(left, right)
    if math.isnan(left) or math.isnan(right) or math.isinf(left) or right == 0:
        return math.nan
    return left if math.isinf(right) else math.fmod(left, right)


def _divide_by_zero(left: float, right: float) -> float:
    if left == 0 or math.isnan(left):
        return math.nan
    return math.copysign(math.inf, left) * math.copysign(1.0, right)
