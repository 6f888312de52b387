"""How much of a queue goes into a free jail."""

from types import SimpleNamespace
from typing import Any

from penstock.api.sandbox.v1 import sandbox_service_pb2 as pb
from penstock.sandbox.front.calls import InFlight, Pace, Program, Stream, learn
from penstock.sandbox.front.queues import BATCH_MAX, CROSSING_US, SPREAD_S, TenantQueue


def free_jail() -> Any:
    return SimpleNamespace(in_flight={}, is_quarantine=False)


def batch_of(count: int, us: float, stream: Stream | None = None) -> InFlight:
    program = Program(pb.Program(reads=["p"]), 1.0, 1, Pace(us, True))
    ids = range(1, count + 1)
    batch = pb.CallBatch(tenant="t", call_ids=ids, values_json=[b"%d" % n for n in ids])
    owner = stream or Stream()
    return InFlight(100, owner, 0, batch, 1.0, 1, program, count, program.pace)


def call_of(slot: int, pace: Pace) -> InFlight:
    return InFlight(slot, Stream(), slot, pb.Call(tenant="t"), 1.0, 1, pace=pace)


def test_cheap_calls_go_in_together_up_to_a_batch():
    queue = TenantQueue("t")
    for slot in range(1000):
        queue.put(call_of(slot, Pace(1.0, True)))
    assert [one.slot for one in queue.share(free_jail())] == list(range(BATCH_MAX))
    assert queue.size == 1000 - BATCH_MAX


def test_slow_calls_go_in_one_by_one():
    queue = TenantQueue("t")
    pace = Pace(10 * CROSSING_US, True)
    for slot in range(3):
        queue.put(call_of(slot, pace))
    assert [one.slot for one in queue.share(free_jail())] == [0]
    assert [one.slot for one in queue.share(free_jail())] == [1]


def test_calls_of_unknown_kind_go_in_few_at_a_time():
    queue = TenantQueue("t")
    for slot in range(100):
        queue.put(call_of(slot, Pace()))
    assert 1 < len(queue.share(free_jail())) < 100


def test_a_batch_is_cut_where_it_must_be_and_keeps_its_slots():
    queue, stream = TenantQueue("t"), Stream()
    queue.put(batch_of(300, 1.0, stream))
    (head,) = queue.share(free_jail())
    (tail,) = queue.share(free_jail())
    assert (head.slot, head.count) == (100, BATCH_MAX)
    assert (tail.slot, tail.count) == (100 + BATCH_MAX, 300 - BATCH_MAX)
    assert tail.call.call_ids[0] == BATCH_MAX + 1
    assert tail.call.values_json[0] == b"%d" % (BATCH_MAX + 1)
    assert stream.batches == {100: head, 100 + BATCH_MAX: tail}
    assert not queue.has_calls


def test_cancelled_calls_of_a_waiting_batch_do_not_go_in():
    queue, stream = TenantQueue("t"), Stream()
    item = batch_of(4, 1.0, stream)
    item.cancelled |= {1, 2}
    queue.put(item)
    (left,) = queue.share(free_jail())
    assert list(left.call.call_ids) == [1, 4]
    assert list(left.call.values_json) == [b"1", b"4"]
    gone = batch_of(2, 1.0, stream)
    gone.cancelled |= {0, 1}
    queue.put(gone)
    assert queue.share(free_jail()) == []


def test_what_a_crossing_took_is_laid_to_the_calls_by_what_was_expected():
    cheap, dear = Pace(10.0, True), Pace(1000.0, True)
    learn([call_of(1, cheap), call_of(2, dear)], 100.0 + 2020.0)
    assert cheap.us == 13.0
    assert dear.us == 1300.0


def test_another_jail_is_used_only_if_calls_would_wait():
    def busy(until: float, spent: float = 1.0) -> Any:
        return SimpleNamespace(is_busy=True, busy_until=until, spent_s=lambda: spent)

    queue = TenantQueue("t")
    item = call_of(1, Pace(1.0, True))
    item.since = 10.0
    queue.put(item)
    assert queue.wants_another(10.0)
    queue.jails.append(busy(10.0 + SPREAD_S / 2))
    assert not queue.wants_another(10.0)
    assert queue.wants_another(10.0 + 2 * SPREAD_S)
    queue.jails[:] = [busy(10.0 + SPREAD_S / 2, SPREAD_S / 4)]
    assert not queue.wants_another(10.0 + 2 * SPREAD_S)
    queue.put(batch_of(1000, SPREAD_S * 1e3))
    assert queue.wants_another(10.0)
    queue.waiting.pop()
    queue.jails[:] = [busy(11.0)]
    assert queue.wants_another(10.0)
