"""Nothing leaks: from call to call, from script to script, out of the compartment."""

import pytest

from support.sandbox import Realm, step


@pytest.mark.parametrize(
    "source",
    [
        "globalThis.x = 1",
        "x = 1",
        "Array.prototype.x = 1",
        "Object.prototype.x = 1",
        "Array.prototype.push = 1",
        "JSON.parse = 1",
        "Promise.prototype.then = () => {}",
        "(0, eval)('globalThis.x = 1')",
        "new Function('globalThis.x = 1')()",
        "Function.prototype.call = 1",
        "(async () => {}).constructor('return 1')",
        "(function* () {}).constructor('return 1')",
        "console.log.constructor('return 1')",
        "console.log.__proto__.x = 1",
        "Math.max = 1; Math.__proto__.max = 1",
        "Object.getPrototypeOf(Math).max = 1",
        "Date.UTC.x = 1",
        "Date.prototype.getTime = 1",
        "crypto.randomUUID.__proto__.x = 1",
        "new Error('x').__proto__.name = 'y'",
        "Object = 1",
        "JSON = 1",
    ],
)
def test_nothing_shared_can_be_changed(realm: Realm, source: str):
    assert realm.run(source).failure.reason == "SCRIPT_ERROR"
    assert realm.output("return [typeof x, [].x, {}.x, JSON.parse('[1]'), Math.max(1, 2)]") == [
        "undefined",
        None,
        None,
        [1],
        2,
    ]


@pytest.mark.parametrize("source", ["return eval('input')", "return import('fs')"])
def test_direct_eval_and_import_do_not_compile(realm: Realm, source: str):
    failure = realm.run(source).failure
    assert failure.reason == "SCRIPT_SYNTAX"
    assert "in line 1" in failure.message


@pytest.mark.parametrize(
    "name",
    [
        "require", "process", "fetch", "WebAssembly", "Compartment", "lockdown", "setTimeout",
        "SharedArrayBuffer", "Atomics", "penstockPump", "inbox", "calls", "sources", "Deno",
    ],
)  # fmt: skip
def test_the_host_is_not_there(realm: Realm, name: str):
    assert realm.output(f"return typeof {name} + typeof globalThis.{name}") == (
        "undefinedundefined"
    )


def test_reaching_for_the_realm_by_functions_finds_the_compartment(realm: Realm):
    source = """
      const f = Object.getPrototypeOf(() => {}).constructor;
      try { return f('return this')() === undefined } catch (e) { return e.name }"""
    assert realm.output(source) in (True, "TypeError")


def test_a_body_cannot_end_its_function_early(realm: Realm):
    assert realm.run("}}); globalThis.x = 1; (() => {{").failure.reason == "SCRIPT_SYNTAX"


def test_a_call_sees_nothing_of_the_one_before(realm: Realm):
    source = """
      const seen = [payload.mark, console.mark, Date.mark, crypto.mark];
      payload.mark = console.mark = Date.mark = crypto.mark = 1;
      return seen"""
    call = {"trigger_json": b"{}"}
    assert realm.output(source, call=call) == [None] * 4
    assert realm.output(source, call=call) == [None] * 4


def test_a_host_object_that_is_not_listed_says_so(realm: Realm):
    failure = realm.run("return http.get('http://x')").failure
    assert failure.message.startswith("PermissionError: http.get is not allowed in this node")


def test_code_that_goes_on_after_its_step_cannot_ask_the_host(realm: Realm):
    first = "(async () => { await null; await null; await null; http.get('x') })(); return 1"
    second = "await null; await null; await null; await null; return 2"
    steps = [step(first, "a", host_functions=["http"]), step(second, "b")]
    result = realm.run_steps([first, second], steps)
    assert [one.output_json for one in result.steps] == [b"1", b"2"]


def test_an_identifier_written_with_escapes_is_found(realm: Realm):
    assert realm.output("return p\\u0061yload", call={"trigger_json": b"3"}) == 3
