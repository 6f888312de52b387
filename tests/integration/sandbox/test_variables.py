"""What scripts see of execution variables, and what comes back."""

import json

import pytest

from support.sandbox import Realm

VARS = json.dumps(
    {"n": 1, "list": [1, 2], "when": {"$type": "Date", "value": "2030-01-31T00:00:00Z"}}
)


def ran(realm: Realm, source: str, given: str = VARS):
    return realm.run(source, host_functions=["vars"], call={"vars_json": given.encode()})


def output(realm: Realm, source: str):
    result = ran(realm, source)
    assert result.WhichOneof("kind") == "output_json", result
    return json.loads(result.output_json)


def changed(realm: Realm, source: str) -> dict[str, str]:
    result = ran(realm, source)
    assert result.WhichOneof("kind") == "output_json", result
    values = [value.decode() for value in result.vars.values_json]
    return dict(zip(result.vars.names, values, strict=True))


def test_values_are_read_by_name_and_all_at_once(realm: Realm):
    source = "return [vars.get('n'), vars.has('n'), vars.has('m'), vars.get('m') ?? 0]"
    assert output(realm, source) == [1, True, False, 0]
    assert output(realm, "return Object.keys(vars.getAll())") == ["n", "list", "when"]
    assert output(realm, "return vars.get('when') instanceof Date") is True


def test_what_is_set_is_seen_at_once_and_comes_back(realm: Realm):
    source = "vars.set('n', vars.get('n') + 1); vars.set('m', {a: [1]}); return vars.getAll().n"
    assert output(realm, source) == 2
    assert changed(realm, source) == {"n": "2", "m": '{"a":[1]}'}


def test_what_is_deleted_comes_back_without_a_value(realm: Realm):
    source = "vars.set('m', 1); return [vars.delete('list'), vars.delete('none'), vars.delete('m')]"
    assert output(realm, source) == [True, False, True]
    assert changed(realm, source) == {"list": "", "m": ""}


def test_values_are_copies(realm: Realm):
    source = "const l = vars.get('list'); l.push(3); const o = {a: 1}; vars.set('o', o); o.a = 2;"
    assert changed(realm, f"{source} return vars.get('list')") == {"o": '{"a":1}'}
    assert output(realm, f"{source} return vars.get('list')") == [1, 2]


def test_nothing_comes_back_from_a_step_that_only_reads_or_that_fails(realm: Realm):
    assert not ran(realm, "return vars.get('n')").HasField("vars")
    failed = ran(realm, "vars.set('n', 2); throw new Error('no')")
    assert failed.failure.reason == "SCRIPT_ERROR"
    assert not failed.HasField("vars")


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("vars.set('a b', 1)", "VARIABLE_NAME"),
        ("vars.set('getAll', 1)", "VARIABLE_NAME"),
        ("vars.set('__proto__', 1)", "VARIABLE_NAME"),
        ("vars.set(1, 1)", "VARIABLE_NAME"),
        ("vars.set('a', 'x'.repeat(65535))", "VARIABLES_TOO_LARGE"),
        ("vars.set('a', '\\u20ac'.repeat(21850))", "VARIABLES_TOO_LARGE"),
        ("const a = []; a[0] = a; vars.set('a', a)", "VARIABLE_NOT_JSON"),
    ],
)
def test_what_is_no_variable_is_refused_for_good(realm: Realm, code: str, reason: str):
    failure = ran(realm, code).failure
    assert (failure.error_class, failure.reason) == (2, reason)


def test_the_largest_value_is_taken(realm: Realm):
    made = changed(
        realm, "vars.set('a', 'x'.repeat(65534)); vars.set('b', '\\u20ac'.repeat(21844))"
    )
    assert [len(value.encode()) for value in made.values()] == [65536, 65534]


def test_a_script_with_a_name_of_its_own_keeps_it(realm: Realm):
    assert realm.output("const vars = {n: 5}; return vars.n") == 5
    assert realm.output("return typeof vars") == "undefined"
