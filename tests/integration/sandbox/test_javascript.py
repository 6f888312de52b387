"""What user code sees and what its results become."""

import pytest

from penstock.api.payload.v1 import payload_pb2
from penstock.api.sandbox.v1 import sandbox_service_pb2 as pb
from support.sandbox import EXPRESSION, Realm, dumps, loads, script, step

USER = payload_pb2.ERROR_CLASS_USER
TRANSIENT = payload_pb2.ERROR_CLASS_TRANSIENT
PERMANENT = payload_pb2.ERROR_CLASS_PERMANENT
JUDGED = pb.Value(node_id="judge", output_json=b'{"price": 7}', status="COMPLETED")
SKIPPED = pb.Value(node_id="large", status="SKIPPED")
FAILED = pb.Value(node_id="quote", error_json=b'{"reason": "HTTP_503"}', status="FAILED")


def test_a_return_value_is_the_output(realm: Realm):
    assert realm.output("return {a: [1, 'x', true, null]}") == {"a": [1, "x", True, None]}


def test_code_without_a_return_gives_null(realm: Realm):
    assert realm.output("const a = 1;") is None


def test_awaited_code_ends_within_its_crossing(realm: Realm):
    assert realm.output("const a = await (async () => { await null; return 2 })(); return a") == 2


def test_a_promise_that_is_returned_is_waited_for(realm: Realm):
    assert realm.output("return Promise.all([1, Promise.resolve(2)])") == [1, 2]


def test_an_expression_gives_its_value(realm: Realm):
    call = {"values": [JUDGED]}
    source = "nodes.judge.output.price * 2"
    assert realm.output(source, kind=EXPRESSION, call=call) == 14


@pytest.mark.parametrize("source", ["1); (2", "1; 2", "return 1", "", "...[1]"])
def test_only_one_expression_is_an_expression(realm: Realm, source: str):
    failure = realm.run(source, kind=EXPRESSION).failure
    assert (failure.reason, failure.error_class) == ("SCRIPT_SYNTAX", PERMANENT)


def test_input_is_keyed_by_parent_and_payload_is_the_only_parents_output(realm: Realm):
    source = "return [input, payload, nodes.judge.status]"
    seen = realm.output(source, parents=["judge"], call={"values": [JUDGED]})
    assert seen == [{"judge": {"price": 7}}, {"price": 7}, "COMPLETED"]


def test_payload_of_a_start_node_is_the_trigger(realm: Realm):
    assert realm.output("return payload.n", call={"trigger_json": b'{"n": 3}'}) == 3


def test_payload_is_undefined_with_two_parents(realm: Realm):
    values = {"values": [JUDGED, FAILED]}
    assert realm.output("return typeof payload", parents=["judge", "quote"], call=values) == (
        "undefined"
    )


def test_a_failed_parent_shows_its_error(realm: Realm):
    source = "return [input.quote, nodes.quote.error.reason, nodes.quote.output === undefined]"
    seen = realm.output(source, parents=["quote"], call={"values": [FAILED]})
    assert seen == [{"error": {"reason": "HTTP_503"}}, "HTTP_503", True]


def test_a_skipped_parent_is_not_among_the_inputs(realm: Realm):
    source = "return [Object.keys(input), 'large' in input, nodes.large.status]"
    seen = realm.output(source, parents=["judge", "large"], call={"values": [JUDGED, SKIPPED]})
    assert seen == [["judge"], False, "SKIPPED"]


def test_params_run_and_env_are_seen(realm: Realm):
    call = {"params_json": b'{"a":1}', "run_json": b'{"id":"R"}', "env_json": b'{"e":"x"}'}
    assert realm.output("return [params.a, run.id, env.e]", call=call) == [1, "R", "x"]


def test_the_item_has_its_own_name(realm: Realm):
    assert realm.output("return item.x", item_json=b'{"x":5}') == 5
    assert realm.output("return order.x", item_json=b'{"x":6}', item_name="order") == 6


