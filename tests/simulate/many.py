"""Many seeds over all cores, and what is told of those that fail."""

import multiprocessing
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from simulate.run import Verdict, run_script, run_seed
from simulate.script import Script, draw

_CHUNK = 20
_TRAIL = 60


@dataclass
class Tally:
    """What many runs came to."""

    runs: int = 0
    wall_s: float = 0.0
    cpu_s: float = 0.0
    simulated_s: float = 0.0
    steps: int = 0
    failures: list[Verdict] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def add(self, verdict: Verdict) -> None:
        """One more."""
        self.runs += 1
        self.cpu_s += verdict.cpu_s
        self.simulated_s += verdict.simulated_s
        self.steps += verdict.steps
        self.counts.update(verdict.counts)
        if not verdict.good:
            self.failures.append(verdict)

    def __str__(self) -> str:
        return (
            f"{self.runs} seeds in {self.wall_s:.0f} s: {self.runs / self.wall_s:.1f} a second, "
            f"{self.cpu_s / self.runs * 1000:.0f} ms of CPU and {self.simulated_s / self.runs:.1f} "
            f"simulated seconds each, {self.steps // self.runs} steps; {len(self.failures)} failed"
        )


def _run_some(seeds: Sequence[int]) -> list[Verdict]:
    """A chunk of seeds, here or in a process of the pool."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        verdicts = [run_seed(seed) for seed in seeds]
    for verdict in verdicts:
        verdict.trail = [] if verdict.good else verdict.trail[-_TRAIL:]
    return verdicts


def run_many(
    seeds: Iterable[int], jobs: int, on_verdict: Callable[[Verdict], None] = lambda _: None
) -> Tally:
    """Run seeds in so many processes."""
    tally, begun = Tally(), time.monotonic()
    for verdict in _verdicts(list(seeds), jobs):
        tally.add(verdict)
        on_verdict(verdict)
    tally.wall_s = time.monotonic() - begun
    return tally


def _verdicts(seeds: list[int], jobs: int) -> Iterator[Verdict]:
    chunks = [seeds[at : at + _CHUNK] for at in range(0, len(seeds), _CHUNK)]
    if jobs == 1 or len(chunks) == 1:
        for chunk in chunks:
            yield from _run_some(chunk)
        return
    with multiprocessing.get_context("spawn").Pool(min(jobs, len(chunks))) as pool:
        for some in pool.imap_unordered(_run_some, chunks):
            yield from some


def shortened(script: Script) -> Script:
    """The same script with fewer things that go wrong and fewer callers, as long as it fails."""
    again = True
    while again:
        again = False
        smaller = [script.without(one) for one in script.parts]
        for candidate in smaller:
            if not run_script(candidate).good:
                script, again = candidate, True
                break
    return script


def story(verdict: Verdict) -> str:
    """Everything about a seed that failed: how to run it again, the least that it needs to fail,
    what was found, and the way there."""
    least = shortened(draw(verdict.seed))
    again = run_script(least)
    return "\n".join(
        (
            f"seed {verdict.seed} failed; again: make simulate SEED={verdict.seed}",
            *verdict.violations[:10],
            f"It takes no more than this to fail ({again.violations[0]}):",
            told(least),
            "The last of it:",
            *again.trail[-_TRAIL:],
        )
    )


def told(script: Script) -> str:
    """A script in words."""
    places = " ".join(script.places)
    return "\n".join(
        (
            f"  {places}; {script.shards} shards, {script.credits} credits, {script.settings}",
            *(f"  skewed: {place} by {skew} us" for place, skew in script.skews_us.items()),
            *(f"  {part}" for part in (*script.errands, *script.crons, *script.faults)),
        )
    )
