"""Native evaluation gives exactly what V8 gives, or says that it cannot tell."""

import json
import math
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, event, example, given, settings
from hypothesis import strategies as st

from penstock.workflow.expressions import (
    NEEDS_SANDBOX,
    UNDEFINED,
    Expression,
    ExpressionFailed,
    evaluate_native,
    parse_template,
)
from penstock.workflow.expressions.javascript_values import json_text, number_text
from penstock.workflow.expressions.parse import parse_native
from penstock.workflow.javascript import JavaScript
from support.v8 import V8

KEYS = ["a", "b", "length", "0", "1", "x y", "constructor", "toString", "é", ""]
ROOTS = ["params", "nodes", "input", "payload", "item"]

texts = st.text(st.characters(blacklist_categories=("Cs",)), max_size=4)
numbers = st.one_of(
    st.integers(-5, 5), st.floats(allow_nan=False, allow_infinity=False), st.integers()
)
scalars = st.one_of(
    st.none(), st.booleans(), numbers, texts, st.sampled_from(["", "a", "b", "1", "😀"])
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)
    ),
    max_leaves=8,
)
scopes = st.fixed_dictionaries(dict.fromkeys(ROOTS, values))


def quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


literals = st.one_of(
    st.sampled_from(
        ["0", "1", "2", "-1", "1.5", ".5", "5.", "1e3", "0x1F", "1e400", "true", "false", "null"]
    ),
    st.sampled_from(["undefined", "NaN", "Infinity", "''", "'a'", '"it\\\'s"', "'\\u0041\\n'"]),
    st.floats(0, allow_infinity=False, allow_nan=False).map(repr),
    texts.map(quoted),
)
keys = st.one_of(
    st.sampled_from([".a", ".b", ".length", ".constructor", ".toString", "?.a", "?.b", "?.length"]),
    st.sampled_from(
        ["[0]", "[1]", "['a']", "['x y']", "?.[0]", "?.['a']", "[1.5]", "[-1]", "[99]"]
    ),
)
paths = st.builds(
    lambda root, steps: root + "".join(steps),
    st.sampled_from(ROOTS),
    st.lists(keys, max_size=4),
)
BINARY = ["===", "!==", "==", "!=", "<", "<=", ">", ">=", "&&", "||", "??", "+", "-", "*", "/", "%"]


def compound(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("{} {} {}".format, inner, st.sampled_from(BINARY), inner),
        st.builds("{}{}{}".format, inner, st.sampled_from(BINARY), inner),
        st.builds("({})".format, inner),
        st.builds("({}){}".format, inner, keys),
        st.builds("{}[{}]".format, paths, inner),
        st.builds("{}{}".format, st.sampled_from(["!", "-", "+", "- ", "!!"]), inner),
        st.builds("{} ? {} : {}".format, inner, inner, inner),
    )


expressions = st.recursive(st.one_of(literals, paths, paths), compound, max_leaves=6)


@pytest.fixture(scope="module")
def v8():
    engine = V8()
    yield engine
    engine.close()


def same(ours: Any, theirs: Any) -> bool:
    """Equal as JavaScript values; our integers may have more digits than a double."""
    if isinstance(ours, bool) or isinstance(theirs, bool) or ours is None or theirs is None:
        return ours is theirs
    if isinstance(ours, int | float) and isinstance(theirs, int | float):
        return as_double(ours) == as_double(theirs)
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return ours.keys() == theirs.keys() and all(same(ours[k], theirs[k]) for k in ours)
    return type(ours) is type(theirs) and ours == theirs


