"""Whatever comes in whatever order: nothing starves or is lost, and tenants have their shares."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from penstock.coordinator.queueing.kinds import Kind
from penstock.coordinator.queueing.queue import QUANTUM, FairRules, KindQueue
from penstock.workflow.policies import PRIORITY_MAX

AGEING_S = 10.0
TENANTS = ("a", "b", "c")


class Entry:
    def __init__(self, number: int, tenant: str, level: int, since: float, count: int) -> None:
        self.number, self.tenant, self.level = number, tenant, level
        self.since, self.count = since, count


arrivals = st.lists(
    st.tuples(
        st.sampled_from(TENANTS),
        st.integers(0, PRIORITY_MAX),
        st.sampled_from((0.0, 0.0, 50.0, 500.0)),
        st.integers(1, 40),
        st.sampled_from((0.0, 0.5, 3.0, 40.0)),
    ),
    min_size=1,
    max_size=60,
)
weights = st.fixed_dictionaries(
    {}, optional={name: st.sampled_from((0.5, 2.0)) for name in TENANTS}
)


def fill(queue: KindQueue[Entry], coming, now: float = 0.0) -> tuple[list[Entry], float]:
    entries = []
    for number, (tenant, level, due_in, count, pause) in enumerate(coming):
        now += pause
        entries.append(Entry(number, tenant, level, now, count))
        due = now + due_in if due_in else 0.0
        queue.add(entries[-1], count, tenant, level, due)
    return entries, now


def serve(queue: KindQueue[Entry], now: float, most: int) -> tuple[Entry, int]:
    entry = queue.peek(now)
    assert entry is not None
    count = min(most, entry.count)
    entry.count -= count
    queue.took(count, all_of_it=not entry.count)
    return entry, count


@given(arrivals, weights, st.integers(1, 40))
def test_everything_that_was_queued_comes_out_once(coming, shares, most):
    queue: KindQueue[Entry] = KindQueue(Kind("p", "t"), "a", FairRules(AGEING_S, shares), 0)
    entries, now = fill(queue, coming)
    wanted = {entry.number: entry.count for entry in entries}
    given_out: Counter[int] = Counter()
    while queue:
        entry, count = serve(queue, now, most)
        given_out[entry.number] += count
        assert queue.depth == sum(one.count for one in entries)
        assert queue.depth == sum(queue.depth_of(tenant) for tenant in TENANTS)
    assert given_out == wanted
    assert queue.depth == 0


@given(arrivals, st.integers(1, 32))
def test_one_is_overtaken_only_by_what_came_soon_enough_after_it(coming, most):
    """Within a tenant, in its line's own order."""
    one_tenant = [("a", *rest) for _, *rest in coming]
    queue: KindQueue[Entry] = KindQueue(Kind("p", "t"), "a", FairRules(AGEING_S, {}), 0)
    entries, now = fill(queue, [(t, level, 0.0, 1, pause) for t, level, _, _, pause in one_tenant])
    left = {entry.number: entry for entry in entries}
    while queue:
        chosen, _ = serve(queue, now, most)
        del left[chosen.number]
        for other in left.values():
            levels = chosen.level - other.level
            assert chosen.since <= other.since + (levels + 1) * AGEING_S


@given(arrivals.map(lambda some: some[:12]), st.integers(8, 32))
def test_a_stream_of_the_most_urgent_does_not_starve_the_least(coming, most):
    """One comes and one is served in the time in which those that wait climb a level. A wide one
    has a part each time all that piled up at its level had one."""
    queue: KindQueue[Entry] = KindQueue(Kind("p", "t"), "a", FairRules(AGEING_S, {}), 0)
    entries, now = fill(queue, [("a", *rest) for _, *rest in coming])
    parts = sum(-(-entry.count // most) for entry in entries)
    rounds = 0
    while any(entry.count for entry in entries):
        queue.add(Entry(-1, "a", 9, now, most), most, "a", 9, 0.0)
        serve(queue, now, most)
        now += AGEING_S
        rounds += 1
        assert rounds <= (parts + 12) ** 2


@given(
    st.lists(st.integers(1, 32), min_size=1, max_size=200),
    st.tuples(st.sampled_from((0.5, 1.0, 4.0)), st.sampled_from((0.5, 1.0, 4.0))),
)
def test_of_two_that_always_want_more_each_gets_its_share(chunks, shares):
    rules = FairRules(AGEING_S, dict(zip("ab", shares, strict=True)))
    queue: KindQueue[Entry] = KindQueue(Kind("p", "t"), "a", rules, 0)
    for tenant in "ab":
        queue.add(Entry(0, tenant, 5, 0.0, 10**6), 10**6, tenant, 5, 0.0)
    had: Counter[str] = Counter()
    for chunk in chunks:
        entry, count = serve(queue, 0.0, chunk)
        had[entry.tenant] += count
        apart = abs(had["a"] / shares[0] - had["b"] / shares[1])
        assert apart <= QUANTUM + 32 / min(shares)
