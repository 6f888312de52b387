"""The table of operations: created once, written by one, listed by account and by shard."""

from penstock.api.operation.v1.operation_service_pb2 import (
    OPERATION_STATE_COMPLETED,
    OPERATION_STATE_RUNNING,
    Operation,
    StoredOperation,
)
from support.state_rows import an_id


def stored(number, tenant="default"):
    operation = Operation(
        id=an_id(number), state=OPERATION_STATE_RUNNING, created_unix_us=1_000 + number
    )
    return StoredOperation(tenant=tenant, operation=operation, revision=1)


async def test_an_id_is_created_once(stores):
    assert await stores.operations.create(stored(1), 3)
    assert not await stores.operations.create(stored(1), 3)
    assert await stores.operations.find("default", an_id(1)) == stored(1)
    assert await stores.operations.find("other", an_id(1)) is None
    assert await stores.operations.find("default", an_id(2)) is None


async def test_of_two_writers_one_is_refused(stores):
    await stores.operations.create(stored(1), 3)
    mine, theirs = stored(1), stored(1)
    mine.operation.done, theirs.operation.done = 5, 7
    assert await stores.operations.save(mine) == 2
    assert await stores.operations.save(theirs) == 0
    found = await stores.operations.find("default", an_id(1))
    assert (found.operation.done, found.revision) == (5, 2)
    found.tenant = "other"
    assert await stores.operations.save(found) == 0


async def test_pages_are_newest_first_within_an_account(stores):
    for number in range(1, 6):
        await stores.operations.create(stored(number, "other" if number == 3 else "default"), 1)
    first = await stores.operations.page("default", None, 2)
    assert [each.operation.id for each in first] == [an_id(5), an_id(4)]
    rest = await stores.operations.page("default", (1_004, an_id(4)), 10)
    assert [each.operation.id for each in rest] == [an_id(2), an_id(1)]


async def test_those_that_ended_long_ago_are_erased_a_few_at_a_time_the_oldest_first(stores):
    table = stores.operations
    for number, ended_us in ((1, 5_000), (2, 4_000), (3, 6_000), (4, 0), (5, 4_500)):
        await table.create(stored(number, "other" if number == 5 else "default"), 1)
        if ended_us:
            await end_at(table, number, ended_us)
    assert await table.count_ended("default", 5_000) == 2
    assert await table.count_ended(None, 5_000) == 3
    assert await table.erase_ended(5_000, 2) == 2
    assert await left(table) == [1, 3, 4]
    assert await table.erase_ended(5_000, 2) == 1
    assert await table.erase_ended(5_000, 2) == 0
    assert await left(table) == [3, 4]
    assert await table.create(stored(1), 1)


async def end_at(table, number, ended_us):
    ended = stored(number, "other" if number == 5 else "default")
    ended.operation.state = OPERATION_STATE_COMPLETED
    ended.operation.ended_unix_us = ended_us
    assert await table.save(ended)


async def left(table):
    found = [
        await table.find(tenant, an_id(number))
        for number in range(1, 6)
        for tenant in ("default", "other")
    ]
    return [int(each.operation.id[3:]) for each in found if each is not None]


async def test_whoever_takes_a_shard_finds_what_goes_on(stores):
    for number, shard in ((1, 1), (2, 2), (3, 1), (4, 1)):
        await stores.operations.create(stored(number, "a" if number == 3 else "b"), shard)
    ended = stored(4, "b")
    ended.operation.state = OPERATION_STATE_COMPLETED
    await stores.operations.save(ended)
    found = await stores.operations.open_of([1], "", 10)
    assert [(each.tenant, each.operation.id) for each in found] == [
        ("b", an_id(1)),
        ("a", an_id(3)),
    ]
    for after, limit, wanted in (("", 1, [1]), (an_id(1), 1, [3]), (an_id(3), 1, [])):
        found = await stores.operations.open_of([1], after, limit)
        assert [each.operation.id for each in found] == [an_id(number) for number in wanted]
