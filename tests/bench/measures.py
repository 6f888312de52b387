"""What is measured, one function each. Every figure is taken in several rounds."""

import asyncio
import importlib
import importlib.util
import statistics
import time
from collections.abc import Callable, Coroutine
from typing import NamedTuple

from bench import flows, usage
from bench.load import apply
from bench.loader import Closed, Loaded, OneByOne, Open, Rest, Starts
from bench.measuring import Bench, show

CHAIN = 10
FAN_OUT = 1_000
WIDTH = 100
IN_FLIGHT = 1_000
FAN_OUTS_IN_FLIGHT = 32
REST_CLIENTS = 32
IDLE_S = 3.0
SETTLE_S = 3.0
WARM_S = 1.0
LIVE_S_MAX = 150.0
"""No further round of live updates begins after this."""
LOAD_SHARES = (25, 50, 75)
"""Offered load of the open loops, in per cent of the peak."""


async def idle(bench: Bench) -> None:
    """What the cluster uses when nothing happens."""
    await asyncio.sleep(SETTLE_S)
    pids = bench.cluster.pids
    for _ in range(bench.rounds_wanted):
        begun = time.perf_counter()
        with usage.spending(pids) as spent:
            await asyncio.sleep(IDLE_S)
        took = time.perf_counter() - begun
        for role, used in spent.by_role.items():
            bench.add(f"idle_cpu_percent_{role}", used / took * 100)
        bench.add("idle_cpu_percent", sum(spent.by_role.values()) / took * 100)
        memory = usage.memory_mb(pids)
        for role, used in memory.items():
            bench.add(f"rss_mb_{role}", round(used))
        bench.add("rss_mb", round(sum(memory.values())))
        bench.tell("idle_cpu_percent")


async def idle_chain(bench: Bench) -> None:
    """One ten-node chain at a time on an idle cluster, start to durable result."""
    await apply(bench.cluster.coordinator_address, flows.chain(CHAIN))
    await bench.load(OneByOne(f"bench-chain{CHAIN}", 20))
    for _ in range(bench.rounds_wanted):
        loaded = await bench.load(OneByOne(f"bench-chain{CHAIN}", 100))
        bench.add("idle_chain10_ms_p50", loaded.p50)
        bench.add("idle_chain10_ms_p90", loaded.p90)
        bench.tell("idle_chain10_ms_p50")


async def _chain_rate(bench: Bench, name: str) -> None:
    """Node executions per second of ten-node chains, and what one costs at each hop."""
    await apply(bench.cluster.coordinator_address, flows.chain(CHAIN))
    order = Closed(f"bench-chain{CHAIN}", IN_FLIGHT, WARM_S, bench.seconds)
    for _ in range(bench.rounds_wanted):
        loaded = await bench.load_with_budget(name, order, CHAIN)
        bench.add(name, loaded.per_second * CHAIN)
        bench.add(f"{name}_latency_ms_p50", loaded.p50)
        bench.add(f"{name}_commits_per_s", bench.hops[name][-1].commits_per_s)
        bench.tell(name)


async def segments(bench: Bench) -> None:
    """Ten-node chains, each run by one worker in one go."""
    await _chain_rate(bench, "segment_nodes_per_s")


async def dispatched(bench: Bench) -> None:
    """Ten-node chains, every node dispatched on its own."""
    await _chain_rate(bench, "dispatched_nodes_per_s")


async def fan_out(bench: Bench) -> None:
    """1 -> 1,000 -> 1, one at a time."""
    await apply(bench.cluster.coordinator_address, flows.fan_out(FAN_OUT))
    await bench.load(OneByOne(f"bench-fanout{FAN_OUT}", 3))
    for _ in range(bench.rounds_wanted):
        loaded = await bench.load(OneByOne(f"bench-fanout{FAN_OUT}", 7))
        bench.add("fanout1000_ms_p50", loaded.p50)
        bench.tell("fanout1000_ms_p50")


async def fan_out_rate(bench: Bench) -> None:
    """1 -> 100 -> 1, several at a time."""
    name, nodes = f"fanout_width{WIDTH}_nodes_per_s", WIDTH + 2
    await apply(bench.cluster.coordinator_address, flows.fan_out(WIDTH))
    order = Closed(f"bench-fanout{WIDTH}", FAN_OUTS_IN_FLIGHT, WARM_S, bench.seconds)
    for _ in range(bench.rounds_wanted):
        loaded = await bench.load_with_budget(name, order, nodes)
        bench.add(name, loaded.per_second * nodes)
        bench.tell(name)


