"""What a seed stands for: how many of each process, which flows, what callers do, what goes wrong
and when. Drawn before anything runs, so that a script can be printed, shortened, and run again.
"""

from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from simulate.crons import Cron, random_crons
from simulate.flows import (
    random_asking,
    random_counting,
    random_family,
    random_handled,
    random_limited,
    random_source,
)
from support.simulated.database import FLAKY, HANGING, PHASES

TENANTS = ("blue", "green")
FLOWS = 400
"""So many different flows there are: compiling one takes as long as a third of a run."""
LIMITED = 80
"""So many of them are under limits."""
HANDLED = 60
"""So many of them people have to do with."""
COUNTING = 40
"""So many of them count in a variable."""
ACTIVE_S = 3.0
"""Callers come within this time."""


@dataclass(frozen=True)
class Fault:
    """Something goes wrong at a time, for a while. `where` are places; what else it needs is in
    `how`."""

    at_s: float
    kind: str
    where: tuple[str, ...] = ()
    lasts_s: float = 0.0
    how: Any = None

    def __str__(self) -> str:
        detail = "" if self.how is None else f" ({self.how})"
        return (
            f"{self.at_s:.3f}s {self.kind} {' '.join(self.where)}{detail} for {self.lasts_s:.2f}s"
        )


@dataclass(frozen=True)
class Errand:
    """One caller: starts an execution, then does what is said here about it."""

    at_s: float
    tenant: str
    flow: str
    key: str = ""
    waits: bool = False
    watchers: int = 0
    cancels_after_s: float = 0.0
    pries: bool = False
    pauses_after_s: float = 0.0
    meddles: int = 0


@dataclass(frozen=True)
class Script:
    """All of it."""

    seed: int
    coordinators: int = 2
    workers: int = 2
    states: int = 1
    gateways: int = 1
    shards: int = 6
    credits: int = 2_000
    twice: float = 0.0
    drops: float = 0.0
    settings: dict[str, Any] = field(default_factory=dict)
    flows: dict[str, str] = field(default_factory=dict)
    errands: tuple[Errand, ...] = ()
    crons: tuple[Cron, ...] = ()
    faults: tuple[Fault, ...] = ()
    skews_us: dict[str, int] = field(default_factory=dict)

    @property
    def parts(self) -> "tuple[Fault | Errand | Cron, ...]":
        """What may be left out."""
        return (*self.faults, *self.crons, *self.errands)

    def without(self, part: "Fault | Errand | Cron") -> "Script":
        """The same, except that this does not go wrong, or that this caller does not come."""
        return replace(
            self,
            crons=tuple(one for one in self.crons if one is not part),
            faults=tuple(one for one in self.faults if one is not part),
            errands=tuple(one for one in self.errands if one is not part),
        )

    @property
    def places(self) -> list[str]:
        """Where processes run."""
        counts = {
            "coordinator": self.coordinators,
            "worker": self.workers,
            "state": self.states,
            "gateway": self.gateways,
            "sandbox": 1,
        }
        return [f"{role}:{at}" for role, count in counts.items() for at in range(1, count + 1)]


def draw(
    seed: int,
    *,
    crowded: bool = False,
    timed: bool = False,
    peopled: bool = False,
    counting: bool = False,
) -> Script:
    """The script of a seed; `crowded` for one in which limits matter, `timed` for one with
    schedules, `peopled` for one with people, `counting` for one with variables, as in some there
    are anyway."""
    rng = Random(f"script {seed}")
    numbers = [rng.randrange(FLOWS) for _ in range(rng.choice((1, 2, 2)))]
    flows = {f"flow{at}": random_source(Random(f"flow {at}"), f"flow{at}") for at in numbers}
    names = list(flows)
    kin = Random(f"family {seed}")
    family = random_family(Random(f"kin {numbers[0] % 50}")) if kin.random() < 0.3 else {}
    held = Random(f"limits {seed}")
    limited = _limited(held) if held.random() < 0.2 or crowded else {}
    clock = Random(f"crons {seed}")
    fires = clock.random() < 0.15 or timed
    crons, ticks = random_crons(clock, TENANTS) if fires else ((), {})
    folk = Random(f"people {seed}")
    touched = _touched(folk) if folk.random() < 0.2 or peopled else {}
    sums = Random(f"variables {seed}")
    counts = _counting(sums) if sums.random() < 0.15 or counting else {}
    script = Script(
        seed,
        coordinators=rng.choice((1, 2, 2, 3, 3)),
        workers=rng.choice((1, 2, 2, 3)),
        states=rng.choice((1, 1, 2)),
        gateways=rng.choice((1, 1, 2)),
        shards=rng.choice((2, 4, 6)),
        credits=rng.choice((2, 4, 2_000, 2_000)),
        twice=rng.choice((0.0, 0.0, 0.1)),
        drops=rng.choice((0.0, 0.0, 0.1)),
        settings={
            "appends_in_flight": rng.randint(1, 4),
            "segments": rng.random() < 0.7,
            "lease_ttl_ms": rng.choice((1_500, 2_500, 5_000)),
            "dormant_after_ms": rng.choice((0, 300, 5_000)),
            "limit_fence_ms": held.choice((3_000, 8_000)),
        },
        flows={**flows, **family, **limited, **ticks, **touched, **counts},
        crons=crons,
    )
    errands = _errands(rng, names)
    faults = () if rng.random() < 0.08 else _faults(rng, script, errands)
    skews = {one: rng.randint(-3_000_000, 3_000_000) for one in [*script.places, "database"]}
    return replace(
        script,
        errands=(
            *errands,
            *(_errands(kin, ["family"]) if family else ()),
            *_crowd(held, [*limited]),
            *_meddlers(folk, [*touched]),
            *(_errands(sums, [*counts]) if counts else ()),
        ),
        faults=(
            *faults,
            *(_isolation(held, script, surely=crowded) if limited else ()),
            *(_hindrance(clock, script) if crons else ()),
            *(_deaths(folk, script) if touched else ()),
        ),
        skews_us=skews if rng.random() < 0.3 else {},
    )


