"""Many executions live at once, and one execution of many nodes: what they cost in memory, and
whether work beside them goes on at full speed. It asserts nothing, but an execution that ends badly
ends it.
"""

import asyncio
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bench import counters, flows, usage
from bench.load import GrpcLoop, apply
from bench.measuring import show
from bench.starts import LoadFailed, StartStream
from penstock.api.workflow.v1 import workflow_service_pb2 as pb
from penstock.api.workflow.v1.workflow_service_pb2_grpc import WorkflowServiceStub
from penstock.common.rpc.channel import call, open_channel
from penstock.embedded import Cluster, ClusterSettings, open_cluster

CHAIN = 10
IN_FLIGHT = 200
UNANSWERED_STARTS = 2_000
LOOP_S = 4.0
LOOPS = 3
HELD_MAX = 300_000
WAIT_S = 900.0
TELL_S = 5.0
LAYER = 1_000
GRAPH_MAX = 9_999
"""Nodes of one file: it takes 10,000, and one gathers the end."""

Figures = dict[str, float]


def waiting(kind: str) -> str:
    """A flow of one node that stays live: in a queue nobody serves, or waiting for a signal."""
    node = {
        "queued": "{pool: nobody, run: 'return 1;'}",
        "waiting": "{uses: wait@1, with: {signal: go}}",
    }[kind]
    return f"flow: 1\nid: bench-{kind}\nnodes:\n  only: {node}\n"


def layered(nodes: int) -> str:
    """A graph of layers of 1,000: each node needs one of the layer above."""
    lines = ["flow: 1", f"id: bench-layers{nodes}", "nodes:"]
    for index in range(nodes):
        needs = f"needs: n{index - LAYER}, " if index >= LAYER else ""
        lines.append(f"  n{index}: {{{needs}uses: set@1, with: {{value: {{n: {index}}}}}}}")
    lines += [
        "  last: {needs: n0, uses: set@1, with: {value: {done: true}}}",
        "output: {done: true}",
    ]
    return "\n".join(lines) + "\n"


@asynccontextmanager
async def open_scale(scratch: str, **env: str) -> AsyncIterator[tuple[Cluster, dict[str, str]]]:
    """A cluster that is allowed much, and where its metrics are."""
    metrics = counters.metrics_settings()
    env = {f"PENSTOCK_COORDINATOR_{name}": value for name, value in env.items()}
    settings = ClusterSettings(
        data_dir=Path(scratch) / "cluster",
        log_level="warning",
        service_env={
            "PENSTOCK_COORDINATOR_EXECUTIONS_MAX": str(HELD_MAX),
            **metrics,
            **env,
        },
    )
    async with open_cluster(settings) as cluster:
        yield cluster, metrics


def memory_of(cluster: Cluster, *names: str) -> float:
    """Resident memory of some processes in MB, shared pages shared out."""
    used = usage.memory_mb({name: cluster.pids[name] for name in names or ("coordinator",)})
    return sum(used.values())


async def held(metrics: dict[str, str]) -> int:
    """How many executions the coordinator has in memory."""
    return int((await counters.read_metrics(metrics))["penstock_coordinator_executions"])


async def start_many(address: str, workflow: str, count: int) -> float:
    """Start so many over one stream; returns how long it took until all were acknowledged."""
    begun = told = time.perf_counter()
    async with open_channel(address) as channel:
        stream = StartStream(channel, workflow, wait_for_end=False)
        acknowledged = 0
        stream.launch(min(count, UNANSWERED_STARTS))
        async for seen in stream.messages():
            acknowledged += seen.acknowledged
            if acknowledged == count:
                break
            room = UNANSWERED_STARTS - (stream.launched - acknowledged)
            if stream.launched < count:
                stream.launch(min(room, count - stream.launched))
            if time.perf_counter() - told > TELL_S:
                told = time.perf_counter()
                show(f"    {acknowledged:,} of {count:,} started, {told - begun:.0f} s")
    return time.perf_counter() - begun


async def rate(cluster: Cluster, loop_s: float = LOOP_S) -> tuple[float, float]:
    """Ten-node chains at full speed: nodes per second and the coordinator's CPU us per node, the
    medians of some loops."""
    rates, costs = [], []
    for _ in range(LOOPS):
        loop = GrpcLoop(cluster.coordinator_address, f"bench-chain{CHAIN}", IN_FLIGHT)
        begun = time.perf_counter()
        with usage.spending(cluster.pids) as spent:
            seen = await loop.run(0.0, loop_s)
        rates.append(seen.ended_in_all * CHAIN / (time.perf_counter() - begun))
        costs.append(spent.us_per(seen.ended_in_all * CHAIN)["coordinator"])
    return statistics.median(rates), statistics.median(costs)