def as_double(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf


def native(source: str, scope: dict[str, Any]) -> dict[str, Any] | None:
    try:
        value = evaluate_native(Expression(source, 0, parse_native(source)), scope)
    except ExpressionFailed as error:
        return {"error": str(error)}
    if value is NEEDS_SANDBOX:
        return None
    return {"undefined": True} if value is UNDEFINED else {"value": value}


@settings(max_examples=600, deadline=None, suppress_health_check=list(HealthCheck))
@given(expressions, scopes)
@example("nodes.a ?? params.b", {"nodes": {}, "params": {"b": 0}})
@example("params.a?.b.c", {"params": {}})
@example("(params.a?.b).c", {"params": {}})
@example("params[payload]", {"params": {"1": 2}, "payload": 1})
@example("1e400", {})
@example("-0", {})
@example("1/-0", {})
@example("'a'+1.5e300*1e10", {})
@example("item['__proto__']", {"item": {}})
def test_native_results_are_those_of_v8(v8: V8, source: str, scope: dict[str, Any]):
    ours = native(source, scope)
    event("left to the sandbox" if ours is None else "native")
    assume(ours is not None)
    theirs = v8.evaluate(source, scope)
    assert "syntax" not in theirs, f"{source}: accepted, but V8 says {theirs}"
    assert ours is not None
    if "value" in ours and "value" in theirs:
        assert same(ours["value"], theirs["value"]), (source, ours, theirs)
    else:
        assert ours == theirs, source


@pytest.mark.parametrize(
    "source",
    [
        "nodes.a.output.b[0]['c'].d",
        "params.limit >= 100 && payload.ok",
        "item?.name ?? 'nobody'",
        "payload.total * 1.21 > 100 ? 'dear' : 'cheap'",
        "!(payload.list.length === 0)",
    ],
)
def test_the_common_forms_are_native(source: str):
    assert parse_native(source) is not None


@settings(max_examples=200, deadline=None)
@given(expressions)
def test_what_is_native_is_also_valid_for_the_syntax_check(source: str):
    assume(parse_native(source) is not None)
    assert JavaScript().expression(source).faults == ()


@settings(max_examples=300, deadline=None)
@given(st.floats(allow_nan=True, allow_infinity=True))
@example(1e21)
@example(123456789012345680000.0)
@example(1e-7)
@example(5e-324)
def test_numbers_are_written_as_javascript_writes_them(v8: V8, number: float):
    source = "NaN" if math.isnan(number) else repr(number).replace("inf", "Infinity")
    assert number_text(number) == v8.text(source)


@settings(max_examples=300, deadline=None)
@given(values)
@example({"b": 1, "10": 2, "9": 3, "01": 4})
@example(['\u2028\x7f\x1f"\\/', 1.0, -0.0, 1e21])
def test_values_become_text_as_by_json_stringify(v8: V8, value: Any):
    assume(not has_long_integer(value))
    scope = {"value": value}
    assert json_text(value) == v8.evaluate("JSON.stringify(value)", scope)["value"]


def has_long_integer(value: Any) -> bool:
    if isinstance(value, dict | list):
        return any(map(has_long_integer, value.values() if isinstance(value, dict) else value))
    return isinstance(value, int) and abs(value) > 2**53


PIECES = (
    "a", " ", "1", "{a: 1}", "'}}'", '"}}"', "`}}`", "`${ {a: '}'}.a }}`", "/[}]}}/", "(x)", "[y]",
    "{b: {c: 2}}", "/* }} */", "=>", "+", ",", "/", "'\\'}}'", "`\\`}}`", "\n",
)  # fmt: skip
pieces = st.sampled_from(PIECES)


@settings(max_examples=500, deadline=None)
@given(st.lists(pieces, min_size=1, max_size=6).map(" ".join), texts, texts)
def test_the_end_of_an_expression_is_found(v8: V8, source: str, before: str, after: str):
    assume("${{" not in before + after and not before.endswith("$") and source.strip())
    assume("syntax" not in v8.evaluate(source, {}))
    template = parse_template(f"{before}${{{{ {source} }}}}{after}")
    assert [expression.source for expression in template.expressions] == [source.strip()]
    start = template.expressions[0].offset
    assert template.text[start:].startswith(source.strip())
