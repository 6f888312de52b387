"""The order in which attempts of different urgency and of different tenants go."""

from itertools import groupby

import pytest

from penstock.coordinator.queueing.kinds import Kind
from penstock.coordinator.queueing.queue import QUANTUM, FairRules, KindQueue
from penstock.workflow.policies import PRIORITY_USUAL

AGEING_S = 30.0


class Entry:
    def __init__(self, name: str, since: float = 0.0) -> None:
        self.name = name
        self.since = since


def queue_of(weights: dict[str, float] | None = None) -> KindQueue[Entry]:
    return KindQueue(Kind("default", "js@1"), "a", FairRules(AGEING_S, weights or {}), 0)


def add(queue, name, level=PRIORITY_USUAL, *, tenant="a", due=0.0, since=0.0, count=1):
    queue.add(Entry(name, since), count, tenant, level, due)


def take(queue: KindQueue[Entry], now: float = 0.0) -> str:
    entry = queue.peek(now)
    assert entry is not None
    queue.took(1, all_of_it=True)
    return entry.name


def take_all(queue: KindQueue[Entry], now: float = 0.0) -> list[str]:
    return [take(queue, now) for _ in range(queue.depth)]


def test_the_most_urgent_goes_first_and_equals_in_the_order_of_coming():
    queue = queue_of()
    for name, level in (("low", 2), ("one", 5), ("critical", 9), ("two", 5)):
        add(queue, name, level)
    assert take_all(queue) == ["critical", "one", "two", "low"]


def test_within_a_level_the_earliest_deadline_goes_first_and_none_last():
    queue = queue_of()
    add(queue, "no deadline")
    add(queue, "late", due=200.0)
    add(queue, "soon", due=100.0)
    add(queue, "urgent but later", 6, due=900.0)
    assert take_all(queue) == ["urgent but later", "soon", "late", "no deadline"]


def test_one_that_waits_climbs_a_level_at_a_time():
    queue = queue_of()
    add(queue, "old and low", 3, since=0.0)
    add(queue, "fresh and high", 5, since=2 * AGEING_S - 1)
    assert queue.peek(2 * AGEING_S - 1).name == "fresh and high"
    assert queue.peek(2 * AGEING_S + 1).name == "old and low"


def test_what_waited_in_the_plain_row_keeps_its_place():
    queue = queue_of()
    for name in ("one", "two"):
        queue.row.append(Entry(name))
        queue.depth += 1
    add(queue, "three")
    add(queue, "urgent", 8)
    assert take_all(queue) == ["urgent", "one", "two", "three"]
    assert not queue


def test_a_wide_one_goes_behind_its_equals_after_each_part():
    queue = queue_of()
    add(queue, "wide", 7, count=3)
    add(queue, "narrow", 7)
    add(queue, "low", 1)
    order = []
    while queue:
        entry = queue.peek(0.0)
        order.append(entry.name)
        wide_left = entry.name == "wide" and order.count("wide") < 3
        queue.took(1, all_of_it=not wide_left)
    assert order == ["wide", "narrow", "wide", "wide", "low"]


def test_tenants_take_turns_whatever_they_queue_and_however_urgent_they_say_it_is():
    queue = queue_of()
    for n in range(10 * QUANTUM):
        add(queue, f"greedy {n}", 9, tenant="greedy")
    for n in range(2 * QUANTUM):
        add(queue, f"modest {n}", 1, tenant="modest")
    order = [name.split()[0] for name in take_all(queue)]
    runs = [(who, len(list(run))) for who, run in groupby(order)]
    assert runs[:4] == [(who, QUANTUM) for who in ("greedy", "modest") * 2]


def test_a_tenant_with_more_weight_has_a_larger_share():
    queue = queue_of({"heavy": 3.0})
    for n in range(400):
        add(queue, f"heavy {n}", tenant="heavy")
        add(queue, f"light {n}", tenant="light")
    first = [name.split()[0] for name in take_all(queue)[: 8 * QUANTUM]]
    assert first.count("heavy") == 3 * first.count("light")


def test_what_was_void_is_not_charged_to_its_tenant():
    queue = queue_of()
    for n in range(QUANTUM):
        add(queue, f"void {n}", tenant="a")
        add(queue, f"b {n}", tenant="b")
    add(queue, "a at last", tenant="a")
    for _ in range(QUANTUM):
        queue.peek(0.0)
        queue.took(1, all_of_it=True, charged=False)
    assert take(queue) == "a at last"


@pytest.mark.parametrize("tenant", ["a", "b"])
def test_depth_and_age_are_known_for_each_tenant(tenant):
    queue = queue_of()
    add(queue, "one", tenant="a", since=4.0, count=5)
    add(queue, "two", tenant="b", since=7.0, count=2)
    assert queue.depth == 7
    assert queue.depth_of(tenant) == {"a": 5, "b": 2}[tenant]
    assert queue.oldest(tenant) == {"a": 4.0, "b": 7.0}[tenant]
    assert queue.oldest() == 4.0
    assert queue.depth_of("nobody") == 0
    assert queue.oldest("nobody") is None