async def executions_live(count: int) -> Figures:
    """So many executions in the coordinator's memory, half of them queued, half waiting for a
    signal, and every node of chains dispatched beside them."""
    figures: Figures = {}
    with tempfile.TemporaryDirectory(prefix="penstock-live-") as scratch:
        async with open_scale(scratch, SEGMENTS="false", DORMANT_AFTER_MS="86400000") as (
            cluster,
            metrics,
        ):
            address = cluster.coordinator_address
            for source in (flows.chain(CHAIN), waiting("queued"), waiting("waiting")):
                await apply(address, source)
            await GrpcLoop(address, f"bench-chain{CHAIN}", IN_FLIGHT).run(0.5, LOOP_S)
            alone, alone_us = await rate(cluster)
            empty = memory_of(cluster)
            show(f"    alone: {alone:,.0f} nodes/s, coordinator {alone_us:.1f} us, {empty:.0f} MB")
            for kind in ("queued", "waiting"):
                before, there = memory_of(cluster), await held(metrics)
                took = await start_many(address, f"bench-{kind}", count // 2)
                await asyncio.sleep(2.0)
                grown, live = memory_of(cluster) - before, await held(metrics)
                each = grown * 1024 / max(1, live - there)
                figures[f"live_{kind}_kb"] = round(each, 2)
                show(f"    {live:,} live, {each:.1f} KB each {kind}, started in {took:.0f} s")
            beside, beside_us = await rate(cluster)
            full, live = memory_of(cluster), await held(metrics)
            show(
                f"    beside {live:,}: {beside:,.0f} nodes/s, coordinator {beside_us:.1f} us, "
                f"{full:.0f} MB, at most {memory_peak(cluster):.0f} MB"
            )
    return figures | {
        "executions_live_max": live,
        "live_rate_ratio": round(beside / alone, 3),
        "live_cpu_ratio": round(beside_us / alone_us, 3),
        "live_coordinator_mb": round(full),
    }


def memory_peak(cluster: Cluster) -> float:
    """Most that the coordinator ever had, in MB."""
    status = Path(f"/proc/{cluster.pids['coordinator']}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


async def _watch_memory(cluster: Cluster, name: str, seen: list[float]) -> None:
    told = time.perf_counter()
    while True:
        seen.append(memory_of(cluster, name))
        if time.perf_counter() - told > TELL_S:
            told = time.perf_counter()
            show(f"    {name}: {seen[-1]:.0f} MB")
        await asyncio.sleep(0.5)


async def run_one(
    cluster: Cluster, workflow: str
) -> tuple[float, dict[str, float], pb.StartExecutionResponse]:
    """Run one execution to its end: seconds, the most memory of each process in MB, the end."""
    request = pb.StartExecutionRequest(workflow=workflow, wait_for=pb.WAIT_FOR_ENDED)
    peaks: dict[str, list[float]] = {"coordinator": [], "worker": [], "state": []}
    async with open_channel(cluster.coordinator_address) as channel, asyncio.TaskGroup() as group:
        watching = [
            group.create_task(_watch_memory(cluster, name, seen)) for name, seen in peaks.items()
        ]
        begun = time.perf_counter()
        stub = WorkflowServiceStub(channel)
        answer = await call(stub.StartExecution, request, timeout_s=WAIT_S)
        took = time.perf_counter() - begun
        for each in watching:
            each.cancel()
    if answer.status != pb.StartExecutionResponse(status=2).status:
        raise LoadFailed(f"{workflow} ended badly: {answer.failure.message or answer.status}")
    return took, {name: max(seen) for name, seen in peaks.items()}, answer


async def nodes_per_execution(count: int) -> Figures:
    """One execution of so many nodes: as items of one list, and as a graph of layers of 1,000 (of
    which a file takes fewer)."""
    figures: Figures = {}
    with tempfile.TemporaryDirectory(prefix="penstock-wide-") as scratch:
        async with open_scale(scratch) as (cluster, _):
            graph = min(count, GRAPH_MAX)
            for name, nodes, source in (
                ("items", count, flows.fan_out(count)),
                ("graph", graph, layered(graph)),
            ):
                workflow = source.splitlines()[1].partition(": ")[2]
                begun = time.perf_counter()
                await apply(cluster.coordinator_address, source)
                applied = time.perf_counter() - begun
                show(f"    {name}: applied in {applied:.1f} s ({len(source) / 1e6:.1f} MB of YAML)")
                before = memory_of(cluster)
                took, peaks, _ = await run_one(cluster, workflow)
                again, _, _ = await run_one(cluster, workflow)
                await asyncio.sleep(3.0)
                after = memory_of(cluster)
                show(
                    f"    {name}: {nodes:,} in {took:.1f} s, again in {again:.1f} s; coordinator "
                    f"{before:.0f} MB before, {peaks['coordinator']:.0f} MB most, {after:.0f} MB "
                    f"after; worker {peaks['worker']:.0f}, state {peaks['state']:.0f} MB most"
                )
                figures |= {
                    f"nodes_{name}_apply_s": round(applied, 1),
                    f"nodes_{name}_s": round(again, 1),
                    f"nodes_{name}_coordinator_mb": round(peaks["coordinator"] - before, 1),
                    f"nodes_{name}_left_mb": round(after - before, 1),
                }
                figures["nodes_per_execution_max"] = count
    return figures
