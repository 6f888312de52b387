"""Values that JSON lacks, out and in again."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.sandbox import Realm, dumps, loads, step

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)

TAGGED = [
    ("new Date(5)", {"$type": "Date", "value": "1970-01-01T00:00:00.005Z"}),
    ("new Date(NaN)", {"$type": "Date", "value": None}),
    ("12345678901234567890n", {"$type": "BigInt", "value": "12345678901234567890"}),
    ("new Map([[1, 'a']])", {"$type": "Map", "value": [[1, "a"]]}),
    ("new Set([1, 2])", {"$type": "Set", "value": [1, 2]}),
    ("new Uint8Array([1, 2])", {"$type": "Uint8Array", "value": "AQI="}),
    ("new Float64Array([0.5])", {"$type": "Float64Array", "value": "AAAAAAAA4D8="}),
    ("new Uint8Array([9]).buffer", {"$type": "ArrayBuffer", "value": "CQ=="}),
    (
        "Object.assign(new TypeError('m'), {code: 7})",
        {"$type": "Error", "value": {"name": "TypeError", "message": "m", "code": 7}},
    ),
]


@pytest.mark.parametrize(("source", "tagged"), TAGGED)
def test_what_json_lacks_is_tagged(realm: Realm, source: str, tagged: object):
    assert realm.output(f"return {{v: {source}}}") == {"v": tagged}


@pytest.mark.parametrize(("source", "tagged"), TAGGED)
def test_a_tagged_value_is_revived_for_the_next_step(realm: Realm, source: str, tagged: object):
    first = f"return {{v: [{source}]}}"
    kind = "return Object.prototype.toString.call(input.a.v[0]) + typeof input.a.v[0].value"
    again = "return input.a.v"
    steps = [
        step(first, "a"),
        step(kind, "b", parents=["a"]),
        step(again, "c", parents=["a"]),
    ]
    result = realm.run_steps([first, kind, again], steps)
    assert "Object]" not in loads(result.steps[1].output_json)
    assert loads(result.steps[2].output_json) == [tagged]


@pytest.mark.parametrize(
    "plain",
    [
        {"$type": "Nothing", "value": 1},
        {"$type": "Date", "value": "x", "more": 1},
        {"$type": "BigInt", "value": "no number"},
        {"$type": "Uint8Array", "value": "***"},
        {"$type": 5, "value": 1},
    ],
)
def test_what_only_looks_like_a_tag_stays_as_it_is(realm: Realm, plain: dict[str, object]):
    seen = realm.output("return item", item_json=dumps({"v": plain}))
    assert seen == {"v": plain}


def test_functions_symbols_and_promises_are_dropped_with_a_warning(realm: Realm):
    result = realm.run("return {f() {}, s: Symbol('x'), p: Promise.resolve(1), k: 1}")
    assert loads(result.output_json) == {"k": 1}
    assert [one.level for one in result.logs] == ["warn"] * 3


def test_undefined_is_left_out_and_numbers_that_are_none_are_null(realm: Realm):
    assert realm.output("return {a: undefined, b: [undefined], c: NaN, d: -0}") == {
        "b": [None],
        "c": None,
        "d": 0,
    }


@pytest.mark.parametrize(
    "source",
    [
        "const a = {}; a.a = a; return a",
        "const a = []; a.push([a]); return a",
        "const m = new Map(); m.set('m', m); return m",
    ],
)
def test_a_cycle_is_a_failure(realm: Realm, source: str):
    failure = realm.run(source).failure
    assert failure.reason == "OUTPUT_NOT_JSON"
    assert "itself" in failure.message


def test_nesting_without_end_is_a_failure(realm: Realm):
    failure = realm.run("let a = 0; for (let i = 0; i < 500; i++) a = [a]; return a").failure
    assert "deeper" in failure.message
    assert realm.output("let a = 0; for (let i = 0; i < 200; i++) a = [a]; return 1") == 1


def test_the_same_object_twice_is_no_cycle(realm: Realm):
    assert realm.output("const a = {x: 1}; return [a, a]") == [{"x": 1}, {"x": 1}]


def test_objects_of_classes_give_their_fields_and_own_json_counts(realm: Realm):
    source = """
      class P { constructor() { this.x = 1 } get y() { return 2 } }
      class Q { toJSON() { return {q: new Date(0)} } }
      const bare = Object.create(null, {z: {value: 3, enumerable: true}});
      return [new P(), new Q(), {toJSON() { return 5 }}, bare]"""
    assert realm.output(source) == [
        {"x": 1},
        {"q": {"$type": "Date", "value": "1970-01-01T00:00:00.000Z"}},
        5,
        {"z": 3},
    ]


def test_a_getter_that_throws_is_the_users_failure(realm: Realm):
    assert realm.run("return {get x() { throw new Error('g') }}").failure.reason == "SCRIPT_ERROR"


def test_half_a_character_is_replaced(realm: Realm):
    assert realm.output("return {['\\ud800']: 'a\\udc00', b: '\\\\ud800 😀'}") == {
        "�": "a�",
        "b": "\\ud800 😀",
    }


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(value=JSON_VALUES)
def test_json_goes_through_unchanged(realm: Realm, value: object):
    text = dumps(value)
    assert realm.output("return payload", call={"trigger_json": text}) == value
    first, second = "return payload", "return input.a"
    steps = [step(first, "a"), step(second, "b", parents=["a"])]
    result = realm.run_steps([first, second], steps, trigger_json=text)
    assert loads(result.steps[1].output_json) == value
