"""JavaScript's own rules for JSON values held as Python values: truth, equality, order, text.

Numbers are doubles in JavaScript; Python integers beyond 2^53 are rounded the same way before they
are compared. Where a rule would need a prototype or an object's identity, `Fallback` says that only
the sandbox can tell.
"""

import json
import math
import re
from collections.abc import Mapping
from typing import Any, Final

from penstock.workflow.expressions.errors import ExpressionFailed


class _Undefined:
    """JavaScript's `undefined`: a missing value."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "UNDEFINED"

    def __bool__(self) -> bool:
        return False


UNDEFINED: Final = _Undefined()
"""The value of what is not there."""

SAFE_INTEGER = 2**53
_INDEX = re.compile(r"0|[1-9][0-9]{0,9}")


class Fallback(Exception):
    """Only real JavaScript can tell."""


def is_number(value: object) -> bool:
    """True for JavaScript numbers (Python's booleans are none)."""
    return type(value) is float or type(value) is int


def as_double(value: float) -> float:
    """The double nearest to a number."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def is_truthy(value: object) -> bool:
    """Whether a condition holds."""
    if value is True or value is False:
        return value is True
    if value is None or value is UNDEFINED:
        return False
    if type(value) is float or type(value) is int:
        return value != 0 and value == value  # noqa: PLR0124 NaN is not itself
    return value != "" if isinstance(value, str) else True


def strictly_equal(left: Any, right: Any) -> bool:
    """`===`."""
    if is_number(left) and is_number(right):
        return as_double(left) == as_double(right)
    if isinstance(left, str) and isinstance(right, str):
        return left == right
    if _is_object(left) and _is_object(right):
        raise Fallback
    return left is right


def loosely_equal(left: Any, right: Any) -> bool:
    """`==`."""
    left_empty = left is None or left is UNDEFINED
    right_empty = right is None or right is UNDEFINED
    if left_empty or right_empty:
        return left_empty and right_empty
    if _is_object(left) or _is_object(right):
        raise Fallback
    if isinstance(left, str) and isinstance(right, str):
        return left == right
    return to_number(left) == to_number(right)


def less_than(left: Any, right: Any) -> bool | None:
    """`<`, or None if the two cannot be ordered (NaN)."""
    if isinstance(left, str) and isinstance(right, str):
        return _code_units(left) < _code_units(right)
    a, b = to_number(left), to_number(right)
    return None if math.isnan(a) or math.isnan(b) else a < b


def to_number(value: Any) -> float:
    """`Number(value)` for values that need no parsing and no prototype."""
    if value is None or value is False:
        return 0.0
    if value is True:
        return 1.0
    if value is UNDEFINED:
        return math.nan
    if is_number(value):
        return as_double(value)
    raise Fallback


def string_length(text: str) -> int:
    """Length in UTF-16 code units."""
    return len(text) + sum(character > "\uffff" for character in text)


def array_index(key: str) -> int | None:
    """The index a property key stands for, None if it is none."""
    return int(key) if _INDEX.fullmatch(key) and int(key) < 2**32 - 1 else None


def number_text(value: float) -> str:
    """`String(number)`; integers of any size keep their digits."""
    if type(value) is int:
        return str(value)
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if value == 0:
        return "0"
    sign = "-" if value < 0 else ""
    return sign + _positive_text(abs(value))


def to_text(value: Any) -> str:
    """A value as part of a text: texts as they are, null and undefined as nothing, everything else
    as JSON."""
    if isinstance(value, str):
        return value
    if value is None or value is UNDEFINED:
        return ""
    try:
        return json_text(value)
    except RecursionError as error:
        raise ExpressionFailed("the value is nested too deeply to become text") from error


def json_text(value: Any) -> str:
    """`JSON.stringify(value)`: compact, integer-like keys first, numbers as in JavaScript."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False) if value.isprintable() else _quoted(value)
    if value is True or value is False:
        return "true" if value else "false"
    if is_number(value):
        return number_text(value) if math.isfinite(as_double(value)) else "null"
    if isinstance(value, Mapping):
        parts = (
            f"{json_text(key)}:{json_text(item)}"
            for key, item in in_property_order(value)
            if item is not UNDEFINED
        )
        return "{" + ",".join(parts) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(json_text(item) for item in value) + "]"
    return "null"


def in_property_order(value: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """The entries of an object in JavaScript's order: integer keys ascending, then the others as
    they came."""
    items = list(value.items())
    if not any(key[:1].isdigit() and array_index(key) is not None for key in value):
        return items
    indexed = [item for item in items if array_index(item[0]) is not None]
    others = [item for item in items if array_index(item[0]) is None]
    return sorted(indexed, key=lambda item: int(item[0])) + others


def to_json_value(value: Any) -> Any:
    """A result as it comes back from JavaScript through JSON: NaN and infinities are null, -0 is 0,
    2.0 is 2."""
    if type(value) is not float:
        return value
    if not math.isfinite(value):
        return None
    return int(value) if value.is_integer() and abs(value) < SAFE_INTEGER else value


def _is_object(value: object) -> bool:
    return isinstance(value, dict | list | Mapping)


def _code_units(text: str) -> bytes:
    return text.encode("utf-16-be", "surrogatepass")


def _quoted(text: str) -> str:
    quoted = json.dumps(text, ensure_ascii=False)
    if not any("\ud800" <= character <= "\udfff" for character in quoted):
        return quoted
    return re.sub("[\ud800-\udfff]", lambda match: f"\\u{ord(match[0]):04x}", quoted)


def _positive_text(value: float) -> str:
    """ECMA-262, Number::toString: the shortest digits, placed by the exponent."""
    mantissa, _, exponent_text = f"{value!r}e0".partition("e")
    exponent = int(exponent_text.partition("e")[0])
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    point = len(whole) + exponent - (len(whole + fraction) - len(digits))
    digits = digits.rstrip("0")
    count = len(digits)
    if count <= point <= 21:
        return digits + "0" * (point - count)
    if 0 < point <= 21:
        return f"{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return "0." + "0" * -point + digits
    scientific = point - 1
    sign = "+" if scientific > 0 else "-"
    rest = f".{digits[1:]}" if count > 1 else ""
    return f"{digits[0]}{rest}e{sign}{abs(scientific)}"
