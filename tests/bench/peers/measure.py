"""Measuring one way of one engine: the best number of runs in flight, then several rounds."""

import statistics
from collections.abc import Callable
from dataclasses import dataclass, field

from bench.peers.peer import CHAIN, FAN_OUT_NODES, Looped, Running, Way

IDLE_RUNS = 100
NODES = {"chain": CHAIN, "fan_out": FAN_OUT_NODES}


@dataclass(frozen=True, slots=True)
class Plan:
    """How long everything takes."""

    seconds: float
    rounds: int

    @property
    def probe_s(self) -> float:
        """A look at one number of runs in flight."""
        return self.seconds / 2


@dataclass
class Found:
    """Figures of one way: each is the median of its rounds."""

    rounds: dict[str, list[float]] = field(default_factory=dict)
    in_flight: dict[str, int] = field(default_factory=dict)

    def add(self, name: str, value: float) -> None:
        """One more round of a figure."""
        self.rounds.setdefault(name, []).append(value)

    def figure(self, name: str) -> float | None:
        """The median; None if this way has no such figure."""
        values = self.rounds.get(name)
        return statistics.median(values) if values else None

    def spread(self, name: str) -> tuple[float, float]:
        """The lowest and the highest round."""
        return min(self.rounds[name]), max(self.rounds[name])


def percentile(values: list[float], share: float) -> float:
    """The value that `share` of them do not exceed."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(len(ranked) * share))]


async def best_in_flight(
    running: Running, work: str, candidates: tuple[int, ...], seconds: float
) -> int:
    """The number of runs in flight with the highest rate."""
    rates: dict[int, float] = {}
    for in_flight in candidates:
        rates[in_flight] = (await running.loop(work, in_flight, seconds)).per_second
    return max(rates, key=lambda in_flight: rates[in_flight])


async def measure_idle(running: Running, plan: Plan, found: Found) -> None:
    """Chains one by one."""
    await running.idle(IDLE_RUNS // 5, plan.probe_s)
    for _ in range(plan.rounds):
        seen = await running.idle(IDLE_RUNS, plan.seconds)
        found.add("idle_runs", len(seen.chain_ms))
        found.add("idle_chain_ms_p50", percentile(seen.chain_ms, 0.5))
        found.add("idle_chain_ms_p99", percentile(seen.chain_ms, 0.99))
        found.add("first_step_ms_p50", percentile(seen.first_step_ms, 0.5))


async def measure_loop(
    running: Running, work: str, candidates: tuple[int, ...], plan: Plan, found: Found
) -> None:
    """The rate with the best number of runs in flight, and for chains what a step costs."""
    in_flight = await best_in_flight(running, work, candidates, plan.probe_s)
    found.in_flight[work] = in_flight
    for _ in range(plan.rounds):
        before = running.cpu_s()
        seen: Looped = await running.loop(work, in_flight, plan.seconds)
        spent = running.cpu_s() - before
        found.add(f"{work}_steps_per_s", seen.per_second * NODES[work])
        found.add(f"{work}_cpu_s_per_1000", spent / (seen.ended * NODES[work]) * 1000)
        found.add(f"{work}_ms_p50", seen.p50_ms)


async def measure(running: Running, way: Way, plan: Plan, say: Callable[[str], None]) -> Found:
    """All figures of a way."""
    found = Found()
    await measure_idle(running, plan, found)
    say(
        f"idle chain {found.figure('idle_chain_ms_p50'):.1f} ms, first step "
        f"{found.figure('first_step_ms_p50'):.1f} ms"
    )
    await measure_loop(running, "chain", way.chains_in_flight, plan, found)
    say(
        f"chain {found.figure('chain_steps_per_s'):,.0f} steps/s with "
        f"{found.in_flight['chain']} in flight, {found.figure('chain_cpu_s_per_1000'):.3f} CPU s "
        f"per 1,000"
    )
    if way.fan_outs_in_flight:
        await measure_loop(running, "fan_out", way.fan_outs_in_flight, plan, found)
        say(f"fan-out {found.figure('fan_out_steps_per_s'):,.0f} node executions/s")
    return found
