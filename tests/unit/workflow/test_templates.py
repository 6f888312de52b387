"""Texts with expressions: taking apart, embedding, rendering whole values."""

import pytest

from penstock.workflow.expressions import (
    UNDEFINED,
    ExpressionFailed,
    TemplateSyntaxError,
    evaluate_native,
    parse_template,
    parse_value,
    to_text,
)


def test_a_text_without_expressions_is_static():
    assert parse_template("a }} $ { {{ b").expressions == ()


def test_a_text_that_is_only_an_expression_keeps_the_type():
    assert parse_template("  ${{ a }}\n").only_expression is not None
    assert parse_template("x ${{ a }}").only_expression is None
    assert parse_template("${{ a }}${{ b }}").only_expression is None


def test_offsets_point_at_the_expression():
    text = "é ${{ a }} and ${{   b.c }}"
    template = parse_template(text)
    assert [text[one.offset :][: len(one.source)] for one in template.expressions] == ["a", "b.c"]


@pytest.mark.parametrize(
    ("text", "offset"), [("x ${{ a", 2), ("${{ }}", 0), ("${{ 'a }}", 0), ("${{ a ${{ b }}", 0)]
)
def test_what_cannot_be_taken_apart_has_a_place(text: str, offset: int):
    with pytest.raises(TemplateSyntaxError) as caught:
        parse_template(text)
    assert caught.value.offset == offset


def test_results_are_put_in_once_and_never_read_again():
    template = parse_value({"a": "${{ x }}", "b": ["n=${{ y }}", 1], "c": "plain"})
    assert [one.source for one in template.expressions] == ["x", "y"]
    assert template.render(["${{ z }}", [1, None]]) == {
        "a": "${{ z }}", "b": ["n=[1,null]", 1], "c": "plain",
    }  # fmt: skip


def test_missing_results_are_left_out_as_json_does():
    template = parse_value({"a": "${{ x }}", "b": ["${{ y }}"], "c": "<${{ z }}>"})
    assert template.render([UNDEFINED] * 3) == {"b": [None], "c": "<>"}


def test_raw_fields_are_passed_on_as_written():
    template = parse_value({"sql": "${{ x }}", "args": ["${{ y }}"]}, ["sql"])
    assert [one.source for one in template.expressions] == ["y"]
    assert template.render([5]) == {"sql": "${{ x }}", "args": [5]}


@pytest.mark.parametrize(
    ("value", "text"),
    [("a\n", "a\n"), (None, ""), (UNDEFINED, ""), (True, "true"), (1.0, "1"), (1e21, "1e+21"),
     (12345678901234567890, "12345678901234567890"), ({"2": 1, "b": "é\"", "1": []},
     '{"1":[],"2":1,"b":"é\\""}')],
)  # fmt: skip
def test_values_in_texts(value: object, text: str):
    assert to_text(value) == text


def test_a_value_nested_too_deeply_for_text_is_a_failure_of_the_expression():
    value: list[object] = []
    for _ in range(2000):
        value = [value]
    with pytest.raises(ExpressionFailed):
        to_text(value)


def test_reading_from_nothing_fails_as_in_javascript():
    expression = parse_template("${{ params.a.b }}").expressions[0]
    with pytest.raises(ExpressionFailed, match="Cannot read properties of undefined"):
        evaluate_native(expression, {"params": {}})
