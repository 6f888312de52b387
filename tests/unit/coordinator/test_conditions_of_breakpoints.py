"""A condition that makes no sense is refused when it is set, with the place and the reason."""

import pytest

from penstock.common.errors import InvalidArgument
from penstock.coordinator.shell.hands.conditions import check_condition
from penstock.workflow.execution.debug_events import Breakpoint, Place
from support.plans import chain

PLAN = chain(2)


def refused(condition: str) -> InvalidArgument:
    with pytest.raises(InvalidArgument) as caught:
        check_condition(PLAN, Breakpoint("p", 1, -1, Place.BEFORE, condition))
    assert caught.value.facts["path"] == "condition"
    return caught.value


@pytest.mark.parametrize(
    ("source", "line", "column", "reason"),
    [
        ("payload.net > > 100", 1, 15, "unexpected `>`"),
        ("payload.net >", 1, 14, "a value is missing"),
        ("(payload.net > 1", 1, 17, "it ends too early"),
        ("payload\n  .net >< 100", 2, 9, "unexpected"),
        ("let x = 1", 1, 5, "unexpected `x`"),
    ],
)
def test_a_syntax_error_is_told_with_its_place(source: str, line: int, column: int, reason: str):
    error = refused(f"${{{{ {source} }}}}")
    assert (error.facts["line"], error.facts["column"]) == (line, column)
    assert f"column {column}" in error.message
    assert reason in error.message
    assert source in error.message
    assert error.fix


def test_an_expression_that_is_never_closed_is_told_where_it_opens():
    error = refused("   ${{ payload.net > 1")
    assert error.facts["column"] == 4
    assert "has no matching `}}`" in error.message


def test_what_only_the_sandbox_could_tell_is_refused_without_a_place():
    error = refused("${{ payload.map(x => x) }}")
    assert "column" not in error.facts
    assert "sandbox" in error.message


def test_a_condition_that_can_be_evaluated_is_taken():
    check_condition(PLAN, Breakpoint("p", 1, -1, Place.BEFORE, "${{ payload.net > 100 }}"))
