"""However executions are batched and interleaved, each comes to what it comes to alone.

Many executions share coordinator, workers and sandbox. Turn sizes, appends in flight, delays, and
with them the sizes of all batches are drawn; connections break, so that reports and appends are
said again; some messages of workers arrive twice. Afterwards every journal, read back through the
codec, folds to the outcomes of the same flow run by itself on a calm cluster.
"""

from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.api.dispatch.v1.dispatch_service_pb2 import WorkRequest
from penstock.workflow.execution.fold import ExecutionState
from support.simulated.effort import EFFORT, examples, small_turns
from support.simulated.flows import FIXED, flow, random_flow
from support.simulated.mischief import BREAKS, Mischief
from support.simulated.world import World

pytestmark = [
    pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning"),
    pytest.mark.timeout(600 * EFFORT),
]

SURE = tuple(name for name in FIXED if name != "once")
"""Flows whose outcome does not depend on what is lost on the way."""


def comes_to(world: World, key: str) -> dict[str, Any]:
    """What an execution came to, as a reader of its journal sees it."""
    state = ExecutionState(world.effects.disk[world.started[key]].plan, True)
    for _, first_seq, at_us, events in world.journal(key):
        assert first_seq == state.seq + 1, "a gap in the sequence (I7)"
        state.apply_batch(events, first_seq, at_us)
    end = world.end(key)
    return {
        "statuses": list(state.status),
        "outputs": dict(state.outputs),
        "end": (end.status, end.output, end.node),
    }


def alone(flows: dict[str, str]) -> dict[str, dict[str, Any]]:
    """What each flow comes to by itself."""
    found = {}
    for name, source in flows.items():
        world = World("alone", {name: source}, calm=True).run({name: name})
        world.check(f"alone({name})")
        found[name] = comes_to(world, name)
    return found


def together(seed: int, flows: dict[str, str], times: int) -> tuple[World, dict[str, str]]:
    """Up to twenty executions at once; connections break `times` times."""
    rng = Random(seed)
    starts = {f"k{at}": rng.choice(tuple(flows)) for at in range(rng.randint(5, 20))}
    settings = {"appends_in_flight": rng.randint(1, 4)}
    mischief = Mischief(seed, BREAKS, times=times, rate=0.01)
    world = World(seed, flows, workers=2, settings=settings, mischief=mischief)
    world.fabric.repeated = WorkRequest if rng.random() < 0.5 else None
    with small_turns(rng):
        return world.run(starts), starts


@examples(20)
@given(st.integers(0, 2**32), st.integers(0, 4))
def test_fixed_flows_come_to_the_same_together_as_alone(seed: int, times: int) -> None:
    flows = {name: flow(name, FIXED[name]) for name in SURE}
    world, starts = together(seed, flows, times)
    world.check(f"together({seed}, flows, {times})")
    wanted = alone(flows)
    for key, name in starts.items():
        assert comes_to(world, key) == wanted[name], (seed, times, key, name)


@examples(30)
@given(st.integers(0, 2**32), st.integers(0, 4))
def test_random_flows_come_to_the_same_together_as_alone(seed: int, times: int) -> None:
    rng = Random(seed)
    flows = {name: random_flow(rng, name, sure=True) for name in ("one", "two", "three")}
    world, starts = together(seed, flows, times)
    world.check(f"together({seed}, flows, {times})")
    wanted = alone(flows)
    for key, name in starts.items():
        assert comes_to(world, key) == wanted[name], (seed, times, key, name)
