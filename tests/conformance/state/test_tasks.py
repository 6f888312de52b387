"""What people are asked and what they have paused: written with the rows that say so, and gone with
those that say otherwise."""

import pytest

from penstock.api.journal.v1.journal_pb2 import TASK_KIND_APPROVAL, HumanTask, NodeRef
from penstock.api.state.v1.state_service_pb2 import Dues, PauseNews, TaskNews
from penstock.state.ports import ExecutionFilter, TaskFilter
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


def pauses(shard: int, epoch: int, position: int, number: int, *, of: int, paused: bool = True):
    made = write(shard, epoch, position, start(number))
    news = PauseNews(execution_id=an_id(of), tenant="default", paused=paused)
    made.dues.CopyFrom(Dues(pauses=[news]))
    return made


async def statuses(stores, *wanted: int) -> dict[str, int]:
    rows = await stores.executions.page("default", ExecutionFilter(statuses=wanted), None, 10)
    return {row.execution_id: row.status for row in rows}


async def test_a_paused_execution_says_so_in_lists_until_it_is_resumed(stores, epoch):
    await stores.journal.commit(batch_of(pauses(1, epoch, 1, 1, of=1)))
    await stores.journal.commit(batch_of(write(2, epoch, 1, start(2))))
    assert await statuses(stores) == {an_id(1): 6, an_id(2): 1}
    assert await statuses(stores, 6) == {an_id(1): 6}
    assert await statuses(stores, 1) == {an_id(1): 6, an_id(2): 1}
    await stores.journal.commit(batch_of(pauses(1, epoch, 2, 3, of=1, paused=False)))
    assert await statuses(stores, 6) == {}
    assert await statuses(stores, 1) == {an_id(1): 1, an_id(2): 1, an_id(3): 1}
