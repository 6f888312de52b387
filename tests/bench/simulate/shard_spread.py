"""How evenly shards lie on coordinators, and how many move when one comes or goes."""

from collections import Counter
from dataclasses import dataclass
from random import Random

from penstock.coordinator.shell.shards.rendezvous import spread

_ROUNDS = 10


@dataclass(frozen=True, slots=True)
class Spread:
    """Averages over some sets of coordinators' names. `fullest`: the most shards on one over the
    mean; `joining` and `leaving`: shards that move, over the least that must."""

    coordinators: int
    fullest: float
    joining: float
    leaving: float


def _moved(before: dict[int, str], after: dict[int, str]) -> int:
    return sum(after[shard] != owner for shard, owner in before.items())


def measure(coordinators: int, shards: int, seed: int) -> Spread:
    """Spread shards over so many coordinators; let one more come, and one of them go."""
    random = Random(seed)
    fullest = joining = leaving = 0.0
    for _ in range(_ROUNDS):
        names = [f"{random.getrandbits(64):x}" for _ in range(coordinators + 1)]
        now, more = spread(shards, names[1:]), spread(shards, names)
        counts = Counter(now.values())
        fullest += max(counts.values()) * coordinators / shards
        joining += _moved(now, more) / (shards / (coordinators + 1))
        if coordinators > 1:
            own = sum(owner == names[1] for owner in now.values())
            leaving += _moved(now, spread(shards, names[2:])) / max(1, own)
    return Spread(coordinators, fullest / _ROUNDS, joining / _ROUNDS, leaving / _ROUNDS)
