"""Penstock itself, on the embedded cluster, through gRPC like any client."""

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bench import flows
from bench.load import GrpcLoop, apply
from bench.peers.peer import CHAIN, WIDTH, Idle, Looped, Site, Way, WentWrong
from bench.peers.processes import cpu_seconds, own_cpu_seconds
from penstock.api.journal.v1.journal_pb2 import EXECUTION_STATUS_COMPLETED
from penstock.api.workflow.v1 import workflow_service_pb2 as pb
from penstock.api.workflow.v1 import workflow_service_pb2_grpc as rpc
from penstock.common.rpc.channel import call, open_channel
from penstock.embedded import Cluster, ClusterSettings, open_cluster

WARM_S = 0.5
SEGMENTS = "penstock-segments"
DISPATCHED = "penstock-dispatched"
WORKFLOWS = {"chain": f"bench-chain{CHAIN}", "fan_out": f"bench-fanout{WIDTH}"}
EXPECTED = {"chain": {"n": CHAIN}, "fan_out": 2 * sum(range(WIDTH))}
CLOCK = "bench-clock"
ALL = "everything: PostgreSQL with fsync on, committed before anything is answered"


def _way(name: str, label: str) -> Way:
    return Way(name, label, ALL, ALL, (300, 1000, 2000), (1, 8, 32))


def clock_chain() -> str:
    """A chain whose first node tells the time, in milliseconds, and whose others pass it on."""
    lines = ["flow: 1", f"id: {CLOCK}", "nodes:", "  s0: {run: 'return { at: Date.now() };'}"]
    for index in range(1, CHAIN):
        parent = f"s{index - 1}"
        lines.append(f"  s{index}: {{needs: [{parent}], run: 'return input.{parent};'}}")
    return "\n".join(lines) + "\n"


class RunningPenstock:
    """A cluster that serves."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def learn(self) -> None:
        """Store the workflows and see that they give what they should."""
        for source in (flows.chain(CHAIN), flows.fan_out(WIDTH), clock_chain()):
            await apply(self._cluster.coordinator_address, source)
        async with open_channel(self._cluster.coordinator_address) as channel:
            stub = rpc.WorkflowServiceStub(channel)
            for work, workflow in WORKFLOWS.items():
                answered = await self._run(stub, workflow)
                if answered != EXPECTED[work]:
                    raise WentWrong(f"{workflow} gave {answered!r}")

    async def _run(self, stub: rpc.WorkflowServiceStub, workflow: str) -> object:
        """Run a workflow to its end; its result."""
        asked = pb.StartExecutionRequest(workflow=workflow, wait_for=pb.WAIT_FOR_ENDED)
        answer = await call(stub.StartExecution, asked)
        if answer.status != EXECUTION_STATUS_COMPLETED:
            raise WentWrong(f"{workflow}: {answer.failure.message}")
        return json.loads(answer.output.json)

    async def loop(self, work: str, in_flight: int, seconds: float) -> Looped:
        """A closed loop over one stream of starts."""
        loop = GrpcLoop(self._cluster.coordinator_address, WORKFLOWS[work], in_flight)
        seen = await loop.run(WARM_S, seconds - WARM_S)
        return Looped(seen.per_second, seen.ended_in_all, seen.percentile(0.5))

    async def idle(self, count: int, seconds: float) -> Idle:
        """Chains one by one; the first node's time is read in a second pass."""
        address = self._cluster.coordinator_address
        chain_ms = await GrpcLoop(address, WORKFLOWS["chain"], 1).one_by_one(count)
        first_step_ms: list[float] = []
        async with open_channel(address) as channel:
            stub = rpc.WorkflowServiceStub(channel)
            for _ in range(count):
                begun_ms = time.time_ns() / 1e6
                answered = await self._run(stub, CLOCK)
                assert isinstance(answered, dict)
                # The node's clock shows whole milliseconds, cut off: half of one is missing.
                first_step_ms.append(answered["at"] + 0.5 - begun_ms)
        return Idle(chain_ms, first_step_ms)

    def cpu_s(self) -> float:
        """All services, PostgreSQL, NATS, and this process, which makes the load."""
        return cpu_seconds(self._cluster.pids.values()) + own_cpu_seconds()


class Penstock:
    """The engine that the others are compared with."""

    name = "penstock"
    ways = (
        _way(SEGMENTS, "Penstock"),
        _way(DISPATCHED, "Penstock, each node dispatched on its own"),
    )

    async def prepare(self, site: Site) -> dict[str, str]:
        """Nothing: it is here."""
        return {}

    @asynccontextmanager
    async def open(self, way: Way, site: Site) -> AsyncIterator[RunningPenstock]:
        """A fresh cluster, with segments or without."""
        settings = ClusterSettings(
            data_dir=site.scratch / "cluster",
            log_level="warning",
            service_env={
                "PENSTOCK_COORDINATOR_SEGMENTS": "true" if way.name == SEGMENTS else "false"
            },
        )
        async with open_cluster(settings) as cluster:
            running = RunningPenstock(cluster)
            await running.learn()
            yield running
