"""What a simulated run showed."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from bench.simulate.machine import Machine


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at all workers. `worst` is the fullest worker's tasks per slot as a multiple of the
    mean; `wasted` the share of all slots that idle although a task waits somewhere."""

    worst: float
    wasted: float

    @staticmethod
    def of(machines: Sequence[Machine], ready: int) -> "Sample":
        """Look at workers, with `ready` tasks waiting at coordinators."""
        slots = sum(m.slots for m in machines)
        held = sum(m.held for m in machines)
        queued = sum(len(m.queue) for m in machines)
        idle = sum(m.slots - m.busy for m in machines)
        fullest = max((m.held / m.slots for m in machines), default=0.0)
        return Sample(fullest * slots / held if held else 1.0, min(idle, queued + ready) / slots)


@dataclass
class Observed:
    """Figures of one run. `waits_s`: from ready to running, of each task; `used`: the share of its
    time that each worker's slots worked."""

    samples: list[Sample] = field(default_factory=list)
    waits_s: list[float] = field(default_factory=list)
    used: list[float] = field(default_factory=list)
    messages: int = 0
    dispatched: int = 0
    unfinished: int = 0

    @property
    def worst(self) -> float:
        """Fullest worker over the mean, averaged over the samples."""
        return sum(s.worst for s in self.samples) / len(self.samples)

    @property
    def wasted(self) -> float:
        """Share of slots idle while work waits, averaged over the samples."""
        return sum(s.wasted for s in self.samples) / len(self.samples)

    @property
    def fairness(self) -> float:
        """Jain's index of the workers' use: 1 if all worked alike, 1/n if one did everything."""
        square = sum(u * u for u in self.used) * len(self.used)
        return sum(self.used) ** 2 / square if square else 1.0

    def wait_ms(self, share: float) -> float:
        """A percentile of the waits."""
        ranked = sorted(self.waits_s)
        return ranked[min(len(ranked) - 1, int(len(ranked) * share))] * 1000

    @property
    def batch(self) -> float:
        """Tasks in one message to a worker."""
        return self.dispatched / max(1, self.messages)
