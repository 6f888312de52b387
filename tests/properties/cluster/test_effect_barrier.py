"""An outcome is committed before the effect that follows it, whatever dies or breaks meanwhile.

Real workers and a real coordinator run random graphs of pure, `idempotent` and `once` nodes. Who
watches the outside world sees each effect at the instant it happens and holds it against what is on
disk at that instant: the attempt, the outcomes of all parents, all that the segment did before. See
`EffectWatch` for the promises and `World.check` for the rest.
"""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.simulated.effort import EFFORT, examples
from support.simulated.flows import FIXED, flow, random_flow
from support.simulated.mischief import BREAKS, CANCELS, DEATHS, LEASES, Mischief
from support.simulated.world import World

pytestmark = [
    pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning"),
    pytest.mark.timeout(600 * EFFORT),
]


def lived_through(seed: int, kinds: tuple[str, ...], near: str = "") -> World:
    """One to four executions of random flows, and a few things that go wrong."""
    rng = Random(seed)
    flows = {name: random_flow(rng, name) for name in ("one", "other")}
    starts = {f"k{at}": rng.choice(("one", "other")) for at in range(rng.randint(1, 4))}
    rate = 0.3 if near else 0.03
    mischief = Mischief(seed, kinds or LEASES, times=rng.randint(1, 4), rate=rate, near=near)
    world = World(seed, flows, workers=rng.choice((1, 2)), mischief=mischief if kinds else None)
    return world.run(starts)


@examples(30)
@given(st.integers(0, 2**32))
def test_no_effect_happens_before_all_that_led_to_it_is_on_disk(seed: int) -> None:
    lived_through(seed, ()).check(f"lived_through({seed}, ())")


@examples(90)
@given(st.integers(0, 2**32))
def test_nor_when_processes_die_and_connections_break(seed: int) -> None:
    kinds = DEATHS + BREAKS + LEASES
    lived_through(seed, kinds).check(f"lived_through({seed}, {kinds})")


@examples(60)
@given(st.integers(0, 2**32), st.sampled_from(("RunResponse", "gets WorkRe", "AppendRequest")))
def test_nothing_acts_without_leave_or_after_it_was_told_to_stop(seed: int, near: str) -> None:
    kinds = CANCELS + LEASES
    lived_through(seed, kinds, near).check(f"lived_through({seed}, {kinds}, {near!r})")


def test_segments_do_go_on_past_barriers_and_are_refused_at_some() -> None:
    world = World(0, {"acting": flow("acting", FIXED["acting"])}, calm=True)
    world.run({"key": "acting"}).check("acting, calm")
    assert world.effects.barriers == 2
    assert [effect.ordinal for effect in world.outside.effects] == [1, 1, 2]
    stopped = (lived_through(seed, CANCELS + LEASES, "RunResponse") for seed in range(200))
    assert any(one.effects.refusals for one in stopped)
