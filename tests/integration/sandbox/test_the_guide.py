"""What the guide to JavaScript says about the language is so, and checking files agrees with it."""

import re
from pathlib import Path

import pytest

from penstock.workflow.vocabulary import ELSEWHERE, JAVASCRIPT_GLOBALS, SCRIPT_GLOBALS
from support.sandbox import Realm

GUIDE = (Path(__file__).resolve().parents[3] / "docs/guides/javascript.md").read_text()
ABSENT_TEXT = GUIDE.partition("<!-- absent -->")[2].partition("<!-- /absent -->")[0]
ABSENT = set(re.findall(r"`(\w+)`", ABSENT_TEXT)) - {"eval", "import"}
TAGGED = {
    "new Date('2030-01-31T09:00:00Z')": {"$type": "Date", "value": "2030-01-31T09:00:00.000Z"},
    "12n": {"$type": "BigInt", "value": "12"},
    "new Map([[1, 2]])": {"$type": "Map", "value": [[1, 2]]},
    "new Set([1])": {"$type": "Set", "value": [1]},
    "new Uint8Array([1, 2])": {"$type": "Uint8Array", "value": "AQI="},
    "[NaN, undefined, () => 1]": [None, None, None],
    "{a: undefined, b: Infinity}": {"b": None},
    "{toJSON: () => 5}": 5,
}


@pytest.mark.parametrize("name", sorted(ABSENT))
def test_what_is_said_to_be_absent_is(realm: Realm, name: str):
    assert realm.output(f"return typeof {name}") == "undefined"


def test_what_checking_has_another_word_for_is_absent():
    assert ELSEWHERE.keys() <= ABSENT


@pytest.mark.parametrize("name", sorted(SCRIPT_GLOBALS - JAVASCRIPT_GLOBALS))
def test_what_scripts_may_name_besides_is_there(realm: Realm, name: str):
    assert realm.output(f"return typeof {name}") != "undefined"


@pytest.mark.parametrize("name", sorted(JAVASCRIPT_GLOBALS - {"undefined"}))
def test_what_expressions_may_name_is_there(realm: Realm, name: str):
    assert realm.output(f"return typeof {name}") != "undefined"


@pytest.mark.parametrize("source", ["return eval('1')", "await import('x')"])
def test_what_would_load_code_does_not_compile(realm: Realm, source: str):
    assert realm.run(source).failure.reason == "SCRIPT_SYNTAX"


@pytest.mark.parametrize("value", TAGGED)
def test_values_are_carried_as_the_table_says(realm: Realm, value: str):
    assert realm.output(f"return ({value})") == TAGGED[value]


def test_a_name_that_is_nowhere_defined_reads_as_undefined(realm: Realm):
    assert realm.output("return nowhere === undefined") is True
