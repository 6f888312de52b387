"""Load: closed loops of executions through gRPC streams and through REST, answered when they have
ended."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import aiohttp

from penstock.api.journal.v1.journal_pb2 import EXECUTION_STATUS_COMPLETED, EXECUTION_STATUS_RUNNING
from penstock.api.workflow.v1 import workflow_service_pb2 as pb
from penstock.api.workflow.v1 import workflow_service_pb2_grpc as rpc
from penstock.common.rpc.channel import call, open_channel
from penstock.common.rpc.streams import Outbox


@dataclass
class Measured:
    """What a closed loop saw: how many ended in how long, and each one's latency in
    milliseconds."""

    ended: int = 0
    seconds: float = 0.0
    latencies_ms: list[float] = field(default_factory=list)

    @property
    def per_second(self) -> float:
        return self.ended / self.seconds

    def percentile(self, share: float) -> float:
        ranked = sorted(self.latencies_ms)
        return ranked[min(len(ranked) - 1, int(len(ranked) * share))]


class LoadFailed(Exception):
    """An execution was refused or ended badly: the figure would be a lie."""


async def apply(address: str, source: str) -> None:
    """Store a workflow."""
    async with open_channel(address) as channel:
        stub = rpc.WorkflowServiceStub(channel)
        await call(stub.ApplyWorkflow, pb.ApplyWorkflowRequest(source=source))


class GrpcLoop:
    """Keeps `in_flight` executions of a workflow going over one StartExecutions stream."""

    def __init__(self, address: str, workflow: str, in_flight: int) -> None:
        self.address = address
        self.in_flight = in_flight
        self._start = pb.StartExecutionRequest(workflow=workflow, wait_for=pb.WAIT_FOR_ENDED)
        self._outbox: Outbox[pb.CorrelatedStart] = Outbox()
        self._begun: dict[int, float] = {}
        self._next = 0

    def _launch(self) -> None:
        self._next += 1
        self._begun[self._next] = time.perf_counter()
        self._outbox.put(pb.CorrelatedStart(correlation_id=self._next, start=self._start))

    async def _requests(self) -> AsyncIterator[pb.StartExecutionsRequest]:
        async for starts in self._outbox.batches(1000):
            yield pb.StartExecutionsRequest(starts=starts)

    def _ended(self, answer: pb.CorrelatedAnswer) -> float | None:
        """Latency in ms if this answer is the end of an execution."""
        if answer.WhichOneof("kind") == "refused":
            raise LoadFailed(f"{answer.refused.reason}: {answer.refused.message}")
        status = answer.response.status
        if status == EXECUTION_STATUS_RUNNING:
            return None
        if status != EXECUTION_STATUS_COMPLETED:
            raise LoadFailed(f"{answer.response.execution_id}: {answer.response.failure.message}")
        return (time.perf_counter() - self._begun.pop(answer.correlation_id)) * 1000

    async def run(self, warm_s: float, measured_s: float) -> Measured:
        """Run for `warm_s` unmeasured and `measured_s` measured seconds."""
        seen = Measured()
        begin = time.perf_counter()
        measure_from, until = begin + warm_s, begin + warm_s + measured_s
        async with open_channel(self.address) as channel:
            stream = rpc.WorkflowServiceStub(channel).StartExecutions(self._requests())
            for _ in range(self.in_flight):
                self._launch()
            async for response in stream:
                now = time.perf_counter()
                for answer in response.answers:
                    latency = self._ended(answer)
                    if latency is None:
                        continue
                    if measure_from <= now < until:
                        seen.ended += 1
                        seen.latencies_ms.append(latency)
                    if now < until:
                        self._launch()
                if now >= until and not self._begun:
                    break
            self._outbox.close()
            stream.cancel()
        seen.seconds = measured_s
        return seen

    async def one_by_one(self, count: int) -> list[float]:
        """Latencies in ms of `count` executions, each started when the one before has ended."""
        latencies: list[float] = []
        async with open_channel(self.address) as channel:
            stream = rpc.WorkflowServiceStub(channel).StartExecutions(self._requests())
            self._launch()
            async for response in stream:
                for answer in response.answers:
                    latency = self._ended(answer)
                    if latency is not None:
                        latencies.append(latency)
                        if len(latencies) < count:
                            self._launch()
                if len(latencies) >= count:
                    break
            self._outbox.close()
            stream.cancel()
        return latencies


async def rest_loop(url: str, workflow: str, clients: int, measured_s: float) -> Measured:
    """`clients` connections, each posting a synchronous run after the other."""
    seen = Measured(seconds=measured_s)
    target = f"{url}/v1/workflows/{workflow}/executions?wait=30s"
    until = time.perf_counter() + measured_s

    async def client(session: aiohttp.ClientSession) -> None:
        while time.perf_counter() < until:
            begun = time.perf_counter()
            async with session.post(target, json={}) as answer:
                body = await answer.read()
                if answer.status != 200:
                    raise LoadFailed(f"{answer.status}: {body[:300]!r}")
            if time.perf_counter() < until:
                seen.ended += 1
                seen.latencies_ms.append((time.perf_counter() - begun) * 1000)

    connector = aiohttp.TCPConnector(limit=clients)
    async with aiohttp.ClientSession(connector=connector) as session, asyncio.TaskGroup() as group:
        for _ in range(clients):
            group.create_task(client(session))
    return seen
