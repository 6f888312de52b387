"""Live updates: 1,000 WebSocket clients on the shipped gateway while executions run.

Measured per event and client: from the instant the coordinator decided the event (its `at`, taken
before the commit) to the instant the client process has its bytes in hand. So each figure holds the
commit as well, and is an upper bound of commit to client; both clocks are the machine's own. The
clients run in a process of their own on the same cores.

Two patterns: every client on an execution of its own, and all clients on one.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec

from bench import usage
from bench.live_client import Seen, Watchers
from penstock.api.workflow.v1 import workflow_service_pb2 as pb
from penstock.api.workflow.v1 import workflow_service_pb2_grpc as rpc
from penstock.common.rpc.channel import call, open_channel
from penstock.embedded import Cluster

CLIENTS = 1000
STEP_S = 1.0
STEPS = 60
STEP_SHARED_S = 0.2
STEPS_SHARED = 250
MEASURED_S = 10.0
_STARTS_AT_ONCE = 50
_ANSWER_S = 90.0
_LINE_BYTES = 1 << 26


def steps(name: str, step_s: float, count: int) -> str:
    """Waits in a row: with each, a node is queued, waits and completes."""
    lines = ["flow: 1", f"id: {name}", "nodes:"]
    for index in range(count):
        needs = f"needs: [s{index - 1}], " if index else ""
        lines.append(f"  s{index}: {{{needs}uses: delay@1, with: {{duration: {step_s}}}}}")
    return "\n".join(lines) + "\n"


async def start(address: str, workflow: str, count: int, over_s: float) -> list[str]:
    """Start executions evenly over a time; their ids."""
    ids: list[str] = []

    async def requests() -> AsyncIterator[pb.StartExecutionsRequest]:
        for first in range(0, count, _STARTS_AT_ONCE):
            starts = [
                pb.CorrelatedStart(
                    correlation_id=number, start=pb.StartExecutionRequest(workflow=workflow)
                )
                for number in range(first, min(first + _STARTS_AT_ONCE, count))
            ]
            yield pb.StartExecutionsRequest(starts=starts)
            await asyncio.sleep(over_s * _STARTS_AT_ONCE / count)
        await asyncio.Event().wait()

    async with asyncio.timeout(_ANSWER_S), open_channel(address) as channel:
        stream = rpc.WorkflowServiceStub(channel).StartExecutions(requests())
        async for response in stream:
            for answer in response.answers:
                if answer.WhichOneof("kind") == "refused":
                    raise RuntimeError(f"{answer.refused.reason}: {answer.refused.message}")
                ids.append(answer.response.execution_id)
            if len(ids) == count:
                stream.cancel()
                break
    return ids


async def cancel(address: str, ids: list[str]) -> None:
    """End them all."""
    async with open_channel(address) as channel:
        stub = rpc.WorkflowServiceStub(channel)
        for execution_id in ids:
            request = pb.CancelExecutionRequest(execution_id=execution_id, reason="measured")
            await call(stub.CancelExecution, request)


async def watch(cluster: Cluster, ids: list[str]) -> tuple[Seen, dict[str, float]]:
    """One client for each id, measured; what they saw, and CPU seconds by role meanwhile."""
    host, _, port = cluster.gateway_url.removeprefix("http://").rpartition(":")
    program = Path(__file__).with_name("live_client.py")
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(program),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=_LINE_BYTES,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        async with asyncio.timeout(_ANSWER_S):
            process.stdin.write(msgspec.json.encode(Watchers(host, int(port), ids)) + b"\n")
            if await process.stdout.readline() != b"ready\n":
                raise RuntimeError("the clients could not connect")
        with usage.spending(cluster.pids) as spent:
            process.stdin.write(b"measure\n")
            await asyncio.sleep(MEASURED_S)
            process.stdin.write(b"enough\n")
            async with asyncio.timeout(_ANSWER_S):
                line = await process.stdout.readline()
        return msgspec.json.decode(line, type=Seen), spent.by_role
    finally:
        process.stdin.close()
        await process.wait()


def _percentile(ranked: list[float], share: float) -> float:
    return round(ranked[min(len(ranked) - 1, int(len(ranked) * share))], 2)


def _figures(prefix: str, seen: Seen, cpu: dict[str, float]) -> dict[str, float]:
    ranked = sorted(seen.latencies_ms)
    events = len(ranked)
    return {
        f"{prefix}_ms_p50": _percentile(ranked, 0.5),
        f"{prefix}_ms_p99": _percentile(ranked, 0.99),
        f"{prefix}_ms_max": round(ranked[-1], 2),
        f"{prefix}_clients": seen.alive,
        f"{prefix}_events_per_s": round(events / MEASURED_S),
        f"{prefix}_gateway_us_per_event": round(cpu["gateway"] / events * 1e6, 1),
        f"{prefix}_gateway_us_per_write": round(cpu["gateway"] / seen.reads * 1e6, 1),
        f"{prefix}_gateway_cpu_percent": round(cpu["gateway"] / MEASURED_S * 100, 1),
        f"{prefix}_nats_cpu_percent": round(cpu["nats"] / MEASURED_S * 100, 1),
        f"{prefix}_state_cpu_percent": round(cpu["state"] / MEASURED_S * 100, 1),
        f"{prefix}_client_cpu_percent": round(seen.cpu_s / MEASURED_S * 100, 1),
    }


async def measure(cluster: Cluster) -> dict[str, float]:
    """Latency with a thousand executions watched by one client each (`live_update_*`), and with
    one watched by a thousand (`live_shared_*`)."""
    address = cluster.coordinator_address
    async with open_channel(address) as channel:
        stub = rpc.WorkflowServiceStub(channel)
        for source in (
            steps("bench-live", STEP_S, STEPS),
            steps("bench-live-shared", STEP_SHARED_S, STEPS_SHARED),
        ):
            await call(stub.ApplyWorkflow, pb.ApplyWorkflowRequest(source=source))
    ids = await start(address, "bench-live", CLIENTS, STEP_S)
    seen, cpu = await watch(cluster, ids)
    await cancel(address, ids)
    figures = _figures("live_update", seen, cpu)
    ids = await start(address, "bench-live-shared", 1, 0.0)
    seen, cpu = await watch(cluster, ids * CLIENTS)
    await cancel(address, ids)
    return figures | _figures("live_shared", seen, cpu)
