"""Protobuf to the runtime's messages, and back, without V8."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.api.payload.v1 import payload_pb2
from penstock.api.sandbox.v1 import sandbox_service_pb2 as pb
from penstock.common.sandbox_programs import PROGRAMS_MAX
from penstock.sandbox.jail.codec import Codec

loads = msgspec.json.decode


def messages(codec: Codec, request: pb.RunRequest) -> list[list[object]]:
    return [loads(one) for one in codec.messages(request)]


def test_a_call_carries_its_payloads_unparsed():
    call = pb.Call(
        call_id=7,
        steps=[pb.Step(node_id="n", script_id="s", parents=["p"])],
        values=[pb.Value(node_id="p", output_json=b'{"a" : 1.50}', status="COMPLETED")],
        params_json=b"{}",
    )
    text = Codec().call(call)
    assert b'{"a" : 1.50}' in text


def test_the_parts_of_a_call_that_do_not_vary_are_told_once():
    codec = Codec()
    request = pb.RunRequest()
    for call_id in (1, 2):
        step = pb.Step(node_id="n", script_id="s", parents=["p"], now_unix_ms=call_id)
        value = pb.Value(node_id="p", output_json=b"%d" % call_id, status="COMPLETED")
        request.calls.add(call_id=call_id, steps=[step], values=[value], params_json=b"{}")
    found = messages(codec, request)
    steps, reads = [["n", "s", ["p"], "", []]], [["p", "COMPLETED", 1, 0]]
    assert found[0] == ["p", 0, steps, reads, 1, [], 16 << 20, {}]
    assert found[1:] == [["c", 0, 1, 1, 0, 1, 2, [1, {}]], ["c", 0, 2, 2, 0, 1, 2, [2, {}]]]


def test_calls_that_bring_other_things_are_of_other_programs():
    codec = Codec()
    request = pb.RunRequest()
    for call_id, fields in enumerate([{}, {"output_json": b"1"}, {"error_json": b"1"}]):
        value = pb.Value(node_id="p", status="FAILED", **fields)
        request.calls.add(call_id=call_id, steps=[pb.Step(node_id="n")], values=[value])
    request.calls.add(call_id=4, steps=[pb.Step(node_id="n")], trigger_json=b"1")
    assert [one[1] for one in messages(codec, request) if one[0] == "c"] == [0, 1, 2, 3]


def test_an_item_goes_with_its_step():
    codec = Codec()
    step = pb.Step(node_id="n", script_id="s", item_json=b'{"$type":"Date","value":null}')
    found = messages(codec, pb.RunRequest(calls=[pb.Call(call_id=1, steps=[step])]))
    assert found[0][5] == [0]
    assert found[1][4:] == [1, 1, 1, [{"$type": "Date", "value": None}]]


def test_steps_with_times_of_their_own_keep_them():
    steps = [pb.Step(node_id=f"n{at}", now_unix_ms=at) for at in (1, 2)]
    found = messages(Codec(), pb.RunRequest(calls=[pb.Call(call_id=1, steps=steps)]))
    assert found[-1][3] == [1, 2]


def test_programs_are_numbered_anew_when_there_are_too_many():
    codec = Codec()
    request = pb.RunRequest()
    for at in range(PROGRAMS_MAX + 1):
        request.calls.add(call_id=at, steps=[pb.Step(node_id=f"n{at}")])
    found = messages(codec, request)
    assert [one for one in found if one[0] == "T"] == [["T"]]
    assert found[-2][:3] == ["p", 0, [[f"n{PROGRAMS_MAX}", "", [], "", []]]]


def program(number: int = 7, **fields: object) -> pb.Program:
    return pb.Program(program_id=number, steps=[pb.Step(node_id="n", script_id="s")], **fields)


def test_all_programs_of_a_wide_workflow_stay_known():
    codec = Codec()
    told = [program(at) for at in range(PROGRAMS_MAX)]
    again = [batch(1 + at, ids=(at,), number=at) for at in range(PROGRAMS_MAX)]
    first = messages(codec, pb.RunRequest(programs=told, batches=again))
    assert sum(one[0] == "p" for one in first) == PROGRAMS_MAX
    assert {str(one[0]) for one in messages(codec, pb.RunRequest(batches=again))} == {"c"}


def batch(first: int, *values: bytes, ids: tuple[int, ...] = (), number: int = 7) -> pb.CallBatch:
    return pb.CallBatch(program_id=number, call_ids=ids, values_json=values, first_slot=first)


def test_a_batch_is_one_message():
    codec = Codec()
    told = program(reads=["p"], reads_params=True, reads_run=True, env_json=b'{"A":"b"}')
    values = (b"1", b"{}", b'{"id":1}', b"2", b"{}", b'{"id":2}')
    request = pb.RunRequest(programs=[told], batches=[batch(5, *values, ids=(50, 60))])
    found = messages(codec, request)
    reads = [["p", "COMPLETED", 1, 0]]
    assert found[0] == ["p", 0, [["n", "s", [], "", []]], reads, 3, [], 16 << 20, {"A": "b"}]
    assert found[1] == ["c", 0, 5, 0, 0, 2, 3, [1, {}, {"id": 1}, 2, {}, {"id": 2}]]
    assert len(messages(codec, pb.RunRequest(batches=[batch(9, *values, ids=(1, 2))]))) == 1


def test_a_program_under_a_number_in_use_takes_its_place():
    codec = Codec()
    messages(codec, pb.RunRequest(programs=[program()], batches=[batch(1, ids=(1,))]))
    other = program(reads_trigger=True)
    found = messages(codec, pb.RunRequest(programs=[other], batches=[batch(2, b"5", ids=(2,))]))
    assert [one[:2] for one in found] == [["p", 1], ["c", 1]]


def test_results_of_a_batch_come_as_columns_under_its_own_ids():
    codec = Codec()
    request = pb.RunRequest(programs=[program()], batches=[batch(5, ids=(50, 60, 70))])
    messages(codec, request)
    first = codec.response(codec.decode('[[[5,[1],0,[{"a":1}]]],[],[],-1]'), 40).batches[0]
    assert (list(first.call_ids), list(first.outputs_json)) == ([60], [b'{"a":1}'])
    assert (list(first.durations_us), first.first_slot) == ([40], 5)
    rest = '[[[5,[0],[3000],["b"]]],[[7,5,[[0,null,["user","R","m",null]]]]],[],-1]'
    response = codec.response(codec.decode(rest), 10)
    assert list(response.batches[0].durations_us) == [3000]
    assert response.results[0].call_id == 7


def test_a_whole_batch_needs_no_places():
    codec = Codec()
    messages(codec, pb.RunRequest(programs=[program()], batches=[batch(5, ids=(50, 60))]))
    (found,) = codec.response(codec.decode("[[[5,null,0,[1,2]]],[],[],-1]"), 10).batches
    assert list(found.call_ids) == [50, 60]
    assert list(found.outputs_json) == [b"1", b"2"]
    assert list(found.durations_us) == [5, 5]


def test_answers_and_cancels_are_told():
    failure = payload_pb2.Failure(
        error_class=payload_pb2.ERROR_CLASS_TRANSIENT, reason="R", message='a "b"'
    )
    request = pb.RunRequest(
        host_results=[
            pb.HostResult(call_id=1, host_call_id=2, value_json=b"5"),
            pb.HostResult(call_id=1, host_call_id=3, failure=failure),
        ],
        cancelled_calls=[9],
    )
    assert messages(Codec(), request) == [
        ["h", 1, 2, 5, 0],
        ["h", 1, 3, None, 0, ["transient", "R", 'a "b"', None]],
        ["x", 9],
    ]


def test_results_become_protobuf():
    codec = Codec()
    text = (
        '[[],[[4,4,[[1500,{"a":1}],[0,null,["user","R","m",{"line":1}],["x"],[[5,"info","l"]]]]]]'
        ",[],-1]"
    )
    collected = codec.decode(text)
    first, second = codec.response(collected, 800).results[0].steps
    assert (first.output_json, first.duration_us, first.routed) == (b'{"a":1}', 1500, False)
    assert second.failure.error_class == payload_pb2.ERROR_CLASS_USER
    assert second.failure.details_json == b'{"line":1}'
    assert (list(second.chosen), second.routed, second.duration_us) == (["x"], True, 400)
    assert [(one.at_unix_us, one.level, one.message) for one in second.logs] == [(5, "info", "l")]


def test_host_calls_become_protobuf():
    codec = Codec()
    collected = codec.decode('[[],[],[[4,0,1,"http.request",[{"url":"x"}]]],12]')
    (asked,) = codec.response(collected, 0).host_calls
    assert (asked.call_id, asked.function, asked.args_json) == (4, "http.request", b'[{"url":"x"}]')
    assert collected.wait_ms == 12


@given(name=st.text(), status=st.text(), trigger=st.recursive(st.text() | st.integers(), st.lists))
def test_any_name_and_value_keeps_the_message_whole(name: str, status: str, trigger: object):
    call = pb.Call(
        call_id=1,
        steps=[pb.Step(node_id=name, script_id=name, item_name=name)],
        values=[pb.Value(node_id=name, status=status, output_json=b"1")],
        trigger_json=msgspec.json.encode(trigger),
    )
    found = messages(Codec(), pb.RunRequest(calls=[call]))
    assert found[0][2] == [[name, name, [], name, []]]
    assert found[0][3] == [[name, status, 1, 0]]
    assert found[1][7] == [1, trigger]


@pytest.mark.parametrize("text", ["", "[]", "[[],[[1,1,[[0,{}]]]],[],", '[[],[["x",1,[]]],[],0]'])
def test_what_is_no_answer_is_refused(text: str):
    with pytest.raises(msgspec.DecodeError):
        Codec().decode(text)
