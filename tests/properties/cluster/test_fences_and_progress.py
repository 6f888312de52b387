"""A fence stops what runs when its coordinator is not heard of. It must not stop what is heard of
late: long work under a limit would be begun again and again and never end."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import pytest

from penstock.coordinator.rpc.dispatch import DispatchRpc
from penstock.coordinator.settings import FENCE_MS_MIN, Settings
from penstock.coordinator.shell.dispatch import floor
from penstock.workflow.execution.events import AttemptLost
from support.simulated.flows import delay, flow, js
from support.simulated.world import World

pytestmark = pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")


@contextmanager
def late(seconds: float) -> Iterator[None]:
    """A coordinator that takes in what workers say, and beats, so much later than it should."""
    take_in = DispatchRpc._take_in

    def take_in_later(self, request, worker) -> None:
        asyncio.get_running_loop().call_later(seconds, take_in, self, request, worker)

    with (
        patch.object(DispatchRpc, "_take_in", take_in_later),
        patch.object(floor, "_WATCH_S", floor._WATCH_S + seconds),
    ):
        yield


def limited(ms: int) -> str:
    source = json.loads(flow("slow", {"a": js(ms=ms)}))
    source["nodes"]["a"] |= {"concurrency": 1, "timeout": "100s"}
    return json.dumps(source)


def losses(world: World) -> int:
    """How often the attempt was handed back."""
    events = [event for *_, row in world.journal("key") for event in row]
    return sum(isinstance(event, AttemptLost) for event in events)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("fence_ms", "late_s"), [(FENCE_MS_MIN, 0.5), (Settings().limit_fence_ms, 2.5)]
)
def test_long_work_ends_at_its_first_attempt(seed: int, fence_ms: int, late_s: float) -> None:
    with late(late_s):
        world = World(seed, {"slow": limited(25_000)}, settings={"limit_fence_ms": fence_ms})
        world.run({"key": "slow"})
    world.check(f"seed {seed}")
    assert world.end("key").status.name == "COMPLETED"
    assert losses(world) == 0


def test_tasks_that_come_too_late_are_taken_at_the_next_try() -> None:
    """What hands them back is the freshest word there is. When they go out falls everywhere between
    two words of their worker."""
    handed_back = []
    for part in range(9):
        source = json.loads(limited(10))
        source["nodes"]["nap"] = delay(seconds=5 + part / 5)
        source["nodes"]["a"]["needs"] = ["nap"]
        with late(2.5):
            flows = {"slow": json.dumps(source)}
            world = World(0, flows, settings={"limit_fence_ms": FENCE_MS_MIN})
            world.run({"key": "slow"})
        world.check(f"part {part}")
        assert world.end("key").status.name == "COMPLETED"
        handed_back.append(losses(world))
    assert max(handed_back) == 1
