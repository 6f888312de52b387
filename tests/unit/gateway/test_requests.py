"""Reading requests, without any."""

import msgspec
import pytest
from msgspec import UNSET, Raw

from penstock.common.errors import InvalidArgument, PayloadTooLarge
from penstock.gateway.http.misfits import malformed
from penstock.gateway.http.requests import (
    PARAMS_BYTES_MAX,
    event_number,
    page_size,
    params_value,
    user_value,
    wait_seconds,
    whole_number,
)
from penstock.gateway.shapes.debug import AttachBody, StepBody
from penstock.gateway.shapes.history import RerunBody
from penstock.gateway.shapes.interventions import InterventionBody


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, None),
        ("30s", 30.0),
        ("30", 30.0),
        ("1.5s", 1.5),
        ("500ms", 0.5),
        ("2m", 120.0),
        ("0", 0.0),
        ("300s", 300.0),
        ("1h", 300.0),
        ("999999999h", 300.0),
    ],
)
def test_a_duration_is_read_and_cut_at_the_longest(text, seconds):
    assert wait_seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "-1s", "1d", "s", "1e9", "٣s", "nan", "1 2s"])
def test_what_is_not_a_duration_is_refused(text):
    with pytest.raises(InvalidArgument) as refused:
        wait_seconds(text)
    assert refused.value.facts["path"] == "query.wait"


@pytest.mark.parametrize("text", ["", "-1", "1.0", "x", "٣", "11", "9" * 5000])
def test_what_is_not_a_number_within_its_limit_is_refused(text):
    with pytest.raises(InvalidArgument):
        whole_number(text, "n", 0, 10)


def test_a_page_has_a_usual_size():
    assert page_size(None) == 50


def test_a_page_holds_1_to_500():
    assert [page_size(text) for text in ("1", "500")] == [1, 500]
    for text in ("0", "501", "-1", "x"):
        with pytest.raises(InvalidArgument) as refused:
            page_size(text)
        assert "from 1 to 500" in refused.value.fix


@pytest.mark.parametrize("text", ["0", "-1", "x", "9" * 19])
def test_a_moment_is_an_event_and_those_count_from_1(text):
    with pytest.raises(InvalidArgument) as refused:
        event_number(text)
    assert refused.value.message == f"There is no event {text!r}."
    assert refused.value.fix == "Events count from 1, which is the start."


def test_params_are_handed_on_byte_by_byte():
    assert params_value(Raw(b'{"a" : 1.0}')) == b'{"a" : 1.0}'
    assert params_value(Raw(b"null")) == b""
    assert params_value(UNSET) == b""


@pytest.mark.parametrize("text", [b"[]", b"1", b'"x"'])
def test_params_that_are_no_object_are_refused(text):
    with pytest.raises(InvalidArgument):
        params_value(Raw(text))


def test_a_value_above_the_limit_is_refused():
    with pytest.raises(PayloadTooLarge):
        user_value(Raw(b'"' + b"x" * PARAMS_BYTES_MAX + b'"'), "trigger")


def test_the_place_of_malformed_json_is_counted_in_characters():
    body = '{"ä": 1,\n"ö": }'.encode()
    with pytest.raises(msgspec.DecodeError) as fault:
        msgspec.json.decode(body)
    error = malformed(body, fault.value, dict)
    assert (error.facts["line"], error.facts["column"]) == (2, 6)


def test_json_that_ends_too_early_is_told_at_its_end():
    with pytest.raises(msgspec.DecodeError) as fault:
        msgspec.json.decode(b'{"a": ')
    error = malformed(b'{"a": ', fault.value, dict)
    assert (error.facts["line"], error.facts["column"]) == (1, 7)


@pytest.mark.parametrize(
    ("shape", "body", "path", "message", "fix"),
    [
        (
            InterventionBody,
            b'{"operation": "retyr"}',
            "operation",
            "`operation` cannot be 'retyr'.",
            "Did you mean retry? Give one of complete, edit, fail, retry, skip.",
        ),
        (
            AttachBody,
            b'{"breakpoints": [{"place": "x"}]}',
            "breakpoints[0].place",
            "`breakpoints[0].place` cannot be 'x'.",
            "Give one of after, before.",
        ),
        (
            RerunBody,
            b'{"version": 1.5}',
            "version",
            "The body does not fit: Expected `int | str`, got `float`.",
            "Give one of latest, same, a whole number.",
        ),
        (
            AttachBody,
            b'{"breakpoints": [{"plaec": "x"}]}',
            "breakpoints[0].plaec",
            "There is no key 'plaec' in breakpoints[0].",
            "Did you mean place?",
        ),
        (
            StepBody,
            b'{"zzz": 1}',
            "zzz",
            "There is no key 'zzz' in this body.",
            "Known here: node, item, into.",
        ),
    ],
)
def test_what_does_not_fit_is_told_with_its_place_and_what_would_be_right(
    shape, body, path, message, fix
):
    with pytest.raises(msgspec.DecodeError) as fault:
        msgspec.json.decode(body, type=shape)
    error = malformed(body, fault.value, shape)
    assert (error.facts["path"], error.message, error.fix) == (path, message, fix)
