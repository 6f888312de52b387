"""Which worker gets what, and who has which shard."""

from collections import Counter

import msgspec
import pytest

from penstock.coordinator.shell.placement import (
    CHUNK_MAX,
    WIDE_CHILDREN,
    chunk_size,
    may_continue,
    roomiest,
)
from penstock.coordinator.shell.rendezvous import owner_of, shards_of
from penstock.workflow.execution.values import NodeRef
from penstock.workflow.plan import NodePlan, Plan


class Worker(msgspec.Struct):
    free: int


def test_the_worker_with_most_room_is_chosen_the_first_of_equals():
    workers = [Worker(1), Worker(5), Worker(5)]
    assert roomiest(workers) is workers[1]


def test_nobody_is_chosen_when_nobody_has_room():
    assert roomiest([Worker(0), Worker(-3)]) is None


@pytest.mark.parametrize(
    ("waiting", "workers", "free", "expected"),
    [(10, 2, 100, 5), (11, 2, 100, 6), (1_000, 2, 500, CHUNK_MAX), (10, 1, 3, 3), (1, 4, 9, 1)],
)
def test_a_chunk_is_a_fair_share_within_the_room(waiting, workers, free, expected):
    assert chunk_size(waiting, workers, free) == expected


def plan_with_children(count: int) -> Plan:
    nodes = [NodePlan(0, "a", "js@1", children=tuple(range(1, count + 1)))]
    return Plan("p", "h", tuple(nodes), 0)


def test_a_worker_goes_on_unless_the_node_fans_out_wide():
    ref = (NodeRef(0),)
    assert may_continue(plan_with_children(WIDE_CHILDREN), ref)
    assert not may_continue(plan_with_children(WIDE_CHILDREN + 1), ref)
    assert not may_continue(plan_with_children(WIDE_CHILDREN + 1), ref * 2)


def test_every_shard_has_one_owner_whatever_the_order_of_members():
    members = ["a", "b", "c"]
    for shard in range(64):
        assert owner_of(shard, members) == owner_of(shard, members[::-1])
    spread = [shards_of(member, members, 64) for member in members]
    assert sorted(s for own in spread for s in own) == list(range(64))


def test_shards_spread_evenly():
    counts = Counter(owner_of(shard, [f"m{n}" for n in range(4)]) for shard in range(1024))
    assert min(counts.values()) > 150


def test_a_leaving_member_moves_only_its_own_shards():
    before = {shard: owner_of(shard, ["a", "b", "c"]) for shard in range(256)}
    after = {shard: owner_of(shard, ["a", "b"]) for shard in range(256)}
    assert all(after[s] == owner for s, owner in before.items() if owner != "c")


def test_a_stranger_has_no_shards():
    assert shards_of("x", ["a", "b"], 64) == frozenset()
