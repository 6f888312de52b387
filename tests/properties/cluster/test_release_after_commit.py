"""Nothing leaves a coordinator before the commit it rests on was answered.

The real core and shell decide over a journal that takes its time: several appends in flight, cut at
any size, answered late, sent again after a broken connection, refused after a lost lease.
`ReleaseWatch` keeps, for each coordinator, what it was answered, and holds every task, every answer
to a report and every answer to a caller against it.
"""

from random import Random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from support.simulated.effort import EFFORT, examples, small_turns
from support.simulated.flows import random_flow
from support.simulated.mischief import LEASES, Mischief
from support.simulated.world import World

pytestmark = [
    pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning"),
    pytest.mark.timeout(600 * EFFORT),
]

STUMBLES = (
    *LEASES,
    *LEASES,
    "break coordinator state",
    "kill state",
    "kill coordinator",
    "break worker coordinator",
)


def lived_through(seed: int, times: int) -> World:
    """Up to a dozen executions at once, with turns of any size."""
    rng = Random(seed)
    flows = {name: random_flow(rng, name) for name in ("one", "two", "three")}
    starts = {f"k{at}": rng.choice(tuple(flows)) for at in range(rng.randint(2, 12))}
    mischief = Mischief(seed, STUMBLES, times=times, rate=0.02)
    settings = {"appends_in_flight": rng.randint(1, 4), "segments": rng.random() < 0.6}
    world = World(seed, flows, workers=2, settings=settings, mischief=mischief)
    with small_turns(rng):
        return world.run(starts)


@examples(70)
@example(1601, 4)  # a refused report of which a copy was on its way
@given(st.integers(0, 2**32), st.integers(0, 5))
def test_no_task_and_no_answer_before_the_answer_of_the_journal(seed: int, times: int) -> None:
    lived_through(seed, times).check(f"lived_through({seed}, {times})")


def test_several_appends_are_in_flight_and_some_are_refused() -> None:
    worlds = [lived_through(seed, 5) for seed in range(6)]
    assert max(world.releases.depth for world in worlds) > 2
    assert sum(world.releases.fenced for world in worlds) > 0
    assert sum(world.disk.repeats for world in worlds) > 0
