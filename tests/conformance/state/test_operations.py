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


async def test_whoever_takes_a_shard_finds_what_goes_on(stores):
    for number, shard in ((1, 1), (2, 2), (3, 1), (4, 1)):
        await stores.operations.create(stored(number, "a" if number == 3 else "b"), shard)
    ended = stored(4, "b")
    ended.operation.state = OPERATION_STATE_COMPLETED
    await stores.operations.save(ended)
    found = await stores.operations.open_of([1])
    assert [(each.tenant, each.operation.id) for each in found] == [
        ("b", an_id(1)),
        ("a", an_id(3)),
    ]
