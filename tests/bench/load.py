"""Load over gRPC: closed loops, and one execution after the other."""

import time
from array import array
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import grpc

from bench.starts import LoadFailed, StartStream
from penstock.api.workflow.v1 import workflow_service_pb2 as pb
from penstock.api.workflow.v1 import workflow_service_pb2_grpc as rpc
from penstock.common.rpc.channel import call, open_channel

__all__ = ["GrpcLoop", "LoadFailed", "Measured", "apply"]


@dataclass
class Measured:
    """What a load saw: how many ended within the measured `seconds` and each one's latency in
    milliseconds; `ended_in_all` counts the time before and after as well. `in_time` is the share
    of an open loop's arrivals that had ended when the last one arrived."""

    ended: int = 0
    ended_in_all: int = 0
    seconds: float = 0.0
    in_time: float = 1.0
    latencies_ms: list[float] = field(default_factory=list)

    @property
    def per_second(self) -> float:
        return self.ended / self.seconds

    def percentile(self, share: float) -> float:
        return percentile(sorted(self.latencies_ms), share)


def percentile(ranked: list[float], share: float) -> float:
    """The value that `share` of the sorted values do not exceed; 0 if there is none."""
    return ranked[min(len(ranked) - 1, int(len(ranked) * share))] if ranked else 0.0


async def apply(address: str, source: str) -> None:
    """Store a workflow."""
    async with open_channel(address) as channel:
        stub = rpc.WorkflowServiceStub(channel)
        await call(stub.ApplyWorkflow, pb.ApplyWorkflowRequest(source=source))


class GrpcLoop:
    """Keeps `in_flight` executions of a workflow going over one StartExecutions stream.

    With `channel` the connection is the caller's, and stays.
    """

    def __init__(
        self,
        address: str,
        workflow: str,
        in_flight: int,
        channel: grpc.aio.Channel | None = None,
    ) -> None:
        self._address = address
        self._workflow = workflow
        self._in_flight = in_flight
        self._channel = channel

    @asynccontextmanager
    async def _open(self, *, wait_for_end: bool = True) -> AsyncIterator[StartStream]:
        if self._channel is not None:
            yield StartStream(self._channel, self._workflow, wait_for_end=wait_for_end)
            return
        async with open_channel(self._address) as channel:
            yield StartStream(channel, self._workflow, wait_for_end=wait_for_end)

    async def run(self, warm_s: float, measured_s: float) -> Measured:
        """Run for `warm_s` unmeasured and `measured_s` measured seconds, each execution followed by
        the next one."""
        seen = Measured(seconds=measured_s)
        latencies = seen.latencies_ms
        async with self._open() as stream:
            first, begun = stream.first_id, array("d")
            at = time.perf_counter()
            measure_from, until = at + warm_s, at + warm_s + measured_s
            stream.launch(self._in_flight)
            begun.extend([at] * self._in_flight)
            async for told in stream.messages():
                if not (count := len(told.ended)):
                    continue
                now = time.perf_counter()
                seen.ended_in_all += count
                if measure_from <= now < until:
                    seen.ended += count
                    latencies.extend([(now - begun[i - first]) * 1000 for i in told.ended])
                if now < until:
                    stream.launch(count)
                    begun.extend([now] * count)
                elif seen.ended_in_all == stream.launched:
                    break
        return seen

    async def starts(self, warm_s: float, measured_s: float) -> Measured:
        """As `run`, but a start is followed by the next one as soon as it is acknowledged."""
        seen = Measured(seconds=measured_s)
        async with self._open(wait_for_end=False) as stream:
            at = time.perf_counter()
            measure_from, until = at + warm_s, at + warm_s + measured_s
            stream.launch(self._in_flight)
            async for told in stream.messages():
                now = time.perf_counter()
                count = told.acknowledged + len(told.ended)
                seen.ended_in_all += count
                if measure_from <= now < until:
                    seen.ended += count
                if now < until:
                    stream.launch(count)
                elif seen.ended_in_all == stream.launched:
                    break
        return seen

    async def one_by_one(self, count: int) -> list[float]:
        """Latencies in ms of `count` executions, each started when the one before has ended."""
        latencies: list[float] = []
        async with self._open() as stream:
            begun = time.perf_counter()
            stream.launch(1)
            async for told in stream.messages():
                if not told.ended:
                    continue
                now = time.perf_counter()
                latencies.append((now - begun) * 1000)
                if len(latencies) >= count:
                    break
                begun = now
                stream.launch(1)
        return latencies
