"""Executions that were kept long enough go, whole; payloads nobody refers to go after them."""

import asyncio

import pytest

from penstock.api.journal.v1.journal_pb2 import EventBatch, NodeRef
from penstock.api.peer.v1.peer_service_pb2 import Notice as PeerNotice
from penstock.api.peer.v1.peer_service_pb2 import StartNotice
from penstock.state.finding.ports import LetterRow
from penstock.state.keeping.ports import Marked, Policy
from penstock.state.ports import ExecutionFilter, TaskFilter
from penstock.workflow.search.reading import read_query
from penstock.workflow.search.terms import link_term
from support.state_rows import FAILED, an_id, batch_of, end, start, step, write

DAY = 1_000_000
POLICY = Policy("default", "orders", 2 * DAY, 5 * DAY)
ONE, TWO = "1" * 64, "2" * 64


def referring(record, *digests):
    """The record with stored outputs in its events."""
    body = EventBatch.FromString(record.body)
    for digest in digests:
        output = body.events.add().node_completed.output
        output.ref.digest, output.ref.size_bytes = digest, 70_000
    record.body = body.SerializeToString()
    return record


async def removed(tenant, digest):
    return True


@pytest.fixture
async def kept(stores, lease):
    """1 completed and 2 failed a second ago, 3 completed much later, 4 runs; 5 is another's."""
    records = [
        referring(start(1, tags=["eu"], terms=["\x1dparams.a=1"]), ONE, TWO),
        referring(start(2, terms=["\x1dparams.a=1"]), ONE),
        start(3), start(4), start(5, tenant="other"),
        end(1, 3), end(2, 3, FAILED, failed_node="n"), step(4, 3),
    ]  # fmt: skip
    late = end(3, 3)
    late.projection.finished_unix_us = 10 * DAY
    await stores.journal.commit(batch_of(write(1, lease, 1, *records, late)))
    return stores


@pytest.fixture
async def epoch_of_all(stores):
    await stores.leases.join("c1", "h:1", 60_000)
    granted = await stores.leases.acquire("c1", range(8))
    return granted[0].epoch


async def numbers(stores, text="", tenant="default"):
    query, _ = read_query(text, 0)
    page = await stores.search.page(tenant, query, None, 100, newest=True)
    return [int(each.row.execution_id[3:]) for each in page.rows]


async def due(stores, now_us, policy=POLICY):
    found, place = [], (0, "")
    while place is not None:
        page, place = await stores.retention.due(policy, now_us, place, 2)
        found += [int(each.execution_id[3:]) for each in page]
    return found


async def test_what_ended_long_enough_ago_is_due(kept):
    assert await due(kept, 1 * DAY) == []
    assert await due(kept, 3 * DAY) == [1]
    assert await due(kept, 6 * DAY) == [1, 2]
    assert await due(kept, 12 * DAY) == [1, 2, 3]
    assert await due(kept, 12 * DAY, Policy("default", "orders", 2 * DAY, 0)) == [1, 3]
    assert await due(kept, 12 * DAY, Policy("default", "prices", 1, 1)) == []


async def test_an_execution_goes_whole_and_others_stay(kept):
    await kept.letters.settle("default", an_id(2), LetterRow("discarded", "known", 1, ""))
    assert await kept.retention.erase([an_id(1), an_id(2), an_id(4), an_id(40)]) == 2
    assert await numbers(kept) == [4, 3]
    for text in ("tag:eu", "params.a:1", "status:failed", "dead_letter:discarded"):
        assert await numbers(kept, text) == []
    for number in (1, 2):
        assert await kept.executions.find("default", an_id(number)) is None
        assert await kept.executions.history("default", an_id(number), 0, 10) == ([], False)
    assert len((await kept.executions.history("default", an_id(4), 0, 10)).rows) == 2
    assert await kept.executions.page("default", ExecutionFilter(tag="eu"), None, 10) == []
    assert await kept.retention.erase([an_id(1)]) == 0


async def test_what_people_were_asked_goes_with_it(stores, lease):
    """An execution that ended takes its questions back, so there are none; but there were."""
    ref = NodeRef(node=0, attempt=1)
    both = write(1, lease, 1, start(1), start(2), end(1, 3))
    for number in (1, 2):
        both.dues.tasks.add(execution_id=an_id(number), tenant="default", ref=ref, opened_unix_us=5)
    await stores.journal.commit(batch_of(both))
    assert await stores.retention.erase([an_id(1), an_id(2)]) == 1
    left = await stores.tasks.page("default", TaskFilter(), None, 10)
    assert [row.execution_id for row in left] == [an_id(2)]


