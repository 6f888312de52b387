"""Whatever dies, at whatever point: a sub-workflow is started once, its end reaches its node once,
and nothing that was given up goes on.

As in `test_crashes_at_every_point`, with flows that start other flows.
"""

import pytest

from penstock.workflow.execution.values import ExecutionStatus
from support.simulated.effort import EFFORT
from support.simulated.flows import Nodes, flow, js
from support.simulated.world import Crash, World

pytestmark = [
    pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning"),
    pytest.mark.timeout(600 * EFFORT),
]

STRIDE = max(1, 4 // EFFORT)
"""Every so many points one is tried; PENSTOCK_EFFORT=4 tries them all."""


def sub(*needs: object, of: str, **more: object) -> dict[str, object]:
    """A node that runs another flow."""
    return {"needs": list(needs), "uses": "workflow@1", "with": {"workflow": of}, **more}


LEAF = flow("leaf", {"a": js(), "b": js("a", calls=1)})
BAD = flow("bad", {"a": js(throws=99)})
ALARM = flow("alarm", {"a": js(calls=1)})
FAMILIES: dict[str, tuple[Nodes, dict[str, object]]] = {
    "one": ({"a": js(), "b": sub("a", of="leaf"), "c": js("b")}, {}),
    "several": (
        {
            "a": js(),
            "b": sub("a", of="leaf", for_each="${{ params.list }}", max_parallel=2),
            "c": sub("a", of="bad", on_error="continue"),
            "d": js("b", "c"),
        },
        {},
    ),
    "unknown": ({"a": sub(of="nowhere", on_error="continue"), "b": js("a")}, {}),
    "failing": ({"a": js(), "b": sub("a", of="bad")}, {"on_failure": {"workflow": "alarm"}}),
    "tidied": ({"a": sub(of="bad"), "b": js(calls=1)}, {"on_failure": "b"}),
}


def lived(name: str, seed: int, crash: Crash | None) -> World:
    """One run of a family."""
    nodes, more = FAMILIES[name]
    flows = {name: flow(name, nodes, **more), "leaf": LEAF, "bad": BAD, "alarm": ALARM}
    return World(seed, flows, calm=seed == 0, to_the_last=True).run({"key": name}, crash)


@pytest.mark.parametrize("victims", [("coordinator",), ("state",), ("worker", "coordinator")])
@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_ends_as_it_would_have(name: str, victims: tuple[str, ...]) -> None:
    whole = lived(name, 0, None)
    whole.check(f"lived({name!r}, 0, None)")
    end = whole.end("key")
    points = [
        at
        for at, what in enumerate(whole.fabric.trail, 1)
        if any(victim in what for victim in victims) and "Join" not in what
    ]
    for at in points[::STRIDE]:
        crash = Crash(at, victims)
        world = lived(name, 0, crash)
        world.check(f"lived({name!r}, 0, {crash})")
        assert len(world.disk.histories) == len(whole.disk.histories), crash
        assert world.end("key").status == end.status, crash
        if name == "one":  # failures name executions, whose ids depend on lost attempts
            assert world.end("key").output == end.output, crash


def test_the_families_come_to_what_they_should() -> None:
    ends = {name: lived(name, 0, None).end("key").status for name in FAMILIES}
    good, bad = ExecutionStatus.COMPLETED, ExecutionStatus.FAILED
    assert ends == {"one": good, "several": good, "unknown": good, "failing": bad, "tidied": bad}


@pytest.mark.parametrize("seed", range(1, 1 + 12 * EFFORT))
def test_a_cancel_at_any_time_leaves_nobody_behind(seed: int) -> None:
    """The parent is cancelled at a random point; whatever it had started ends too."""
    nodes, more = FAMILIES["several"]
    flows = {"several": flow("several", nodes, **more), "leaf": LEAF, "bad": BAD}

    def mischief(world: World, what: str) -> None:
        if world.fabric.rng.random() < 0.01 and "key" in world.started and not world.asked:
            world.asked = True
            world.fabric.born("client").spawn(world.cancel(world.started["key"]))

    world = World(seed, flows, mischief=mischief, to_the_last=True).run({"key": "several"})
    world.check(f"seed {seed}")
