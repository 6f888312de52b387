"""What a commit writes and what it refuses."""

import pytest

from penstock.state.ports import Head, Rejected
from support.state_rows import (
    CANCELLED,
    FAILED,
    an_id,
    batch_of,
    body,
    end,
    start,
    step,
    write,
)


async def test_a_batch_over_shards_is_written_and_advances_their_heads(stores, lease):
    batch = batch_of(write(1, lease, 1, start(1), start(2)), write(2, lease, 1, start(3)))
    assert await stores.journal.commit(batch) == {1, 2}
    assert await stores.journal.heads([1, 2, 3]) == {1: Head(1, 2), 2: Head(1, 1), 3: Head(1, 0)}
    rows = await stores.reader.rows_after(1, 0, 10)
    assert [(row.position, row.execution_id, row.tenant) for row in rows] == [
        (1, an_id(1), "default"),
        (2, an_id(2), "default"),
    ]
    assert rows[0].body == body(an_id(1), 1, 2)


async def test_a_stale_epoch_writes_nothing_of_its_shard_and_all_of_the_others(stores, lease):
    batch = batch_of(write(1, lease - 1, 1, start(1)), write(2, lease, 1, start(2)))
    assert await stores.journal.commit(batch) == {2}
    assert await stores.reader.rows_after(1, 0, 10) == []
    assert await stores.executions.find("default", an_id(1)) is None
    assert await stores.executions.find("default", an_id(2)) is not None


@pytest.mark.parametrize("first_position", [1, 3])
async def test_only_the_next_position_is_written(stores, lease, first_position):
    await stores.journal.commit(batch_of(write(1, lease, 1, start(1))))
    batch = batch_of(write(1, lease, first_position, start(2)))
    assert await stores.journal.commit(batch) == set()
    assert (await stores.journal.heads([1]))[1].position == 1


async def test_a_shard_that_does_not_exist_is_not_written(stores, lease):
    assert await stores.journal.commit(batch_of(write(99, lease, 1, start(1)))) == set()
    assert await stores.journal.heads([99]) == {}


async def test_an_execution_is_not_begun_twice(stores, lease):
    await stores.journal.commit(batch_of(write(1, lease, 1, start(1))))
    with pytest.raises(Rejected):
        await stores.journal.commit(
            batch_of(write(1, lease, 2, start(1)), write(2, lease, 1, start(2)))
        )
    assert await stores.journal.heads([1, 2]) == {1: Head(1, 1), 2: Head(1, 0)}


async def test_large_bodies_come_back_as_they_were(stores, lease):
    large = start(1, padding=50_000)
    await stores.journal.commit(batch_of(write(1, lease, 1, large, start(2))))
    rows = await stores.reader.rows_after(1, 0, 10)
    assert rows[0].body == large.body
    assert rows[1].body == start(2).body


async def test_records_of_one_execution_in_one_batch_make_one_projection(stores, lease):
    records = [start(1, tags=["a"]), step(1, 3), end(1, 5)]
    await stores.journal.commit(batch_of(write(1, lease, 1, *records)))
    row = await stores.executions.find("default", an_id(1))
    assert (row.status, row.last_seq, row.nodes_done, row.workflow, row.tags) == (
        2, 6, 3, "orders", ["a"],
    )  # fmt: skip
    assert (await stores.reader.load_live(1, None, 10)).bodies == []


async def test_a_projection_follows_its_journal(stores, lease):
    await stores.journal.commit(batch_of(write(1, lease, 1, start(1))))
    await stores.journal.commit(batch_of(write(1, lease, 2, step(1, 3, nodes_done=2))))
    row = await stores.executions.find("default", an_id(1))
    assert (row.status, row.last_seq, row.nodes_done, row.finished_us) == (1, 4, 2, 0)
    await stores.journal.commit(
        batch_of(write(1, lease, 3, end(1, 5, FAILED, failure_reason="HTTP_STATUS")))
    )
    row = await stores.executions.find("default", an_id(1))
    assert (row.status, row.finished_us, row.failure_reason) == (FAILED, 9_000, "HTTP_STATUS")
    assert (row.workflow, row.started_us) == ("orders", 1_001)


async def test_texts_that_the_database_cannot_hold_are_made_fit(stores, lease):
    record = start(1, tags=["a\x1fb\x00", "", "a\x1eb"], failure_reason="\x00\x1e")
    await stores.journal.commit(batch_of(write(1, lease, 1, record)))
    row = await stores.executions.find("default", an_id(1))
    assert row.tags == ["a b\ufffd", "", "a b"]
    assert row.failure_reason == "\ufffd "


async def test_only_live_executions_of_the_shard_are_loaded_in_order_and_by_pages(stores, lease):
    await stores.journal.commit(batch_of(write(1, lease, 1, start(2), start(1), start(3))))
    await stores.journal.commit(
        batch_of(
            write(1, lease, 4, step(1, 3), step(2, 3), end(3, 3, CANCELLED)),
            write(2, lease, 1, start(4)),
        )
    )
    bodies, after = [], None
    while True:
        page = await stores.reader.load_live(1, after, 1)
        bodies += page.bodies
        if page.after is None:
            break
        after = page.after
    assert bodies == [body(an_id(n), first, first + 1) for n in (1, 2) for first in (1, 3)]


async def test_rows_worth_telling_are_live_ones_and_recent_ones(stores, lease):
    first = write(1, lease, 1, start(1), start(2), end(2, 3), start(3), end(3, 3))
    await stores.journal.commit(batch_of(first))
    rows = await stores.reader.rows_worth_telling(1, 0, 10, 4)
    assert [row.position for row in rows] == [1, 4, 5]
    assert [r.position for r in await stores.reader.rows_worth_telling(1, 1, 1, 4)] == [4]
    assert [r.position for r in await stores.reader.rows_after(1, 3, 1)] == [4]
