"""Protobuf to the runtime's messages, and back, without V8."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.api.payload.v1 import payload_pb2
from penstock.api.sandbox.v1 import sandbox_service_pb2 as pb
from penstock.sandbox.jail.codec import SHAPES_MAX, Codec

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


def test_the_parts_of_a_step_that_do_not_vary_are_told_once():
    codec = Codec()
    request = pb.RunRequest()
    for call_id in (1, 2):
        step = pb.Step(node_id="n", script_id="s", parents=["p"], now_unix_ms=call_id)
        request.calls.add(call_id=call_id, steps=[step])
    found = messages(codec, request)
    assert found[0] == ["t", 0, "n", "s", ["p"], "", []]
    assert [one[:4] for one in found[1:]] == [["c", 1, 1, [0]], ["c", 2, 2, [0]]]


def test_an_item_goes_with_its_step():
    codec = Codec()
    step = pb.Step(node_id="n", script_id="s", item_json=b'{"$type":"Date","value":null}')
    found = messages(codec, pb.RunRequest(calls=[pb.Call(call_id=1, steps=[step])]))
    assert found[1][3] == [[0, {"$type": "Date", "value": None}, 1]]


def test_steps_with_times_of_their_own_keep_them():
    steps = [pb.Step(node_id=f"n{at}", now_unix_ms=at) for at in (1, 2)]
    found = messages(Codec(), pb.RunRequest(calls=[pb.Call(call_id=1, steps=steps)]))
    assert found[-1][2] == [1, 2]


def test_shapes_are_numbered_anew_when_there_are_too_many():
    codec = Codec()
    request = pb.RunRequest()
    for at in range(SHAPES_MAX + 1):
        request.calls.add(call_id=at, steps=[pb.Step(node_id=f"n{at}")])
    found = messages(codec, request)
    assert [one for one in found if one[0] == "T"] == [["T"]]
    assert found[-2] == ["t", 0, f"n{SHAPES_MAX}", "", [], "", []]


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
        '[[[4,[[1500,{"a":1}],[0,null,["user","R","m",{"line":1}],["x"],[[5,"info","l"]]]]]],[],-1]'
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
    collected = codec.decode('[[],[[4,0,1,"http.request",[{"url":"x"}]]],12]')
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
    assert found[0][2] == name
    assert found[1][4] == [[name, status, 1, 1, None]]
    assert found[1][8] == trigger


@pytest.mark.parametrize("text", ["", "[]", "[[[1,[[0,{}]]]],[],", '[[["x",[]]],[],0]'])
def test_what_is_no_answer_is_refused(text: str):
    with pytest.raises(msgspec.DecodeError):
        Codec().decode(text)
