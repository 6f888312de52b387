"""However much jails tell at once, it goes in messages that can be sent, and nothing is lost."""

from penstock.api.sandbox.v1 import sandbox_service_pb2 as pb
from penstock.sandbox.front.portions import RESULT_BYTES_MAX, portions

LARGE = b"x" * 3_000_000


def results(*ids: int, output: bytes = b"1") -> pb.RunResponse:
    steps = [pb.StepResult(output_json=output)]
    return pb.RunResponse(results=[pb.CallResult(call_id=one, steps=steps) for one in ids])


def test_small_ones_go_together():
    (message,) = portions([results(1), results(2), results(3)])
    assert [one.call_id for one in message.results] == [1, 2, 3]


def test_large_ones_go_in_several_messages():
    messages = list(portions([results(at, output=LARGE) for at in range(40)]))
    assert [one.call_id for each in messages for one in each.results] == list(range(40))
    assert max(each.ByteSize() for each in messages) < 20_000_000


def test_one_that_is_large_by_itself_is_taken_apart():
    batch = pb.ResultBatch(
        call_ids=range(20), outputs_json=[LARGE, b"2"] * 20, durations_us=[1, 2] * 20
    )
    messages = list(portions([pb.RunResponse(batches=[batch], results=results(99).results)]))
    assert max(each.ByteSize() for each in messages) < 20_000_000
    told = [one for each in messages for one in each.batches]
    assert [one.call_ids[0] for one in told] == list(range(20))
    assert all(list(one.outputs_json) == [LARGE, b"2"] for one in told)
    assert all(list(one.durations_us) == [1, 2] for one in told)
    assert [one.call_id for each in messages for one in each.results] == [99]


def test_a_call_that_gave_more_than_a_message_takes_fails_alone():
    huge = results(7, output=b"x" * (RESULT_BYTES_MAX + 1))
    messages = list(portions([huge, results(8)]))
    told = [one for each in messages for one in each.results]
    assert [one.call_id for one in told] == [7, 8]
    assert told[0].jail_failure.reason == "OUTPUT_TOO_LARGE"