def test_names_of_the_surface_may_be_declared_anew(realm: Realm):
    source = "const payload = 1, input = 2, http = 3; return payload + input + http"
    assert realm.output(source) == 6


def test_an_exception_names_the_line_of_the_users_code(realm: Realm):
    failure = realm.run("const a = 1;\n\nnull.x;").failure
    assert (failure.reason, failure.error_class) == ("SCRIPT_ERROR", USER)
    assert failure.message == ("TypeError: Cannot read properties of null (reading 'x') (line 3)")
    assert loads(failure.details_json)["line"] == 3


@pytest.mark.parametrize(
    ("source", "error_class"),
    [
        ("throw Object.assign(new Error('m'), {retryable: true})", TRANSIENT),
        ("throw Object.assign(new Error('m'), {errorClass: 'permanent'})", PERMANENT),
        ("throw {message: 'm', retryable: true}", TRANSIENT),
        ("throw Object.assign(new Error('m'), {errorClass: 'odd'})", USER),
        ("await null; throw new Error('m')", USER),
        ("return new Error('m')", USER),
        ("return Promise.reject(new Error('m'))", USER),
    ],
)
def test_an_error_says_its_class(realm: Realm, source: str, error_class: int):
    failure = realm.run(source).failure
    assert failure.error_class == error_class
    assert "m" in failure.message


@pytest.mark.parametrize(
    "source",
    [
        "throw undefined",
        "throw null",
        "throw Symbol('s')",
        "throw {get message() { throw 1 }}",
        "throw new Proxy({}, {get() { throw 1 }, getPrototypeOf() { throw 2 }})",
        "const e = new Error('x'); e.toJSON = 5; e.self = e; throw e",
        "throw Object.assign(new Error('x'), {name: Symbol('q')})",
    ],
)
def test_whatever_is_thrown_is_a_failure(realm: Realm, source: str):
    assert realm.run(source).failure.reason == "SCRIPT_ERROR"


def test_endless_recursion_is_an_ordinary_failure(realm: Realm):
    assert "RangeError" in realm.run("const f = () => f(); return f()").failure.message


def test_next_and_return_choose_branches(realm: Realm):
    chosen = realm.run("next('a', 'b'); return 1")
    assert (list(chosen.chosen), chosen.routed, chosen.output_json) == (["a", "b"], True, b"1")
    returned = realm.run("return {__next: ['c'], x: 1}")
    assert (list(returned.chosen), loads(returned.output_json)) == (["c"], {"x": 1})
    assert list(realm.run("return {__next: 'd'}").chosen) == ["d"]
    assert not realm.run("return 1").routed


def test_choosing_nothing_is_a_choice(realm: Realm):
    result = realm.run("return {__next: []}")
    assert result.routed
    assert not result.chosen


def test_console_lines_are_kept_and_capped(realm: Realm):
    result = realm.run("console.log('a', {b: 1}); console.error(new Error('x')); return 1")
    assert [(one.level, one.message) for one in result.logs] == [
        ("info", 'a {"b":1}'),
        ("error", "Error: x"),
    ]
    many = realm.run("for (let i = 0; i < 1000; i++) console.log('é')")
    assert len(many.logs) == 201
    assert "dropped: 200 is" in many.logs[-1].message


def test_console_lines_are_capped_in_size_too(realm: Realm):
    long = realm.run("for (let i = 0; i < 1000; i++) console.log('é'.repeat(9000))")
    assert len(long.logs) == 8
    assert "dropped: 64 KiB is" in long.logs[-1].message
    assert max(len(one.message.encode()) for one in long.logs) <= 8192


def test_logs_of_a_failing_step_are_kept(realm: Realm):
    result = realm.run("console.warn('before'); throw new Error('x')")
    assert [one.message for one in result.logs] == ["before"]


