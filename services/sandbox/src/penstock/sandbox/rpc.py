"""The gRPC side: streams of workers in, batches to the pool, batches back."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import grpc

from penstock.api.payload.v1 import payload_pb2
from penstock.api.sandbox.v1 import sandbox_service_pb2 as sandbox_pb2
from penstock.api.sandbox.v1 import sandbox_service_pb2_grpc
from penstock.sandbox.batches import fits
from penstock.sandbox.front.calls import InFlight, Program, Stream, refused
from penstock.sandbox.front.pool import Pool
from penstock.sandbox.front.portions import portions
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
                for message in portions(responses):
                    yield message
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
        for program in request.programs:
            stream.programs[program.program_id] = self._program(program)
        tenants = set()
        has_calls = request.calls or request.batches
        room = self._settings.queue_max - (self._pool.queued() if has_calls else 0)
        for call in request.calls:
            room -= 1
            if room < 0:
                self._refuse(stream, [call.call_id])
                continue
            self._pool.enqueue(self._in_flight(stream, call))
            tenants.add(call.tenant)
        for batch in request.batches:
            room -= len(batch.call_ids)
            if room < 0:
                self._refuse(stream, batch.call_ids)
            elif self._enqueue_batch(stream, batch):
                tenants.add(batch.tenant)
        for result in request.host_results:
            item = stream.in_flight.get(result.call_id)
            if item is not None and item.jail is not None:
                item.jail.answer(item, result)
                tenants.add(item.call.tenant)
        for call_id in request.cancelled_calls:
            if (item := _cancelled(stream, call_id)) is not None:
                tenants.add(item.call.tenant)
        self._pool.flush_tenants(tenants)

    def _refuse(self, stream: Stream, call_ids: Sequence[int]) -> None:
        self._metrics.on_refused(len(call_ids))
        text = "Too many calls wait for a jail."
        stream.outbox.put(refused(call_ids, "LIMIT_EXCEEDED", text))

    def _bounds(self, limits: sandbox_pb2.Limits) -> tuple[float, int]:
        """Wall clock in seconds and memory in bytes; sets the largest output."""
        settings = self._settings
        wall_ms = min(limits.wall_ms or settings.wall_ms, settings.wall_ms_max)
        memory_mb = min(limits.memory_mb or settings.memory_mb, settings.memory_mb)
        if not 0 < limits.output_bytes_max <= settings.output_bytes_max:
            limits.output_bytes_max = settings.output_bytes_max
        return wall_ms / 1000, memory_mb * _MEGABYTE

    def _program(self, message: sandbox_pb2.Program) -> Program:
        for step in message.steps:
            del step.host_functions[:]
            step.ClearField("item_json")
            step.ClearField("now_unix_ms")
        wall_s, memory_bytes = self._bounds(message.limits)
        return Program(message, wall_s, memory_bytes)

    def _in_flight(self, stream: Stream, call: sandbox_pb2.Call) -> InFlight:
        wall_s, memory_bytes = self._bounds(call.limits)
        slot, pace = self._pool.slots.take(1), stream.pace_of(call)
        return InFlight(slot, stream, call.call_id, call, wall_s, memory_bytes, pace=pace)

    def _enqueue_batch(self, stream: Stream, batch: sandbox_pb2.CallBatch) -> bool:
        program = stream.programs.get(batch.program_id)
        if program is None or not fits(program.message, batch):
            text = "The batch fits no program of this stream."
            error_class = payload_pb2.ERROR_CLASS_SYSTEM
            answer = refused(batch.call_ids, "INVALID_ARGUMENT", text, error_class)
            stream.outbox.put(answer)
            return False
        count = len(batch.call_ids)
        if not count:
            return False
        self._pool.enqueue(
            InFlight(
                self._pool.slots.take(count),
                stream,
                0,
                batch,
                program.wall_s,
                program.memory_bytes,
                program,
                count,
                program.pace,
            )
        )
        return True

    def _drop_all(self, stream: Stream) -> None:
        left = [*stream.in_flight.values(), *stream.batches.values()]
        stream.in_flight.clear()
        stream.batches.clear()
        for item in left:
            _drop(item)
        self._pool.flush_tenants({item.call.tenant for item in left})


def _cancelled(stream: Stream, call_id: int) -> InFlight | None:
    """Cancel a call; what it belonged to."""
    item = stream.in_flight.pop(call_id, None)
    if item is not None:
        _drop(item)
        return item
    for item in stream.batches.values():
        place = item.place_of(call_id)
        if place >= 0:
            if item.jail is not None:
                item.jail.drop_one(item, place)
            else:
                item.cancelled.add(place)
            return item
    return None


def _drop(item: InFlight) -> None:
    if item.jail is not None:
        item.jail.drop(item)
    item.is_dropped = True
