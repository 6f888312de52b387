"""What may go wrong at any point of a simulated run, drawn at random: deaths, broken connections,
lost leases, cancels.
"""

from collections.abc import Sequence
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from support.simulated.world import World

DEATHS = ("kill worker", "kill coordinator", "kill sandbox", "kill state")
BREAKS = ("break worker coordinator", "break coordinator state", "break worker sandbox")
LEASES = ("steal",)
CANCELS = ("cancel",)


class Mischief:
    """Does one of `kinds` at some points, `times` at most; every kind is as likely. With `near`
    only at points whose names hold that."""

    def __init__(
        self, seed: object, kinds: Sequence[str], *, times: int, rate: float, near: str = ""
    ) -> None:
        self._rng = Random(f"mischief {seed}")
        self._kinds = kinds
        self._left = times
        self._rate = rate
        self._near = near
        self._busy = False

    def __call__(self, world: "World", what: str) -> None:
        if self._left <= 0 or self._busy or self._near not in what:
            return
        if self._rng.random() >= self._rate:
            return
        self._left -= 1
        self._busy = True
        kind, *words = self._rng.choice(self._kinds).split()
        world.fabric.trail.append(f"-- {kind} {' '.join(words)} --")
        match kind:
            case "kill":
                world.kill(words[0])
            case "break":
                world.fabric.break_calls(*words)
            case "steal":
                world.disk.steal(self._rng.randrange(world.disk.shard_count))
            case "cancel" if world.disk.histories:
                execution = self._rng.choice(sorted(world.disk.histories))
                world.fabric.born("client").spawn(world.cancel(execution))
        self._busy = False
