"""Who fails and who runs again when a jail is lost."""

from types import SimpleNamespace
from typing import Any

import pytest

from penstock.api.payload.v1 import payload_pb2
from penstock.api.sandbox.v1 import sandbox_service_pb2 as pb
from penstock.sandbox.front.calls import (
    SANDBOX_CRASHED,
    SANDBOX_MEMORY,
    SANDBOX_TIMEOUT,
    InFlight,
    Program,
    Stream,
)
from penstock.sandbox.front.losses import RERUNS_MAX, Verdict, expire, sort_out
from penstock.sandbox.front.queues import TenantQueue


def jail_with(*calls: InFlight, **facts: Any) -> Any:
    jail = SimpleNamespace(in_flight={call.slot: call for call in calls}, is_quarantine=False)
    jail.process = SimpleNamespace(**facts)
    return jail


def call_of(slot: int, stream: Stream, host_calls: int = 0) -> InFlight:
    return InFlight(slot, stream, slot * 10, pb.Call(tenant="t"), 1.0, 1, host_calls=host_calls)


async def told(stream: Stream) -> dict[int, payload_pb2.Failure]:
    """The failures that went to the stream, by call id."""
    stream.outbox.close()
    return {
        result.call_id: result.jail_failure
        async for batch in stream.outbox.batches()
        for response in batch
        for result in response.results
    }


async def test_the_guilty_call_fails_and_pure_ones_run_again_together():
    stream = Stream()
    calls = [call_of(slot, stream) for slot in (1, 2, 3)]
    verdict = Verdict(SANDBOX_TIMEOUT, "m", slot=2, is_sure=True)
    again = list(sort_out(jail_with(*calls), verdict))
    assert [(one.slot, one.is_alone) for one in again] == [(1, False), (3, False)]
    failures = await told(stream)
    assert {key: one.reason for key, one in failures.items()} == {20: SANDBOX_TIMEOUT}
    assert failures[20].error_class == payload_pb2.ERROR_CLASS_USER


async def test_suspects_run_again_alone_if_nobody_knows_who_it_was():
    stream = Stream()
    calls = [call_of(slot, stream) for slot in (1, 2)]
    again = list(sort_out(jail_with(*calls), Verdict(SANDBOX_CRASHED, "m")))
    assert [(one.slot, one.is_alone) for one in again] == [(1, True), (2, True)]
    assert await told(stream) == {}


async def test_the_only_call_of_a_jail_is_the_guilty_one():
    stream = Stream()
    assert list(sort_out(jail_with(call_of(1, stream)), Verdict(SANDBOX_MEMORY, "m"))) == []
    assert (await told(stream))[10].reason == SANDBOX_MEMORY


async def test_a_batch_is_taken_apart_and_only_what_is_left_of_it_runs_again():
    stream = Stream()
    program = Program(pb.Program(steps=[pb.Step(node_id="n")], reads=["p"]), 1.0, 1)
    values = [b"%d" % n for n in range(4)]
    batch = pb.CallBatch(tenant="t", call_ids=[10, 20, 30, 40], values_json=values, first_slot=5)
    item = InFlight(5, stream, 0, batch, 1.0, 1, program, 4)
    item.end([0])
    verdict = Verdict(SANDBOX_TIMEOUT, "m", slot=7, is_sure=True)
    again = list(sort_out(jail_with(item), verdict))
    assert [(one.slot, one.call_id) for one in again] == [(6, 20), (8, 40)]
    assert [one.call.values[0].output_json for one in again] == [b"1", b"3"]
    assert {key: one.reason for key, one in (await told(stream)).items()} == {30: SANDBOX_TIMEOUT}
    assert sorted(stream.in_flight) == [20, 40]
    assert not stream.batches


async def test_a_call_that_asked_the_host_is_never_run_again():
    stream = Stream()
    calls = [call_of(1, stream, host_calls=1), call_of(2, stream)]
    verdict = Verdict(SANDBOX_TIMEOUT, "m", slot=2, is_sure=True)
    assert list(sort_out(jail_with(*calls), verdict)) == []
    failures = await told(stream)
    assert failures[10].reason == SANDBOX_CRASHED
    assert failures[10].error_class == payload_pb2.ERROR_CLASS_SYSTEM
    assert failures[20].reason == SANDBOX_TIMEOUT


async def test_a_call_that_was_always_there_ends_in_the_end():
    stream = Stream()
    suspect, other = call_of(1, stream), call_of(2, stream)
    for _ in range(RERUNS_MAX):
        assert suspect in list(sort_out(jail_with(suspect, other), Verdict(SANDBOX_CRASHED, "")))
    assert list(sort_out(jail_with(suspect, other), Verdict(SANDBOX_CRASHED, ""))) == []
    assert set(await told(stream)) == {10, 20}


def test_dropped_calls_are_forgotten():
    stream = Stream()
    dropped = call_of(1, stream)
    dropped.is_dropped = True
    assert list(sort_out(jail_with(dropped), Verdict(SANDBOX_CRASHED, "m"))) == []
    assert len(stream.outbox) == 0


async def test_a_call_that_waited_too_long_may_be_tried_again():
    stream = Stream()
    expire(call_of(1, stream))
    assert (await told(stream))[10].error_class == payload_pb2.ERROR_CLASS_TRANSIENT


@pytest.mark.parametrize(
    ("out_of_memory", "reason"), [(False, SANDBOX_CRASHED), (True, SANDBOX_MEMORY)]
)
def test_a_death_that_the_front_did_not_cause_is_laid_to_nobody(out_of_memory: bool, reason: str):
    jail = jail_with(call_of(1, Stream()), ran_out_of_memory=lambda: out_of_memory)
    verdict = Verdict.of_death(jail)
    assert (verdict.reason, verdict.slot) == (reason, 0)


def test_a_suspect_is_alone_in_its_jail():
    queue, stream = TenantQueue("t"), Stream()
    suspect, other = call_of(1, stream), call_of(2, stream)
    suspect.is_alone = True
    queue.put(other)
    queue.put(suspect)
    assert queue.share(jail_with(call_of(3, stream))) == []
    jail = jail_with()
    assert queue.share(jail) == [suspect]
    jail.in_flight[1] = suspect
    assert queue.share(jail) == []
    jail.in_flight.clear()
    assert queue.share(jail) == [other]