def _limited(rng: Random) -> dict[str, str]:
    """Flows under limits, of few different ones."""
    numbers = [rng.randrange(LIMITED) for _ in range(rng.choice((1, 2)))]
    return {f"lim{at}": random_limited(Random(f"limited {at}"), f"lim{at}") for at in numbers}


def _touched(rng: Random) -> dict[str, str]:
    """Flows that need people, or suffer from them."""
    number = rng.randrange(HANDLED)
    make = rng.choice((random_handled, random_asking))
    name = f"{make.__name__.removeprefix('random_')}{number}"
    return {name: make(Random(f"touched {number}"), name)}


def _counting(rng: Random) -> dict[str, str]:
    """A flow that counts."""
    name = f"counting{rng.randrange(COUNTING)}"
    return {name: random_counting(Random(name), name)}


def _meddlers(rng: Random, names: list[str]) -> tuple[Errand, ...]:
    """Callers of flows that people have to do with."""
    return tuple(
        Errand(
            at_s=rng.uniform(0.0, ACTIVE_S),
            tenant=rng.choice(TENANTS),
            flow=name,
            meddles=rng.randint(1, 5) if name.startswith("handled") else 0,
            pauses_after_s=rng.choice((0.0,) * 3 + (0.3,)),
        )
        for name in names
        for _ in range(rng.randint(1, 3))
    )


def _deaths(rng: Random, script: Script) -> list[Fault]:
    """A worker that dies while somebody comes: it may have acted, or not."""
    workers = [place for place in script.places if place.startswith("worker")]
    at_s = rng.uniform(0.1, ACTIVE_S)
    return [Fault(at_s, "kill", (rng.choice(workers),), 0.3)] if rng.random() < 0.5 else []


def _crowd(rng: Random, names: list[str]) -> tuple[Errand, ...]:
    """Callers of one account who come close together and want more than there is."""
    tenant, soon_s = rng.choice(TENANTS), rng.choice((0.1, 2.0))
    return tuple(
        Errand(
            at_s=rng.uniform(0.0, soon_s),
            tenant=tenant,
            flow=rng.choice(names),
            cancels_after_s=rng.choice((0.0,) * 5 + (0.1, 0.7, 3.0)),
            pauses_after_s=rng.choice((0.0,) * 7 + (0.3,)),
        )
        for _ in range(rng.randint(2, 6) if names else 0)
    )


def _isolation(rng: Random, script: Script, *, surely: bool) -> list[Fault]:
    """A worker that no coordinator reaches, or a coordinator that no worker reaches, for longer
    than anybody waits for it."""
    if rng.random() < 0.5 and not surely:
        return []
    roles = rng.choice((("worker", "coordinator"), ("coordinator", "worker")))
    alone = rng.choice([place for place in script.places if place.startswith(roles[0])])
    others = [place for place in script.places if place.startswith(roles[1])]
    at_s, way = rng.uniform(0.05, 2.0), rng.choice(("both", "both", "there", "back"))
    return [Fault(at_s, "cut", (alone, other), 14.0, way) for other in others]


def _hindrance(rng: Random, script: Script) -> list[Fault]:
    """A database that takes so long, or says so little, that slots are begun and not done with for
    a while; and now and then a death meanwhile."""
    at_s, lasts_s = rng.uniform(0.0, 4.0), rng.choice((1.0, 4.0))
    slow = Fault(at_s, "database", ("database",), lasts_s, rng.choice((HANGING, FLAKY)))
    if rng.random() < 0.5:
        return [slow]
    dies = rng.choice([one for one in script.places if one.startswith(("coordinator", "state"))])
    return [slow, Fault(at_s + rng.uniform(0.0, lasts_s), "kill", (dies,), rng.choice((0.3, 3.0)))]


