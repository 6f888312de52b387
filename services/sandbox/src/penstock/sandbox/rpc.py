"""The gRPC side: streams of workers in, batches to the pool, batches back."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc

from penstock.api.sandbox.v1 import sandbox_service_pb2 as sandbox_pb2
from penstock.api.sandbox.v1 import sandbox_service_pb2_grpc
from penstock.sandbox.front.calls import InFlight, Stream, refused
from penstock.sandbox.front.pool import Pool
from penstock.sandbox.metrics import Metrics
from penstock.sandbox.settings import Settings

SERVICE = "penstock.api.sandbox.v1.SandboxService"
_MEGABYTE = 1024 * 1024
_RESPONSES_MAX = 64


class SandboxServicer(sandbox_service_pb2_grpc.SandboxServiceServicer):
    """`penstock.api.sandbox.v1.SandboxService`."""

    def __init__(
        self, settings: Settings, pool: Pool, group: asyncio.TaskGroup, metrics: Metrics
    ) -> None:
        self._settings = settings
        self._pool = pool
        self._group = group
        self._metrics = metrics

    async def Run(
        self, request_iterator: AsyncIterator[sandbox_pb2.RunRequest], context: Any
    ) -> AsyncIterator[sandbox_pb2.RunResponse]:
        """Serve one worker's stream until it ends; drop what is left of its calls then."""
        stream = Stream()
        reader = self._group.create_task(self._read(stream, request_iterator))
        try:
            async for responses in stream.outbox.batches(_RESPONSES_MAX):
                yield _merged(responses)
        finally:
            reader.cancel()
            self._drop_all(stream)

    async def _read(self, stream: Stream, requests: AsyncIterator[sandbox_pb2.RunRequest]) -> None:
        try:
            async for request in requests:
                self._take(stream, request)
            stream.end()
        except (grpc.aio.BaseError, grpc.RpcError, asyncio.CancelledError):
            stream.outbox.close()

    def _take(self, stream: Stream, request: sandbox_pb2.RunRequest) -> None:
        for script in request.scripts:
            stream.scripts[script.script_id] = script
        tenants = set()
        room = self._settings.queue_max - (self._pool.queued() if request.calls else 0)
        for call in request.calls:
            room -= 1
            if room < 0:
                self._metrics.on_refused()
                stream.outbox.put(
                    refused(call.call_id, "LIMIT_EXCEEDED", "Too many calls wait for a jail.")
                )
                continue
            self._pool.enqueue(self._in_flight(stream, call))
            tenants.add(call.tenant)
        for result in request.host_results:
            item = stream.in_flight.get(result.call_id)
            if item is not None and item.jail is not None:
                item.jail.answer(item, result)
                tenants.add(item.call.tenant)
        for call_id in request.cancelled_calls:
            item = stream.in_flight.pop(call_id, None)
            if item is not None:
                _drop(item)
                tenants.add(item.call.tenant)
        self._pool.flush_tenants(tenants)

    def _in_flight(self, stream: Stream, call: sandbox_pb2.Call) -> InFlight:
        settings, limits = self._settings, call.limits
        wall_ms = min(limits.wall_ms or settings.wall_ms, settings.wall_ms_max)
        memory_mb = min(limits.memory_mb or settings.memory_mb, settings.memory_mb)
        if not 0 < limits.output_bytes_max <= settings.output_bytes_max:
            limits.output_bytes_max = settings.output_bytes_max
        item = InFlight(
            next(self._pool.slots),
            stream,
            call.call_id,
            call,
            wall_ms / 1000,
            memory_mb * _MEGABYTE,
        )
        stream.in_flight[call.call_id] = item
        return item

    def _drop_all(self, stream: Stream) -> None:
        left = list(stream.in_flight.values())
        stream.in_flight.clear()
        for item in left:
            _drop(item)
        self._pool.flush_tenants({item.call.tenant for item in left})


def _drop(item: InFlight) -> None:
    if item.jail is not None:
        item.jail.drop(item)
    item.is_dropped = True


def _merged(responses: list[sandbox_pb2.RunResponse]) -> sandbox_pb2.RunResponse:
    first = responses[0]
    for response in responses[1:]:
        first.MergeFrom(response)
    return first
