"""The bench: measures a fresh embedded cluster and prints what a node costs.

`make bench` runs all of it; `--only NAME` some, `--seconds N` sets the length of each loop. Figures
go to tests/bench/results/latest.json. It asserts nothing.
"""

import argparse
import asyncio
import statistics
import tempfile
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path

from bench import flows, report, usage
from bench.load import GrpcLoop, apply, rest_loop
from penstock.embedded import Cluster, ClusterSettings, open_cluster

CHAIN = 10
FAN_OUT = 1000
IDLE_S = 8.0
SETTLE_S = 3.0

Figures = dict[str, float]


@dataclass
class Bench:
    """One cluster under measurement and what was found so far."""

    cluster: Cluster
    seconds: float
    rounds: int
    figures: Figures = field(default_factory=dict)
    cpu_us_per_node: dict[str, dict[str, float]] = field(default_factory=dict)
    spread: dict[str, list[float]] = field(default_factory=dict)

    def note(self, name: str, values: list[float]) -> None:
        """Record the median of several rounds, and the rounds."""
        self.figures[name] = round(statistics.median(values), 2)
        self.spread[name] = [round(value, 2) for value in values]


async def node_rate(bench: Bench, name: str, in_flight: int) -> None:
    """Durable node executions per second of ten-node chains, and what one costs in each process."""
    await apply(bench.cluster.coordinator_address, flows.chain(CHAIN))
    rates: list[float] = []
    for _ in range(bench.rounds):
        loop = GrpcLoop(bench.cluster.coordinator_address, f"bench-chain{CHAIN}", in_flight)
        commits = await usage.commits(bench.cluster.database_url)
        with usage.spending(bench.cluster.pids) as spent:
            seen = await loop.run(1.0, bench.seconds)
        commits = await usage.commits(bench.cluster.database_url) - commits
        rates.append(seen.per_second * CHAIN)
        # The loop ran longer than was measured: what was spent is shared over all of it.
        nodes = seen.per_second * CHAIN * (bench.seconds + 1.0)
        bench.cpu_us_per_node[name] = spent.us_per(nodes)
        bench.figures[f"{name}_commits_per_s"] = round(commits / (bench.seconds + 1.0))
        bench.figures[f"{name}_latency_ms_p50"] = round(seen.percentile(0.5), 1)
    bench.note(name, rates)


async def dispatched(bench: Bench) -> None:
    """Every node dispatched on its own."""
    await node_rate(bench, "dispatched_nodes_per_s", 1000)


async def segments(bench: Bench) -> None:
    """Whole chains run by one worker in one go."""
    await node_rate(bench, "segment_nodes_per_s", 1000)


async def idle_chain(bench: Bench) -> None:
    """One ten-node chain at a time on an idle cluster, start to durable result."""
    await apply(bench.cluster.coordinator_address, flows.chain(CHAIN))
    loop = GrpcLoop(bench.cluster.coordinator_address, f"bench-chain{CHAIN}", 1)
    await loop.one_by_one(20)
    bench.note("idle_chain10_ms_p50", await loop.one_by_one(200))
    del bench.spread["idle_chain10_ms_p50"]


async def fan_out(bench: Bench) -> None:
    """1 -> 1,000 -> 1."""
    await apply(bench.cluster.coordinator_address, flows.fan_out(FAN_OUT))
    loop = GrpcLoop(bench.cluster.coordinator_address, f"bench-fanout{FAN_OUT}", 1)
    await loop.one_by_one(3)
    bench.note("fanout1000_ms_p50", await loop.one_by_one(15))


async def rest_sync(bench: Bench) -> None:
    """Synchronous runs of one JavaScript node over REST, 32 connections."""
    await apply(bench.cluster.coordinator_address, flows.single())
    await rest_loop(bench.cluster.gateway_url, "bench-single", 32, 1.0)
    rates, p50, p99 = [], [], []
    for _ in range(bench.rounds):
        with usage.spending(bench.cluster.pids) as spent:
            seen = await rest_loop(bench.cluster.gateway_url, "bench-single", 32, bench.seconds)
        bench.cpu_us_per_node["rest_sync_js_per_s"] = spent.us_per(seen.ended)
        rates.append(seen.per_second)
        p50.append(seen.percentile(0.5))
        p99.append(seen.percentile(0.99))
    bench.note("rest_sync_js_per_s", rates)
    bench.note("rest_sync_js_ms_p50", p50)
    bench.note("rest_sync_js_ms_p99", p99)


async def idle(bench: Bench) -> None:
    """What the cluster uses when nothing happens."""
    await asyncio.sleep(SETTLE_S)
    with usage.spending(bench.cluster.pids) as spent:
        await asyncio.sleep(IDLE_S)
    memory = usage.memory_mb(bench.cluster.pids)
    for role, used in spent.by_role.items():
        bench.figures[f"idle_cpu_percent_{role}"] = round(used / IDLE_S * 100, 2)
    bench.figures["idle_cpu_percent"] = round(sum(spent.by_role.values()) / IDLE_S * 100, 2)
    bench.figures["rss_mb"] = round(sum(memory.values()))
    for role, used in memory.items():
        bench.figures[f"rss_mb_{role}"] = round(used)


WITH_SEGMENTS = (idle, idle_chain, segments, fan_out, rest_sync)
WITHOUT_SEGMENTS = (dispatched,)
Measure = Callable[[Bench], Coroutine[None, None, None]]


async def measure(wanted: list[Measure], seconds: float, rounds: int, *, segment: bool) -> Bench:
    """Run measures on a cluster of their own."""
    with tempfile.TemporaryDirectory(prefix="penstock-bench-") as scratch:
        settings = ClusterSettings(
            data_dir=Path(scratch),
            log_level="warning",
            service_env={"PENSTOCK_COORDINATOR_SEGMENTS": "true" if segment else "false"},
        )
        async with open_cluster(settings) as cluster:
            bench = Bench(cluster, seconds, rounds)
            for each in wanted:
                print(f"  {each.__name__}: {each.__doc__}", flush=True)
                await each(bench)
            return bench


async def run(only: list[str], seconds: float, rounds: int, *, write: bool) -> None:
    """Measure, print, write."""
    benches: list[Bench] = []
    for group, segment in ((WITH_SEGMENTS, True), (WITHOUT_SEGMENTS, False)):
        wanted = [each for each in group if not only or each.__name__ in only]
        if wanted:
            benches.append(await measure(wanted, seconds, rounds, segment=segment))
    figures = {name: value for bench in benches for name, value in bench.figures.items()}
    costs = {name: cost for bench in benches for name, cost in bench.cpu_us_per_node.items()}
    spread = {name: values for bench in benches for name, values in bench.spread.items()}
    print(report.table(figures, costs))
    if write and not only:
        report.write_latest(figures, costs, spread)


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    names = [each.__name__ for each in (*WITH_SEGMENTS, *WITHOUT_SEGMENTS)]
    parser.add_argument("--only", action="append", default=[], choices=names)
    parser.add_argument("--seconds", type=float, default=6.0, help="length of each loop")
    parser.add_argument("--rounds", type=int, default=5, help="repetitions; the median is told")
    parser.add_argument("--no-write", action="store_true", help="leave latest.json as it is")
    given = parser.parse_args()
    asyncio.run(run(given.only, given.seconds, given.rounds, write=not given.no_write))


if __name__ == "__main__":
    main()
