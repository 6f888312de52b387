"""What every engine under comparison looks like to the bench."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

CHAIN = 10
WIDTH = 100
FAN_OUT_NODES = WIDTH + 2


class Unavailable(Exception):
    """An engine cannot be had on this machine; says why and what would help."""


class WentWrong(Exception):
    """An engine was started and did not do what was asked."""


@dataclass(frozen=True, slots=True)
class Way:
    """One natural way of doing the work on one engine: one row of the table.

    `survives_kill` and `survives_power` name what the defaults keep when a process is killed and
    when the machine loses power. The numbers of runs in flight are what is tried; no number for the
    fan-out means that this way has no natural one, and `no_fan_out` says why.
    """

    name: str
    label: str
    survives_kill: str
    survives_power: str
    chains_in_flight: tuple[int, ...]
    fan_outs_in_flight: tuple[int, ...] = ()
    no_fan_out: str = ""


@dataclass(frozen=True, slots=True)
class Looped:
    """What a closed loop saw. `ended` counts all of it: what CPU was spent on."""

    per_second: float
    ended: int
    p50_ms: float


@dataclass(frozen=True, slots=True)
class Idle:
    """Latencies of chains run one by one: to the result, and to the first step's start."""

    chain_ms: list[float]
    first_step_ms: list[float]


class Running(Protocol):
    """An engine that has been started."""

    async def loop(self, work: str, in_flight: int, seconds: float) -> Looped:
        """Keep `in_flight` runs of `chain` or `fan_out` going."""

    async def idle(self, count: int, seconds: float) -> Idle:
        """Run chains one by one: `count` of them, or as many as the time allows."""

    def cpu_s(self) -> float:
        """CPU seconds used so far by every process of it, the one that starts the work too."""


@dataclass(frozen=True, slots=True)
class Site:
    """Where engines are installed (kept) and where one may write while it runs (thrown away)."""

    cache: Path
    scratch: Path

    def log(self, name: str) -> Path:
        """Where what a process prints goes."""
        return self.scratch / f"{name}.log"


class Peer(Protocol):
    """An engine: how it is installed, and how it is started one way or another."""

    @property
    def name(self) -> str:
        """What `--only` takes, and its folder."""

    @property
    def ways(self) -> tuple[Way, ...]:
        """Its rows."""

    async def prepare(self, site: Site) -> dict[str, str]:
        """Install what is missing and tell versions. Raises `Unavailable`."""

    def open(self, way: Way, site: Site) -> AbstractAsyncContextManager[Running]:
        """Start everything, and stop everything that was started."""
