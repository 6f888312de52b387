"""What a body may ask of a start."""

import pytest
from msgspec import Raw

from penstock.common.errors import InvalidArgument
from penstock.gateway.http.start_options import start_options
from penstock.gateway.shapes.executions import StartBody


def test_a_usual_start_has_none():
    assert start_options(StartBody(params=Raw(b"{}"), tags=("x",), version=2)) is None


def test_everything_is_handed_on():
    body = StartBody(
        priority="high", delay="1h30m", deadline=90, vars=Raw(b'{"n": 1}'), id="order-42"
    )
    options = start_options(body)
    assert options is not None
    assert options.priority_plus_one == 8
    assert options.delay.seconds == 5400
    assert options.deadline.seconds == 90
    assert options.vars_json == b'{"n": 1}'
    assert options.execution_id == "order-42"


def test_an_instant_keeps_its_zone():
    options = start_options(StartBody(not_before="2027-01-31T09:00:00+01:00"))
    assert options is not None
    assert options.not_before.ToJsonString() == "2027-01-31T08:00:00Z"


def test_everything_that_is_wrong_is_told():
    body = StartBody(
        priority="urgent", delay="soon", deadline="400d", not_before="tomorrow", id="a\nb"
    )
    with pytest.raises(InvalidArgument) as told:
        start_options(body)
    for said in (
        "`priority` cannot be 'urgent'.",
        "`delay` cannot be 'soon'.",
        "`deadline` cannot be '400d'.",
        "`not_before` cannot be 'tomorrow'.",
        "`id` cannot be 'a\\nb'.",
    ):
        assert said in told.value.message
    assert told.value.fix is not None
    assert told.value.fix.count("at most 366d") == 1


def test_a_deadline_that_leaves_no_time_is_refused():
    with pytest.raises(InvalidArgument, match="`deadline` cannot be '0s'") as told:
        start_options(StartBody(deadline="0s"))
    assert told.value.fix == "Give a deadline of more than 0."


def test_a_name_that_is_too_long_is_refused_as_the_id_it_was_given_as():
    with pytest.raises(InvalidArgument, match=r"`id` cannot be 'xxx.*\.\.\.\.") as told:
        start_options(StartBody(id="x" * 256))
    assert told.value.facts["path"] == "id"


@pytest.mark.parametrize("text", ["2027-01-31T09:00:00", "9999999-01-01", ""])
def test_an_instant_without_zone_or_sense_is_refused(text):
    with pytest.raises(InvalidArgument):
        start_options(StartBody(not_before=text))
