"""Who may write a shard."""

import pytest

from penstock.common.errors import Fenced
from penstock.state.ports import Granted, Lease


async def test_members_see_each_other_and_what_is_held(stores):
    await stores.leases.join("b", "h:2", 5_000)
    await stores.leases.join("a", "h:1", 5_000)
    await stores.leases.acquire("a", [3, 1])
    seen = await stores.leases.join("b", "h:2", 5_000)
    assert seen.members == [("a", "h:1"), ("b", "h:2")]
    assert seen.leases == [Lease(1, "a", 1), Lease(3, "a", 1)]


async def test_a_held_shard_is_not_granted_to_another(stores):
    for name in ("a", "b"):
        await stores.leases.join(name, "h:1", 5_000)
    assert await stores.leases.acquire("a", [1, 2]) == [Granted(1, 1, 0), Granted(2, 1, 0)]
    assert await stores.leases.acquire("b", [2, 3]) == [Granted(3, 1, 0)]


async def test_taking_an_own_shard_again_gives_a_new_epoch(stores):
    await stores.leases.join("a", "h:1", 5_000)
    await stores.leases.acquire("a", [1])
    assert await stores.leases.acquire("a", [1]) == [Granted(1, 2, 0)]


async def test_a_silent_member_loses_its_shards_under_a_new_epoch(stores):
    await stores.leases.join("a", "h:1", 5_000)
    await stores.leases.acquire("a", [1])
    await stores.let_time_pass(5_001)
    seen = await stores.leases.join("b", "h:2", 5_000)
    assert seen.members == [("b", "h:2")]
    assert seen.leases == []
    assert await stores.leases.acquire("b", [1]) == [Granted(1, 2, 0)]


async def test_renewing_keeps_the_leases(stores):
    await stores.leases.join("a", "h:1", 5_000)
    await stores.leases.acquire("a", [1])
    await stores.let_time_pass(4_000)
    await stores.leases.join("a", "h:1", 5_000)
    await stores.let_time_pass(4_000)
    assert (await stores.leases.join("b", "h:2", 5_000)).leases == [Lease(1, "a", 1)]


async def test_who_has_not_joined_gets_nothing(stores):
    with pytest.raises(Fenced):
        await stores.leases.acquire("a", [1])
    await stores.leases.join("a", "h:1", 5_000)
    await stores.let_time_pass(5_001)
    with pytest.raises(Fenced):
        await stores.leases.acquire("a", [1])


async def test_released_shards_are_free_at_once(stores):
    for name in ("a", "b"):
        await stores.leases.join(name, "h:1", 5_000)
    await stores.leases.acquire("a", [1, 2])
    await stores.leases.release("b", [2])
    await stores.leases.release("a", [1])
    assert await stores.leases.acquire("b", [1, 2]) == [Granted(1, 2, 0)]


async def test_that_nothing_runs_is_told_once_and_of_the_lease_it_is_true_of(stores):
    for name in ("a", "b"):
        await stores.leases.join(name, "h:1", 5_000)
    await stores.leases.acquire("a", [1, 2, 3])
    await stores.leases.release("b", [1], {1: 1})
    await stores.leases.release("a", [1, 2, 3], {1: 1, 2: 7})
    taken = await stores.leases.acquire("b", [1, 2, 3])
    assert taken == [Granted(1, 2, 0, True), Granted(2, 2, 0), Granted(3, 2, 0)]
    await stores.leases.release("b", [1])
    assert await stores.leases.acquire("a", [1]) == [Granted(1, 3, 0)]


async def test_who_leaves_gives_everything_back(stores):
    for name in ("a", "b"):
        await stores.leases.join(name, "h:1", 5_000)
    await stores.leases.acquire("a", [1])
    seen = await stores.leases.leave("a")
    assert (seen.members, seen.leases) == ([("b", "h:1")], [])
    assert await stores.leases.acquire("b", [1]) == [Granted(1, 2, 0)]


async def test_shards_that_do_not_exist_are_not_granted(stores):
    await stores.leases.join("a", "h:1", 5_000)
    granted = await stores.leases.acquire("a", [1])
    assert [one.shard for one in granted] == [1]
