"""Whatever dies, at whatever point of a run: the execution ends as it would have, and its journal
keeps every promise.

The same flow runs again and again under the same seed. In run k a process (or two at once) dies
just before point k: a message sent or taken, a commit, an effect. What it knew is lost, what is on
disk stays, a new one comes up. All points at which the victim takes part are tried.

A failure names flow, seed, point and victims; `crashed(...)` with these replays it.
"""

import pytest

from support.simulated.effort import EFFORT
from support.simulated.flows import FIXED, flow
from support.simulated.world import Crash, World

pytestmark = [
    pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning"),
    pytest.mark.timeout(600 * EFFORT),
]

VICTIMS = (
    ("worker",),
    ("coordinator",),
    ("sandbox",),
    ("state",),
    ("worker", "coordinator"),
    ("worker", "sandbox"),
)
SEEDS = tuple(range(EFFORT))
"""Seed 0 is a calm cluster, in which every message takes the same time."""


def crashed(name: str, seed: int, crash: Crash | None) -> World:
    """One run of a fixed flow."""
    source = flow(name, FIXED[name])
    return World(seed, {name: source}, calm=seed == 0).run({"key": name}, crash)


def is_uncertain(world: World) -> bool:
    """An effect may have happened and must not be repeated: then the execution says so."""
    failure = world.end("key").failure
    return failure is not None and failure.reason == "EFFECT_UNCERTAIN"


def judge(name: str, seed: int, crash: Crash, wanted: object) -> None:
    world = crashed(name, seed, crash)
    replay = f"crashed({name!r}, {seed}, {crash})"
    world.check(replay)
    if not (name == "once" and is_uncertain(world)):
        end = world.end("key")
        assert (end.status, end.output) == wanted, f"{replay}\n" + "\n".join(world.fabric.trail)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("victims", VICTIMS, ids=" and ".join)
@pytest.mark.parametrize("name", FIXED)
def test_it_ends_as_it_would_have(name: str, victims: tuple[str, ...], seed: int) -> None:
    whole = crashed(name, seed, None)
    whole.check(f"crashed({name!r}, {seed}, None)")
    end = whole.end("key")
    points = [
        at
        for at, what in enumerate(whole.fabric.trail, 1)
        if any(victim in what for victim in victims) and "Join" not in what
    ]
    for at in points:
        judge(name, seed, Crash(at, victims), (end.status, end.output))


if EFFORT > 1:  # takes minutes; PENSTOCK_EFFORT=2 tries every callback

    @pytest.mark.parametrize("victims", VICTIMS, ids=" and ".join)
    @pytest.mark.parametrize("name", FIXED)
    def test_between_two_points_it_makes_no_difference(name: str, victims: tuple[str, ...]) -> None:
        whole = crashed(name, 0, None)
        end = whole.end("key")
        for step in range(1, whole.steps + 1):
            judge(name, 0, Crash(step, victims, steps=True), (end.status, end.output))