async def rest_sync(bench: Bench) -> None:
    """Synchronous runs of one JavaScript node over REST, 32 connections."""
    name = "rest_sync_js_per_s"
    await apply(bench.cluster.coordinator_address, flows.single())
    url = bench.cluster.gateway_url
    order = Rest(url, "bench-single", REST_CLIENTS, WARM_S, bench.seconds)
    for _ in range(bench.rounds_wanted):
        loaded = await bench.load_with_budget(name, order, 1)
        bench.add(name, loaded.per_second)
        bench.add("rest_sync_js_ms_p50", loaded.p50)
        bench.add("rest_sync_js_ms_p99", loaded.p99)
        bench.tell(name)


async def starts(bench: Bench) -> None:
    """Starts of a one-node flow acknowledged as durable, while the nodes run as they can."""
    name = "start_exec_per_s"
    await apply(bench.cluster.coordinator_address, flows.single())
    order = Starts("bench-single", IN_FLIGHT, WARM_S, bench.seconds / 2)
    for _ in range(bench.rounds_wanted):
        begun = time.perf_counter()
        loaded = await bench.load(order)
        bench.add(name, loaded.per_second)
        bench.add(f"{name}_live_after", await bench.live_executions())
        await bench.drained()
        took = time.perf_counter() - begun
        bench.add(f"{name}_run_to_the_end", loaded.ended_in_all / took)
        bench.tell(name)


async def _open_loop(bench: Bench, prefix: str, workflow: str, peak: float) -> None:
    """Latencies at fixed shares of the peak (executions/s), whatever the engine answers."""
    for share in LOAD_SHARES:
        name, offered = f"{prefix}_open{share}", peak * share / 100
        for number in range(bench.rounds_wanted):
            order = Open(workflow, offered, WARM_S / 2, bench.seconds * 0.6, number)
            loaded = await bench.load(order)
            _add_latencies(bench, name, loaded)
            bench.add(f"{name}_exec_per_s", offered)
            bench.add(f"{name}_in_time_percent", loaded.in_time * 100)
            bench.tell(f"{name}_ms_p99")


def _add_latencies(bench: Bench, name: str, loaded: Loaded) -> None:
    for percentile in ("p50", "p90", "p99", "p999"):
        bench.add(f"{name}_ms_{percentile}", getattr(loaded, percentile))


async def _peak(bench: Bench, figure: str, workflow: str, nodes: int) -> float:
    """Executions/s at most: from this run's rounds, else from a short closed loop."""
    if figure in bench.rounds:
        return statistics.median(bench.rounds[figure]) / nodes
    return (await bench.load(Closed(workflow, IN_FLIGHT, WARM_S, bench.seconds))).per_second


async def segments_open(bench: Bench) -> None:
    """Latency of ten-node chains in segments at 25, 50 and 75 % of the peak."""
    await apply(bench.cluster.coordinator_address, flows.chain(CHAIN))
    peak = await _peak(bench, "segment_nodes_per_s", f"bench-chain{CHAIN}", CHAIN)
    await _open_loop(bench, "segment", f"bench-chain{CHAIN}", peak)


async def single_open(bench: Bench) -> None:
    """Latency of executions of one dispatched node at 25, 50 and 75 % of their peak."""
    await apply(bench.cluster.coordinator_address, flows.single())
    name, order = "single_exec_per_s", Closed("bench-single", IN_FLIGHT, WARM_S, bench.seconds / 2)
    for _ in range(bench.rounds_wanted):
        loaded = await bench.load_with_budget(name, order, 1)
        bench.add(name, loaded.per_second)
        bench.tell(name)
    await _open_loop(bench, "single", "bench-single", await _peak(bench, name, "bench-single", 1))


async def live(bench: Bench) -> None:
    """From commit to WebSocket client, many clients watching."""
    if importlib.util.find_spec("bench.live") is None:
        show("    there is no bench.live")
        return
    measure = importlib.import_module("bench.live").measure
    begun = time.perf_counter()
    for _ in range(bench.rounds_wanted):
        if time.perf_counter() - begun > LIVE_S_MAX:
            show("    that took long: no more rounds")
            break
        for name, value in (await measure(bench.cluster)).items():
            bench.add(name, value)
        bench.tell("live_update_ms_p99")


Measure = Callable[[Bench], Coroutine[None, None, None]]


class Group(NamedTuple):
    """Measures that share a cluster. One with `counted` services tells its hops; the idle cluster
    is as anybody would start it."""

    name: str
    measures: tuple[Measure, ...]
    segments: bool = True
    counted: bool = True


GROUPS = (
    Group("idle", (idle, idle_chain), counted=False),
    Group("segments", (segments, segments_open, fan_out, fan_out_rate, rest_sync, starts, live)),
    Group("dispatched", (dispatched, single_open), segments=False),
)
