"""Lists and histories of executions."""

import pytest

from penstock.state.ports import HISTORY_BYTES_MAX, ExecutionFilter
from support.state_rows import (
    CANCELLED,
    COMPLETED,
    FAILED,
    RUNNING,
    an_id,
    batch_of,
    body,
    end,
    start,
    step,
    write,
)

EVERYTHING = ExecutionFilter()


@pytest.fixture
async def filled(stores, lease):
    """Nine executions of two accounts, two workflows, all statuses."""
    statuses = {1: COMPLETED, 2: FAILED, 3: CANCELLED, 4: RUNNING, 5: COMPLETED, 6: FAILED}
    records = []
    for number, status in statuses.items():
        workflow = "orders" if number % 2 else "prices"
        tags = ["eu"] if number in (1, 2, 4) else []
        records.append(start(number, workflow=workflow, tags=tags))
        if status != RUNNING:
            records.append(end(number, 3, status))
    records += [start(n, tenant="other", tags=["eu"]) for n in (7, 8, 9)]
    await stores.journal.commit(batch_of(write(1, lease, 1, *records[:4])))
    await stores.journal.commit(batch_of(write(1, lease, 5, *records[4:])))
    return stores


async def numbers(stores, chosen, tenant="default", before=None, limit=100):
    rows = await stores.executions.page(tenant, chosen, before, limit)
    assert all(row.tenant == tenant for row in rows)
    return [int(row.execution_id[3:]) for row in rows]


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (EVERYTHING, [6, 5, 4, 3, 2, 1]),
        (ExecutionFilter(workflow="prices"), [6, 4, 2]),
        (ExecutionFilter(statuses=(RUNNING,)), [4]),
        (ExecutionFilter(statuses=(COMPLETED,)), [5, 1]),
        (ExecutionFilter(statuses=(FAILED,)), [6, 2]),
        (ExecutionFilter(statuses=(FAILED,), tag="eu"), [2]),
        (ExecutionFilter(statuses=(FAILED,), workflow="orders"), []),
        (ExecutionFilter(statuses=(RUNNING, CANCELLED)), [4, 3]),
        (ExecutionFilter(statuses=(FAILED, CANCELLED)), [6, 3, 2]),
        (ExecutionFilter(statuses=(RUNNING, FAILED), workflow="prices"), [6, 4, 2]),
        (ExecutionFilter(statuses=(RUNNING, COMPLETED, FAILED)), [6, 5, 4, 2, 1]),
        (ExecutionFilter(statuses=(RUNNING,), tag="eu"), [4]),
        (ExecutionFilter(statuses=(RUNNING,), workflow="prices", tag="eu"), [4]),
        (ExecutionFilter(tag="eu"), [4, 2, 1]),
        (ExecutionFilter(tag="eu", workflow="orders"), [1]),
        (ExecutionFilter(tag="nowhere"), []),
        (ExecutionFilter(workflow="nothing"), []),
    ],
)
async def test_filters_choose_newest_first(filled, chosen, expected):
    assert await numbers(filled, chosen) == expected


@pytest.mark.parametrize(
    "chosen",
    [
        EVERYTHING,
        ExecutionFilter(tag="eu"),
        ExecutionFilter(statuses=(FAILED,)),
        ExecutionFilter(statuses=(RUNNING,)),
        ExecutionFilter(statuses=(RUNNING, FAILED, CANCELLED)),
        ExecutionFilter(workflow="orders"),
    ],
)
async def test_pages_join_into_the_whole_list(filled, chosen):
    whole = await numbers(filled, chosen)
    paged, before = [], None
    while page := await numbers(filled, chosen, before=before, limit=2):
        paged += page
        before = (1_000 + page[-1], an_id(page[-1]))
    assert paged == whole


async def test_accounts_do_not_see_each_other(filled):
    assert await numbers(filled, EVERYTHING, "other") == [9, 8, 7]
    assert await numbers(filled, ExecutionFilter(tag="eu"), "other") == [9, 8, 7]
    assert await numbers(filled, ExecutionFilter(statuses=(RUNNING,)), "other") == [9, 8, 7]
    assert await filled.executions.find("other", an_id(1)) is None
    assert await filled.executions.history("other", an_id(1), 0, 10) == ([], False)


async def test_an_account_is_told_which_executions_it_has(filled):
    asked = [an_id(1), an_id(7), an_id(99), an_id(4)]
    assert sorted(await filled.executions.known("default", asked)) == [an_id(1), an_id(4)]
    assert await filled.executions.known("other", asked) == [an_id(7)]
    assert await filled.executions.known("default", []) == []


async def test_a_record_of_another_account_does_not_move_a_projection(filled, lease):
    head = (await filled.journal.heads([1]))[1].position
    foreign = step(7, 3, tenant="default", nodes_done=3)
    await filled.journal.commit(batch_of(write(1, lease, head + 1, foreign)))
    assert (await filled.executions.find("other", an_id(7))).last_seq == 2


async def test_a_history_begins_with_the_row_that_holds_the_next_event(stores, lease):
    records = [start(1), step(1, 3), start(2), step(1, 5)]
    await stores.journal.commit(batch_of(write(1, lease, 1, *records)))

    async def firsts(after_seq, limit=10, *until):
        found = await stores.executions.history("default", an_id(1), after_seq, limit, *until)
        assert all(one == body(an_id(1), last - 1, last) for last, one in found.rows)
        return [last - 1 for last, _ in found.rows], found.more

    assert await firsts(0) == ([1, 3, 5], False)
    assert await firsts(1) == ([1, 3, 5], False)
    assert await firsts(2) == ([3, 5], False)
    assert await firsts(3, limit=1) == ([3], True)
    assert await firsts(5, limit=1) == ([5], False)
    assert await firsts(0, 10, 4) == ([1, 3], False)
    assert await firsts(2, 10, 3) == ([3], False)
    assert await firsts(6) == ([], False)
    assert await firsts(99) == ([], False)


@pytest.mark.parametrize("compress_above", [HISTORY_BYTES_MAX * 2, 0])
async def test_rows_that_come_at_once_are_bounded_by_their_bytes(stores, lease, compress_above):
    third = HISTORY_BYTES_MAX // 3
    sizes = [third, third, third, HISTORY_BYTES_MAX + 1, 10, third]
    records = [start(1), *(step(1, 3 + 2 * at) for at in range(len(sizes) - 1))]
    for record, size in zip(records, sizes, strict=True):
        record.body = bytes(size)
    batch = batch_of(write(1, lease, 1, *records), compress_above=compress_above)
    await stores.journal.commit(batch)
    pages, after, more = [], 0, True
    while more:
        rows, more = await stores.executions.history("default", an_id(1), after, 10)
        pages.append([len(one) for _, one in rows])
        after = rows[-1][0]
    assert pages == [[third, third, third], [HISTORY_BYTES_MAX + 1], [10, third]]


async def test_lists_tell_how_far_live_executions_are(stores, lease):
    await stores.journal.commit(batch_of(write(1, lease, 1, start(1), start(2))))
    steps = [step(1, 3, nodes_total=5, nodes_done=2), step(1, 5, nodes_total=5, nodes_done=4)]
    batch = batch_of(write(1, lease, 3, *steps))
    assert batch.changed == []
    await stores.journal.commit(batch)
    for chosen in (EVERYTHING, ExecutionFilter(statuses=(RUNNING,))):
        rows = await stores.executions.page("default", chosen, None, 10)
        seen = [(row.execution_id, row.nodes_total, row.nodes_done, row.last_seq) for row in rows]
        assert seen == [(an_id(2), 3, 0, 2), (an_id(1), 5, 4, 6)]
