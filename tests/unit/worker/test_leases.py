"""Sessions: leases, reports, answers, without any stream."""

import asyncio
from itertools import count

import pytest

from penstock.api.dispatch.v1 import dispatch_service_pb2 as pb
from penstock.common.rpc.streams import Outbox
from penstock.worker.leases import ANNOUNCE_AFTER_US, ANNOUNCED_MAX, Lease, Session

KEY = ("E", 0, 0, 1)


@pytest.fixture
def session():
    return Session(count(1))


async def sent(outbox):
    return await anext(outbox.batches()) if len(outbox) else []


async def test_a_report_waits_for_a_stream_and_goes_again_on_the_next_one(session):
    lease = session.take(KEY)
    session.report(lease, pb.SegmentReport())
    first, second = Outbox(), Outbox()
    session.bind(first)
    assert await sent(first) == [lease]
    session.bind(second)
    assert await sent(second) == [lease]
    session.unbind(first)
    assert session.outbox is second


def test_an_answer_forgets_report_and_lease(session):
    lease = session.take(KEY)
    session.report(lease, pb.SegmentReport())
    assert KEY in session.leases
    session.on_answers([lease.report.report_id], committed=True)
    session.on_answers([lease.report.report_id], committed=True)
    assert not session.leases
    assert not session.pending


def test_a_lease_is_taken_once(session):
    assert isinstance(session.take(KEY), Lease)
    assert session.take(KEY) is None


@pytest.mark.parametrize("committed", [True, False])
async def test_a_commit_gives_the_next_lease_only_if_it_is_on_disk(session, committed):
    lease = session.take(KEY)
    report = pb.SegmentReport()
    waiting = asyncio.ensure_future(session.commit(lease, report, 5))
    await asyncio.sleep(0)
    assert set(session.leases) == {KEY, ("E", 5, 0, 1)}
    assert report.continue_with.node == 5
    session.on_answers([report.report_id], committed=committed)
    follower = await waiting
    assert (follower is not None) is committed
    assert set(session.leases) == ({("E", 5, 0, 1)} if committed else set())


@pytest.mark.parametrize("committed", [True, False])
async def test_what_was_asked_for_and_is_handed_out_all_the_same_stays(session, committed):
    """The lease that asked may have been lost, and another attempt of its node have ended."""
    lease, report, follows = session.take(KEY), pb.SegmentReport(), ("E", 5, 0, 1)
    waiting = asyncio.ensure_future(session.commit(lease, report, 5))
    await asyncio.sleep(0)
    handed_out = session.take(follows)
    assert handed_out is not None
    assert await waiting is None
    session.on_answers([report.report_id], committed=committed)
    assert session.leases == {follows: handed_out}
    assert session.take(follows) is None


async def test_two_that_ask_for_the_same_do_not_take_it_from_each_other(session):
    first, again = session.take(KEY), session.take(("E", 0, 0, 2))
    asking, later = pb.SegmentReport(), pb.SegmentReport()
    waiting = asyncio.ensure_future(session.commit(first, asking, 5))
    await asyncio.sleep(0)
    assert await session.commit(again, later, 5) is None
    assert not later.HasField("continue_with")
    session.on_answers([asking.report_id], committed=True)
    assert (await waiting).key == ("E", 5, 0, 1)


async def test_attempts_are_announced_a_few_at_a_time_and_only_while_they_run(session):
    leases = [session.take(("E1", node, 0, 1)) for node in range(ANNOUNCED_MAX + 5)]
    for lease in leases[1:]:
        lease.started_us = 1000
    session.report(leases[1], pb.SegmentReport())
    seen = []
    for _ in range(3):
        session.outbox = Outbox()
        session.announce(1000 + ANNOUNCE_AFTER_US)
        session.outbox.close()
        batches = [batch async for batch in session.outbox.batches()]
        seen.append([one.ref.node for batch in batches for one in batch])
    assert seen == [list(range(2, ANNOUNCED_MAX + 2)), [52, 53, 54], []]
    leases[0].started_us = 2000
    session.outbox = Outbox()
    session.announce(2000 + ANNOUNCE_AFTER_US)
    assert len(session.outbox) == 1


def test_only_long_attempts_are_announced_and_once_per_stream(session):
    outbox = Outbox()
    session.bind(outbox)
    lease = session.take(KEY)
    lease.started_us = 1000
    session.announce(1000 + ANNOUNCE_AFTER_US - 1)
    assert len(outbox) == 0
    session.announce(1000 + ANNOUNCE_AFTER_US)
    session.announce(1000 + ANNOUNCE_AFTER_US)
    assert len(outbox) == 1


def test_what_was_reported_is_not_abandoned_by_a_cancel(session):
    stopped = []
    reported, running = session.take(KEY), session.take(("E", 1, 0, 1))
    for lease in (reported, running):
        lease.stop = lambda key=lease.key: stopped.append(key)
    session.report(reported, pb.SegmentReport())
    session.on_cancel(pb.Cancel(execution_id="E"))
    assert stopped == [running.key]
    assert set(session.leases) == {KEY}


def test_handing_back_reports_what_runs_as_lost(session):
    lease = session.take(KEY)
    lease.started_us = 7
    session.hand_back("bye")
    outcome = lease.report.outcomes[0]
    assert (outcome.lost.cause, outcome.started_unix_us) == ("bye", 7)


def test_a_report_lets_go_of_what_could_stop_the_work(session):
    lease = session.take(KEY)
    lease.stop = lambda: lease
    session.report(lease, pb.SegmentReport())
    assert lease.stop is None


def fenced_group() -> pb.ExecutionTasks:
    return pb.ExecutionTasks(execution_id="e", first_attempts=[0], fence_ms=3_000)


def test_tasks_under_a_fence_that_were_stuck_on_their_way_are_handed_back_unbegun():
    session = Session(count(1))
    session.hear(10.0)
    session.hear(5.0)
    assert not session.comes_too_late(fenced_group(), 13.0)
    assert not session.leases
    assert session.comes_too_late(fenced_group(), 13.1)
    (lease,) = session.pending.values()
    assert lease.report.outcomes[0].HasField("lost")
    assert not lease.report.outcomes[0].started_unix_us