def test_a_recorded_time_makes_a_step_repeatable(realm: Realm):
    source = "return [Date.now(), new Date().toISOString(), Math.random(), crypto.randomUUID()]"
    call = {"run_json": b'{"id":"R"}'}
    first = realm.output(source, now_unix_ms=1_700_000_000_000, call=call)
    assert first[:2] == [1_700_000_000_000, "2023-11-14T22:13:20.000Z"]
    assert realm.output(source, now_unix_ms=1_700_000_000_000, call=call) == first
    other = realm.output(source, now_unix_ms=1_700_000_000_000, call={"run_json": b'{"id":"S"}'})
    assert other[2:] != first[2:]


def test_a_loop_that_waits_for_the_recorded_clock_ends(realm: Realm):
    source = "const end = Date.now() + 5; while (Date.now() < end); return 1"
    assert realm.output(source, now_unix_ms=1_700_000_000_000) == 1


def test_without_a_recorded_time_chance_is_chance(realm: Realm):
    source = "return [Math.random(), crypto.randomUUID()]"
    assert realm.output(source) != realm.output(source)


def test_dates_are_dates(realm: Realm):
    source = """
      class Day extends Date { half() { return this.getTime() / 2 } }
      return [new Date(2) instanceof Date, new Date(0, 1).getMonth(), Date.UTC(1970, 0, 1),
              new Day(8).half(), typeof Date()]"""
    assert realm.output(source) == [True, 1, 0, 4, "string"]


def test_steps_run_in_order_and_see_each_other(realm: Realm):
    sources = ["return {n: 1}", "return payload.n + 1", "return [input.b, nodes.a.output.n]"]
    steps = [
        step(sources[0], "a"),
        step(sources[1], "b", parents=["a"]),
        step(sources[2], "c", parents=["b"]),
    ]
    result = realm.run_steps(sources, steps)
    assert [loads(one.output_json) for one in result.steps] == [{"n": 1}, 2, [2, 1]]


def test_after_a_step_that_throws_no_other_runs(realm: Realm):
    sources = ["return 1", "throw new Error('stop')", "return 3"]
    result = realm.run_steps(sources, [step(s, f"n{i}") for i, s in enumerate(sources)])
    assert len(result.steps) == 2
    assert result.steps[0].output_json == b"1"
    assert "stop" in result.steps[1].failure.message


def test_what_a_step_changes_in_its_input_no_later_step_sees(realm: Realm):
    change = "input.judge.price = 0; params.a = 0; return {keep: 1}"
    look = "return [input.judge.price, params.a, nodes.x.output.keep]"
    steps = [step(change, "x", parents=["judge"]), step(look, "y", parents=["judge"])]
    result = realm.run_steps([change, look], steps, values=[JUDGED], params_json=b'{"a":1}')
    assert loads(result.steps[1].output_json) == [7, 1, 1]


def test_a_syntax_error_is_permanent(realm: Realm):
    failure = realm.run("let a = ;").failure
    assert (failure.reason, failure.error_class) == ("SCRIPT_SYNTAX", PERMANENT)


def test_an_unknown_script_is_told(realm: Realm):
    result = realm.run_steps([], [pb.Step(node_id="n", script_id="0" * 64)])
    assert result.steps[0].failure.reason == "SCRIPT_UNKNOWN"


def test_more_shapes_of_steps_than_are_remembered_still_run(realm: Realm):
    source = "return 1"
    for at in range(0, 2500, 500):
        names = [f"node{n}" for n in range(at, at + 500)]
        request = pb.RunRequest(scripts=[script(source)])
        request.calls.add(call_id=10**6 + at, steps=[step(source, name) for name in names])
        assert len(realm.cross(request).results[0].steps) == 500


def test_an_output_above_its_limit_is_refused(realm: Realm):
    failure = realm.run(
        "return 'x'.repeat(100)", call={"limits": pb.Limits(output_bytes_max=50)}
    ).failure
    assert (failure.reason, failure.error_class) == ("OUTPUT_TOO_LARGE", PERMANENT)


def test_large_payloads_pass(realm: Realm):
    text = "é😀" * 50_000
    assert realm.output("return payload", call={"trigger_json": dumps(text)}) == text
