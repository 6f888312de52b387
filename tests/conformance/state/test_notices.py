"""What shards owe to elsewhere, and the sub-workflows it leads to: written with the rows, and only
with them."""

import pytest

from penstock.api.journal.v1.journal_pb2 import NodeRef
from penstock.api.state.v1.notice_service_pb2 import RefusedNotice
from penstock.api.state.v1.state_service_pb2 import ChildRecord, Dues, Notice
from penstock.api.workflow.v1.workflow_service_pb2 import RefusedStart
from support.state_rows import an_id, batch_of, end, start, write


def owing(
    shard: int, epoch: int, position: int, number: int, *, notices=(), settles=(), children=()
):
    """A record that begins an execution, and what it owes."""
    made = write(shard, epoch, position, start(number))
    made.dues.CopyFrom(Dues(notices=notices, settled_notices=settles, children=children))
    return made


def child(number: int, node: int, item: int = 0, parent: int = 1, tenant: str = "default"):
    ref = NodeRef(node=node, item=item, attempt=1)
    return ChildRecord(execution_id=an_id(number), tenant=tenant, parent_id=an_id(parent), ref=ref)


@pytest.fixture
async def epoch(stores):
    await stores.leases.join("c1", "h:1", 60_000)
    granted = await stores.leases.acquire("c1", range(8))
    return granted[0].epoch


async def test_notices_are_read_in_order_until_they_are_settled(stores, epoch):
    first = owing(1, epoch, 1, 1, notices=[Notice(id=9, body=b"a"), Notice(id=10, body=b"b")])
    other = owing(2, epoch, 1, 2, notices=[Notice(id=9, body=b"c")])
    await stores.journal.commit(batch_of(first, other))
    assert await stores.notices.page(1, 0, 10) == [(9, b"a"), (10, b"b")]
    assert await stores.notices.page(1, 9, 10) == [(10, b"b")]
    assert await stores.notices.page(1, 0, 1) == [(9, b"a")]
    await stores.notices.settle([(1, 9), (1, 77)])
    assert await stores.notices.page(1, 0, 10) == [(10, b"b")]
    assert await stores.notices.page(2, 0, 10) == [(9, b"c")]


def refused(number: int, notice: int, node: int = 0, attempt: int = 0, tenant: str = "default"):
    start = RefusedStart(workflow=f"w{notice}", ref=NodeRef(node=node, attempt=attempt))
    made = RefusedNotice(shard=1, id=notice, tenant=tenant, start=start)
    made.execution_id = an_id(number)
    return made


async def told(stores, number: int, tenant: str = "default", limit: int = 10):
    found = await stores.notices.refused(tenant, an_id(number), limit)
    return [RefusedStart.FromString(body).workflow for body in found]


async def test_what_is_refused_is_settled_and_kept_for_readers(stores, epoch):
    notices = [Notice(id=n, body=b"x") for n in (9, 10, 11)]
    await stores.journal.commit(batch_of(owing(1, epoch, 1, 1, notices=notices)))
    await stores.notices.settle([(1, 9)], [refused(1, 11, node=2, attempt=1), refused(1, 10)])
    assert await stores.notices.page(1, 0, 10) == []
    assert await told(stores, 1) == ["w10", "w11"]
    assert await told(stores, 1, limit=1) == ["w10"]
    assert await told(stores, 1, tenant="other") == []
    assert await told(stores, 2) == []


async def test_what_arrived_meanwhile_is_not_refused(stores, epoch):
    await stores.journal.commit(batch_of(owing(1, epoch, 1, 1, notices=[Notice(id=9, body=b"a")])))
    await stores.notices.settle([(1, 9)])
    await stores.notices.settle([], [refused(1, 9)])
    assert await told(stores, 1) == []


async def test_what_is_refused_twice_is_kept_once(stores, epoch):
    notices = [Notice(id=n, body=b"x") for n in (9, 10)]
    await stores.journal.commit(batch_of(owing(1, epoch, 1, 1, notices=notices)))
    await stores.notices.settle([], [refused(1, 9)])
    await stores.notices.settle([], [refused(1, 9), refused(1, 10)])
    assert await told(stores, 1) == ["w9"]


async def test_what_was_refused_goes_with_its_execution(stores, epoch):
    notices = [Notice(id=9, body=b"x")]
    await stores.journal.commit(batch_of(owing(1, epoch, 1, 1, notices=notices)))
    await stores.journal.commit(batch_of(write(1, epoch, 2, end(1, 3))))
    await stores.notices.settle([], [refused(1, 9)])
    assert await told(stores, 1) == ["w9"]
    assert await stores.retention.erase([an_id(1)]) == 1
    assert await told(stores, 1) == []


async def test_a_commit_settles_notices_of_its_shard(stores, epoch):
    await stores.journal.commit(batch_of(owing(1, epoch, 1, 1, notices=[Notice(id=9, body=b"a")])))
    await stores.journal.commit(batch_of(owing(2, epoch, 1, 2, settles=[9])))
    assert await stores.notices.page(1, 0, 10) == [(9, b"a")]
    await stores.journal.commit(batch_of(owing(1, epoch, 2, 3, settles=[9])))
    assert await stores.notices.page(1, 0, 10) == []


async def test_what_is_fenced_owes_nothing(stores, epoch):
    fenced = owing(
        1, epoch - 1, 1, 1, notices=[Notice(id=9, body=b"a")], children=[child(1, 0, parent=5)]
    )
    good = owing(2, epoch, 1, 2, notices=[Notice(id=9, body=b"b")])
    assert await stores.journal.commit(batch_of(fenced, good)) == {2}
    assert await stores.notices.page(1, 0, 10) == []
    assert await stores.notices.page(2, 0, 10) == [(9, b"b")]
    assert await stores.children.page("default", an_id(5), None, None, 10) == []


async def test_sub_workflows_are_listed_by_node_item_and_attempt(stores, epoch):
    links = [child(4, 1, 2), child(3, 1, 1), child(2, 0)]
    batch = batch_of(
        write(1, epoch, 1, start(1)),
        *(owing(n, epoch, 1, n, children=[one]) for n, one in zip((4, 3, 2), links, strict=True)),
    )
    await stores.journal.commit(batch)
    page = await stores.children.page("default", an_id(1), None, None, 2)
    assert [(one.execution.execution_id, one.node, one.item) for one in page] == [
        (an_id(2), 0, 0),
        (an_id(3), 1, 1),
    ]
    after = (1, 1, 1, an_id(3))
    rest = await stores.children.page("default", an_id(1), None, after, 2)
    assert [one.execution.execution_id for one in rest] == [an_id(4)]
    of_node = await stores.children.page("default", an_id(1), 1, None, 10)
    assert [one.execution.execution_id for one in of_node] == [an_id(3), an_id(4)]


async def test_sub_workflows_of_another_account_are_not_seen(stores, epoch):
    await stores.journal.commit(batch_of(owing(2, epoch, 1, 2, children=[child(2, 0)])))
    assert await stores.children.page("other", an_id(1), None, None, 10) == []
