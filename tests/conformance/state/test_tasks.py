"""What people are asked: written with the rows that ask, gone with those that ask no longer."""

import pytest

from penstock.api.journal.v1.journal_pb2 import TASK_KIND_APPROVAL, HumanTask, NodeRef
from penstock.api.state.v1.state_service_pb2 import Dues, TaskNews
from penstock.state.ports import TaskFilter
from support.state_rows import an_id, batch_of, start, write

ALL = TaskFilter()


def asks(number: int, node: int = 0, at: int = 5, *, assignees=(), tenant: str = "default"):
    task = HumanTask(kind=TASK_KIND_APPROVAL, title=f"Task {number}", assignees=assignees)
    return TaskNews(
        execution_id=an_id(number),
        tenant=tenant,
        ref=NodeRef(node=node, attempt=1),
        opened_unix_us=at,
        workflow="flow",
        node="ask",
        task=task,
    )


def ends(number: int, node: int = 0):
    ref = NodeRef(node=node, attempt=1)
    return TaskNews(execution_id=an_id(number), tenant="default", ref=ref)


def telling(shard: int, epoch: int, position: int, number: int, *news: TaskNews):
    made = write(shard, epoch, position, start(number))
    made.dues.CopyFrom(Dues(tasks=news))
    return made


@pytest.fixture
async def epoch(stores):
    await stores.leases.join("c1", "h:1", 60_000)
    granted = await stores.leases.acquire("c1", range(8))
    return granted[0].epoch


async def ids(stores, chosen=ALL, after=None, limit=10, tenant="default"):
    rows = await stores.tasks.page(tenant, chosen, after, limit)
    return [(row.execution_id, row.node) for row in rows]


async def test_tasks_are_listed_oldest_first_in_pages(stores, epoch):
    await stores.journal.commit(
        batch_of(
            telling(1, epoch, 1, 1, asks(1, at=9), asks(1, 2, at=9)),
            telling(2, epoch, 1, 2, asks(2, at=3)),
        )
    )
    expected = [(an_id(2), 0), (an_id(1), 0), (an_id(1), 2)]
    assert await ids(stores) == expected
    assert await ids(stores, limit=1) == expected[:1]
    assert await ids(stores, after=(3, an_id(2), 0, 0)) == expected[1:]
    assert await ids(stores, tenant="other") == []


async def test_a_task_is_found_by_person_workflow_execution_and_kind(stores, epoch):
    await stores.journal.commit(
        batch_of(telling(1, epoch, 1, 1, asks(1, 0, assignees=["ann", "bob"]), asks(1, 1)))
    )
    assert await ids(stores, TaskFilter(assignee="ann")) == [(an_id(1), 0), (an_id(1), 1)]
    assert await ids(stores, TaskFilter(assignee="eve")) == [(an_id(1), 1)]
    assert await ids(stores, TaskFilter(workflow="none")) == []
    assert await ids(stores, TaskFilter(execution_id=an_id(2))) == []
    assert await ids(stores, TaskFilter(kind=2)) == []
    found = await stores.tasks.find("default", an_id(1), (1, 0, 1))
    assert HumanTask.FromString(found.body).title == "Task 1"
    assert await stores.tasks.find("other", an_id(1), (1, 0, 1)) is None
    assert await stores.tasks.find("default", an_id(1), (1, 0, 2)) is None


async def test_a_task_that_is_not_asked_any_more_is_gone(stores, epoch):
    await stores.journal.commit(batch_of(telling(1, epoch, 1, 1, asks(1), asks(1, 1))))
    await stores.journal.commit(batch_of(telling(1, epoch, 2, 2, ends(1))))
    assert await ids(stores) == [(an_id(1), 1)]


async def test_what_begins_and_ends_within_a_commit_leaves_nothing(stores, epoch):
    await stores.journal.commit(batch_of(telling(1, epoch, 1, 1, asks(1), ends(1))))
    assert await ids(stores) == []


async def test_what_is_fenced_asks_nobody(stores, epoch):
    fenced = telling(1, epoch - 1, 1, 1, asks(1))
    good = telling(2, epoch, 1, 2, asks(2))
    assert await stores.journal.commit(batch_of(fenced, good)) == {2}
    assert await ids(stores) == [(an_id(2), 0)]
