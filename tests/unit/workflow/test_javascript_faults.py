"""A syntax error is told at the place that has to be changed."""

import pytest

from penstock.workflow.javascript import JavaScript

MARKED_BODIES = [
    ("return 1 +^", "after `+`"),
    ("const é = '😀';\nreturn é +^\n", "after `+`"),
    ("return 1 +^ ;", "a value is missing"),
    ("return ^{a: 1", "`{` is never closed"),
    ("return `a ^${b", "`${` is never closed"),
    ("return ^'abc", "`'` is never closed"),
    ("x = [1,2^;", "`]` is missing"),
    ("return 1 +^)", "unexpected `)`"),
    ("return a ^b;", "unexpected `b`"),
    ("let x = {a: 1 b: ^2}; return x", "unexpected `2`"),
    ("const a = 1;\nconst b ^= = 2;\nreturn a;", "unexpected `=`"),
    ("^import x from 'y'", "`import` is not possible"),
]


@pytest.mark.parametrize(("marked", "words"), MARKED_BODIES)
def test_a_fault_of_a_script_has_place_words_and_remedy(marked: str, words: str):
    fault, *_ = JavaScript().body(marked.replace("^", "")).faults
    assert words in fault.message
    assert fault.offset == marked.index("^")
    assert fault.fix


@pytest.mark.parametrize("marked", ["1 +^", "1^; 2", "a ^b", "foo(1^", "[1,2^", "1 + ^)"])
def test_a_fault_of_an_expression_lies_within_it(marked: str):
    fault, *_ = JavaScript().expression(marked.replace("^", "")).faults
    assert fault.offset == marked.index("^")


def test_errors_nested_without_end_are_told_quickly():
    assert JavaScript().body("(" * 20_000 + "@").faults
    assert JavaScript().body("a b (" * 5_000).faults
