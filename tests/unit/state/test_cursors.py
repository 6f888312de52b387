"""Page tokens."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.common.errors import InvalidArgument
from penstock.state.reading.cursors import from_token, page_size_of, to_token

ASKED = ("executions", "orders", (2,), "")


@given(st.integers(0, 2**62), st.text(max_size=40))
def test_a_token_names_its_place(at_us, execution_id):
    token = to_token((at_us, execution_id), ASKED)
    assert from_token(token, tuple[int, str], ASKED) == (at_us, execution_id)


@given(st.text(max_size=60))
def test_rubbish_is_refused_with_a_fix(token):
    with pytest.raises(InvalidArgument) as caught:
        from_token(token, tuple[int, str], ASKED)
    assert "next cursor" in (caught.value.fix or "")


def test_a_token_of_another_query_is_refused():
    token = to_token((1, "x"), ASKED)
    with pytest.raises(InvalidArgument):
        from_token(token, tuple[int, str], ("executions", "prices", (2,), ""))


def test_an_edited_token_is_refused():
    token = to_token((1, "x"), ASKED)
    for at in range(len(token)):
        edited = token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :]
        if edited != token:
            with pytest.raises(InvalidArgument):
                from_token(edited, tuple[int, str], ASKED)


def test_page_sizes_have_a_default_and_a_bound():
    assert page_size_of(0) == 50
    assert page_size_of(500) == 500
    with pytest.raises(InvalidArgument):
        page_size_of(501)


def test_no_token_can_be_taken_for_an_option_of_a_command():
    tokens = [to_token((number, "x"), ASKED) for number in range(500)]
    assert all(token[0].isalpha() for token in tokens)
    with pytest.raises(InvalidArgument):
        from_token(tokens[0][1:], tuple[int, str], ASKED)