def _errands(rng: Random, names: list[str]) -> tuple[Errand, ...]:
    errands: list[Errand] = []
    for at in range(rng.randint(1, 5)):
        if errands and rng.random() < 0.2:
            again = rng.choice(errands)
            errands.append(replace(again, at_s=again.at_s + rng.choice((0.0, 0.01, 2.0))))
            continue
        errands.append(
            Errand(
                at_s=rng.choice((0.0, rng.uniform(0.0, ACTIVE_S))),
                tenant=rng.choice(TENANTS),
                flow=rng.choice(names),
                key=rng.choice(("", f"key{at}", f"key{at}")),
                waits=rng.random() < 0.5,
                watchers=rng.choice((0, 0, 1, 1, 2)),
                cancels_after_s=rng.choice((0.0,) * 9 + (0.005, 0.02, 0.1, 0.5, 3.0)),
                pries=rng.random() < 0.15,
                pauses_after_s=rng.choice((0.0,) * 7 + (0.01, 0.3)),
            )
        )
    return tuple(errands)


KINDS = (
    ("kill", 6),
    ("stop", 2),
    ("freeze", 3),
    ("cut", 4),
    ("slow", 1),
    ("break", 3),
    ("clock", 2),
    ("database", 4),
    ("bus", 2),
)
"""What can go wrong, and how often it does."""


def _faults(rng: Random, script: Script, errands: tuple[Errand, ...]) -> tuple[Fault, ...]:
    """Mostly soon after somebody came, when something is going on; often close together."""
    kinds, weights = zip(*KINDS, strict=True)
    chosen = rng.choices(kinds, weights, k=rng.choice((1, 1, 2, 2, 3, 4, 6)))
    soon_s = rng.choice((0.02, 0.2, 1.0))
    near = rng.random() < 0.4
    first_s = rng.choice(errands).at_s
    faults = []
    for kind in chosen:
        begins_s = first_s if near else rng.choice(errands).at_s
        faults.append(_fault(rng, script, kind, begins_s + rng.uniform(0.0, soon_s)))
    return tuple(sorted(faults, key=lambda one: one.at_s))


def _fault(rng: Random, script: Script, kind: str, at_s: float) -> Fault:
    places = script.places
    servants = [one for one in places if not one.startswith("gateway")]
    match kind:
        case "kill" | "stop":
            lasts_s = rng.choice((0.01, 0.3, 3.0, rng.uniform(0.1, 7.0)))
            return Fault(at_s, kind, (_place(rng, places),), lasts_s)
        case "freeze":
            return Fault(at_s, kind, (_place(rng, places),), rng.choice((0.3, 2.5, 4.6, 5.5, 8.0)))
        case "cut":
            ways = rng.choice(("both", "both", "there", "back"))
            return Fault(at_s, kind, _pair(rng, servants), rng.choice((0.3, 2.0, 4.6, 9.0)), ways)
        case "slow":
            late_s = rng.choice((0.05, 0.3, 1.2))
            return Fault(at_s, kind, _pair(rng, servants), rng.uniform(0.5, 4.0), late_s)
        case "break":
            return Fault(at_s, kind, _pair(rng, servants))
        case "clock":
            where = rng.choice([*places, "database", "database"])
            far_s = (-3600.0, 3600.0) if where == "database" else (-20.0, 60.0)
            return Fault(at_s, kind, (where,), how=rng.choice((*far_s, -5.0, -0.5, 0.5, 3.0)))
        case "database":
            lasts_s = rng.choice((0.2, 1.0, 4.0))
            return Fault(at_s, kind, ("database",), lasts_s, rng.choice(PHASES))
        case _:
            how = rng.choice(("wiped", "restarted", "wiped while running", "connection lost"))
            if how == "connection lost":
                ends = [one for one in places if one.startswith(("state", "gateway"))]
                return Fault(at_s, "bus", (rng.choice(ends),), how=how)
            return Fault(at_s, "bus", ("nats",), rng.choice((0.2, 2.0, 5.0)), how)


def _place(rng: Random, places: list[str]) -> str:
    """Coordinators and workers fail more often than the rest: it is about them."""
    roles = rng.choice(("coordinator", "coordinator", "worker", "worker", ""))
    return rng.choice([one for one in places if one.startswith(roles)])


TALKS = (
    ("coordinator", "state"),
    ("coordinator", "worker"),
    ("coordinator", "worker"),
    ("worker", "sandbox"),
    ("worker", "state"),
    ("coordinator", "coordinator"),
)


def _pair(rng: Random, places: list[str]) -> tuple[str, ...]:
    """Two places that talk to each other."""
    one, other = rng.choice(TALKS)
    return (
        rng.choice([place for place in places if place.startswith(one)]),
        rng.choice([place for place in places if place.startswith(other)]),
    )
