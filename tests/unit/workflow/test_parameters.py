"""Parameters of a start: defaults, and all problems at once with path and remedy."""

from typing import Any

from penstock.workflow.compile import check_params, compile_source
from penstock.workflow.json_schema import SchemaChecker
from penstock.workflow.plan import Plan
from support.node_types import NODE_TYPES

PLAN = """
flow: 1
id: x
params:
  sku: {type: string, minLength: 2}
  limit: {type: number, default: 100}
  mode: {enum: [fast, slow], default: fast}
  note: {type: string, default: null}
  address: {type: object, properties: {city: {type: string}}, required: [city], default: {city: B}}
nodes: {a: {run: x}}
"""


def plan() -> Plan:
    return compile_source(PLAN, NODE_TYPES)


def problems(params: dict[str, Any]) -> list[tuple[str, str]]:
    _, issues = check_params(plan(), params)
    return [(issue.code, issue.path) for issue in issues]


def test_defaults_are_filled_in():
    filled, issues = check_params(plan(), {"sku": "ab", "limit": 5})
    assert issues == ()
    assert filled == {
        "sku": "ab", "limit": 5, "mode": "fast", "note": None, "address": {"city": "B"},
    }  # fmt: skip


def test_what_is_repeated_of_a_long_value_is_cut():
    given = {"sku": ["x" * 900_000], "mode": "y" * 900_000, "n" * 900_000: 1, "limit": "z" * 9_000}
    _, issues = check_params(plan(), given)
    assert len(issues) == 4
    assert all(len(one.message) + len(one.path) + len(one.fix) < 2_000 for one in issues)
    (short,) = SchemaChecker({"maxLength": 3}).misfits("w" * 900_000)
    assert len(short.message) < 700
    assert short.message.endswith("is longer than 3 characters.")


def test_a_value_that_is_wrong_in_many_places_is_explained_up_to_a_number():
    wrong = SchemaChecker({"items": {"type": "object", "additionalProperties": False}})
    assert 0 < len(wrong.misfits([{"a": 1, "b": 2}] * 100_000)) <= 2_000


def test_every_problem_is_told():
    found = problems({"limit": "x", "mode": "fats", "address": {"city": 5}, "skuu": 1})
    assert found == [
        ("BAD_PARAM", "params.limit"),
        ("BAD_PARAM", "params.mode"),
        ("BAD_PARAM", "params.address.city"),
        ("UNKNOWN_PARAM", "params.skuu"),
        ("MISSING_PARAM", "params.sku"),
    ]


def test_the_remedy_is_named():
    _, issues = check_params(plan(), {"sku": "ab", "mode": "fats", "limitt": 1})
    assert [issue.fix for issue in issues] == ['did you mean "fast"?', 'did you mean "limit"?']


def test_null_stands_for_an_optional_parameter_only():
    assert problems({"sku": "ab", "note": None}) == []
    assert problems({"sku": None}) == [("BAD_PARAM", "params.sku")]


def test_the_schema_of_all_parameters_is_in_the_plan():
    schema = plan().params_schema
    assert schema["required"] == ["sku"]
    assert schema["additionalProperties"] is False
    assert list(schema["properties"]) == ["sku", "limit", "mode", "note", "address"]


def test_a_number_out_of_bounds_is_told_which_bound_it_missed():
    checker = SchemaChecker({"properties": {"n": {"minimum": 0}, "m": {"exclusiveMaximum": 5}}})
    told = [misfit.message for misfit in checker.misfits({"n": -1, "m": 5})]
    assert sorted(told) == ["must be at least 0, not -1.", "must be less than 5, not 5."]


def test_keys_that_exclude_each_other_are_named():
    checker = SchemaChecker({"oneOf": [{"required": ["signal"]}, {"required": ["duration"]}]})
    (misfit,) = checker.misfits({"signal": "go", "duration": "1s"})
    assert misfit.message == "has `signal` and `duration`; only one of them is possible."