async def test_recovery_and_publication_go_on_around_the_gap(kept, lease):
    await kept.retention.erase([an_id(1), an_id(2), an_id(3)])
    live = await kept.reader.load_live(1, None, 100)
    assert len(live.bodies) == 3
    head = (await kept.journal.heads([1]))[1].position
    assert await kept.journal.commit(batch_of(write(1, lease, head + 1, end(4, 5)))) == {1}
    rows = await kept.reader.rows_after(1, 0, 100)
    assert rows[-1].position == head + 1


async def test_one_is_removed_only_when_it_has_ended_and_by_its_account(kept):
    assert await kept.retention.erase_one("other", an_id(1)) == "absent"
    assert await kept.retention.erase_one("default", an_id(4)) == "running"
    assert await kept.retention.erase_one("default", an_id(1)) == "erased"
    assert await kept.retention.erase_one("default", an_id(1)) == "absent"


async def test_what_a_notice_names_stays_until_it_is_settled(stores, epoch_of_all):
    """1, in shard 1, started 2, in shard 2; both have ended, and the notice may come again."""
    body = PeerNotice(target_id=an_id(2), sender_id=an_id(1), start=StartNotice(workflow="orders"))
    above = write(1, epoch_of_all, 1, start(1), end(1, 3))
    above.dues.notices.add(id=7, body=body.SerializeToString())
    below = start(2, terms=["\x1dparams.a=1", link_term("parent", an_id(1))])
    beside = write(3, epoch_of_all, 1, start(3), end(3, 3))
    both = write(2, epoch_of_all, 1, below, end(2, 3))
    await stores.journal.commit(batch_of(above, both, beside))
    assert await stores.retention.erase([an_id(1), an_id(2)]) == 0
    assert await stores.retention.erase_one("default", an_id(2)) == "owing"
    assert await stores.retention.erase([an_id(1), an_id(2), an_id(3)]) == 1
    await stores.notices.settle([(1, 7)])
    assert await stores.retention.erase([an_id(1), an_id(2)]) == 2


async def test_an_id_can_be_used_again(kept, lease):
    await kept.retention.erase([an_id(1)])
    head = (await kept.journal.heads([1]))[1].position
    assert await kept.journal.commit(batch_of(write(1, lease, head + 1, start(1)))) == {1}


async def test_only_payloads_without_any_reference_are_marked_and_swept(kept):
    await kept.retention.erase([an_id(1)])
    assert await kept.garbage.mark("default", [ONE, TWO], 100) == 1
    assert await kept.garbage.mark("default", [ONE, TWO], 200) == 0
    assert await kept.garbage.marked(99, 10) == []
    assert await kept.garbage.count_marked("default", 100) == 1
    assert await kept.garbage.count_marked(None, 100) == 1
    assert await kept.garbage.count_marked("other", 100) == 0
    assert await kept.garbage.count_marked("default", 99) == 0
    assert await kept.garbage.marked(100, 10) == [Marked("default", TWO)]
    assert await kept.garbage.sweep(Marked("default", TWO), removed)
    assert not await kept.garbage.sweep(Marked("default", TWO), removed)
    await kept.retention.erase([an_id(2)])
    assert await kept.garbage.mark("default", [ONE], 300) == 1


async def test_what_is_referred_to_again_is_not_swept(kept, lease):
    await kept.retention.erase([an_id(1)])
    await kept.garbage.mark("default", [TWO], 100)
    head = (await kept.journal.heads([1]))[1].position
    again = referring(step(4, 5), TWO)
    again.last_seq += 1
    await kept.journal.commit(batch_of(write(1, lease, head + 1, again)))
    assert not await kept.garbage.sweep(Marked("default", TWO), removed)
    assert await kept.garbage.marked(1_000, 10) == []


async def test_who_stores_the_same_bytes_while_they_are_swept_learns_of_it(kept):
    await kept.garbage.mark("default", ["3" * 64], 100)
    sweeping, stored = asyncio.Event(), asyncio.Event()

    async def remove(tenant, digest):
        sweeping.set()
        await stored.wait()
        return True

    async with asyncio.TaskGroup() as group:
        swept = group.create_task(kept.garbage.sweep(Marked("default", "3" * 64), remove))
        await sweeping.wait()
        unmarked = group.create_task(kept.garbage.unmark("default", "3" * 64))
        await asyncio.sleep(0)
        stored.set()
    assert swept.result()
    assert unmarked.result()


async def test_who_stores_the_same_bytes_before_takes_the_mark_away(kept):
    await kept.garbage.mark("default", ["3" * 64], 100)
    assert not await kept.garbage.unmark("default", "3" * 64)
    assert not await kept.garbage.sweep(Marked("default", "3" * 64), removed)


async def test_a_payload_that_turns_out_too_young_stays(kept):
    async def too_young(tenant, digest):
        return False

    await kept.garbage.mark("default", ["3" * 64], 100)
    assert not await kept.garbage.sweep(Marked("default", "3" * 64), too_young)
    assert await kept.garbage.marked(1_000, 10) == []
