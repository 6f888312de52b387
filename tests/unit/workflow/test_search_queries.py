"""The language of queries: what is read, and what is told about what makes no sense."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.workflow.search.query import Query, Span
from penstock.workflow.search.reading import quoted, read_query
from penstock.workflow.search.terms import param_path, param_term, param_terms, searched_paths

NOW_US = 1_800_000_000_000_000
DAY_US = 86_400_000_000
JANUARY_31 = 1_769_817_600_000_000


def read(text):
    query, issues = read_query(text, NOW_US)
    assert issues == ()
    return query


def findings(text):
    return [(issue.code, issue.column) for issue in read_query(text, NOW_US)[1]]


def test_an_empty_query_asks_for_everything():
    assert read("") == read("  \n ") == Query()


def test_conditions_are_read_in_any_order():
    wanted = Query(
        workflows=("orders",), versions=(3,), statuses=(3, 5), tags=(("eu",), ("a b", "c")),
        reasons=("HTTP_STATUS",), failed_nodes=("quote",), letters=("open",),
    )  # fmt: skip
    parts = ["status:failed,TIMED_OUT", "workflow=orders", "version:3", "tag:eu", 'tag:"a b",c',
             "reason:HTTP_STATUS", "failed_node:quote", "dead_letter:open"]  # fmt: skip
    assert read(" ".join(parts)) == wanted
    assert read("\t".join([*parts[4:], *parts[:3], parts[3]])).workflows == ("orders",)


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("started>=2026-01-31", Span(JANUARY_31)),
        ("started>2026-01-31", Span(JANUARY_31 + DAY_US)),
        ("started<2026-01-31", Span(0, JANUARY_31)),
        ("started<=2026-01-31", Span(0, JANUARY_31 + DAY_US)),
        ("started:2026-01-31", Span(JANUARY_31, JANUARY_31 + DAY_US)),
        ("started>=2026-01-31T01:00+01:00", Span(JANUARY_31)),
        ("started>2026-01-31T00:00Z", Span(JANUARY_31 + 1)),
        ("started>=-2h", Span(NOW_US - 7_200_000_000)),
        ("started<now", Span(0, NOW_US)),
        ("started>=2026-01-31 started<now", Span(JANUARY_31, NOW_US)),
    ],
)
def test_a_time_is_a_whole_day_an_instant_or_how_long_ago(text, span):
    assert read(text).started == span


def test_what_is_paused_is_kept_as_running():
    assert read("status:paused,failed").possible_statuses == {1, 3}
    assert read("status:paused").asks_for_paused
    assert not read("status:running,paused").asks_for_paused


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("statsu:failed", [("UNKNOWN_FIELD", 1)]),
        ("params.:1", [("UNKNOWN_FIELD", 1)]),
        ("status:happy", [("BAD_VALUE", 8)]),
        ("status:failed,happy", [("BAD_VALUE", 15)]),
        ("version:0", [("BAD_VALUE", 9)]),
        ("dead_letter:gone", [("BAD_VALUE", 13)]),
        ("tag>eu", [("BAD_OPERATOR", 1)]),
        ("tag:eu acme", [("BAD_CONDITION", 8)]),
        ("started>yesterday", [("BAD_TIME", 9)]),
        ("started>-2years", [("BAD_TIME", 9)]),
        ("started>now,now", [("TOO_MANY_VALUES", 13)]),
        ("started>=now started<-1h", [("EXCLUDING_CONDITIONS", 14)]),
        ("status:running status:failed", [("EXCLUDING_CONDITIONS", 16)]),
        ('tag:"eu', [("OPEN_QUOTE", 5)]),
        ("tag: workflow:a", [("MISSING_VALUE", 5)]),
        ("tag:a,", [("MISSING_VALUE", 7)]),
        ("tag:a " * 41, [("TOO_MANY_CONDITIONS", 241)]),
        ("tag:" + ",".join(["a"] * 101), [("TOO_MANY_VALUES", 205)]),
        ("x" * 4001, [("QUERY_TOO_LONG", 4001)]),
        ("statsu:a version:x started>never", [("UNKNOWN_FIELD", 1), ("BAD_VALUE", 18),
                                              ("BAD_TIME", 28)]),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_told_with_its_column(text, told):
    assert findings(text) == told


@given(st.text(min_size=1, max_size=50))
def test_every_value_can_be_written(value):
    assert read(f"tag:{quoted(value)} status:failed").tags == ((value,),)


@given(st.text(max_size=200))
def test_nothing_that_is_written_breaks_the_reader(text):
    query, issues = read_query(text, NOW_US)
    assert isinstance(query, Query)
    assert all(1 <= issue.column <= len(text) + 2 for issue in issues)


@given(st.integers(-(2**53), 2**53) | st.booleans() | st.text(max_size=300))
def test_a_value_is_found_by_how_it_is_written(value):
    terms = param_terms((("a", "b"),), {"a": {"b": value}})
    text = str(value).lower() if isinstance(value, bool) else str(value)
    assert terms[0] in read(f"params.a.b:{quoted(text)}").terms[0]


def test_a_whole_number_is_found_however_it_is_written():
    (term,) = param_terms((("n",),), {"n": 2.0})
    for text in ("2", "2.0", "2e0"):
        assert term in read(f"params.n:{text}").terms[0]


def test_objects_lists_and_absent_values_have_no_terms():
    paths = (("a",), ("b",), ("c", "d"), ("e",))
    assert param_terms(paths, {"a": {}, "b": [1], "c": 3, "e": None}) == []


def test_marked_parameters_are_found_at_any_depth():
    deep = {"type": "object", "properties": {"city": {"search": True}, "zip": {"type": "string"}}}
    schema = {"properties": {"customer": {"search": True}, "address": deep, "x": {"search": False}}}
    assert searched_paths(schema) == (("customer",), ("address", "city"))
    assert param_path(param_term("address.city", "Vigo=x")) == "address.city"


def test_delayed_is_asked_for_alone():
    query = read("status:delayed workflow:orders")
    assert (query.statuses, query.unbegun, query.workflows) == ((1,), True, ("orders",))
    assert query.possible_statuses == {1}
    assert not read("status:running").unbegun
    assert findings("status:delayed,failed") == [("EXCLUDING_CONDITIONS", 1)]
    assert findings("status:failed status:delayed") == [("EXCLUDING_CONDITIONS", 15)]
    (issue,) = read_query("status:dleayed", NOW_US)[1]
    assert "delayed" in issue.fix
