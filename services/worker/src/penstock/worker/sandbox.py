"""The worker's side of the sandbox: one stream that carries all calls, their host calls and
results.

Calls wait here until their result is there; those of one form travel as columns. When the stream
breaks, those that had no effect yet are sent again on the next one; a call that had asked the host
for something ends as `CallLost`.
"""

import asyncio
from collections.abc import AsyncIterator, Container, Sequence

import grpc

from penstock.api.payload.v1 import payload_pb2 as payload_pb
from penstock.api.sandbox.v1 import sandbox_service_pb2 as pb
from penstock.api.sandbox.v1 import sandbox_service_pb2_grpc as pb_grpc
from penstock.common.logging import get_logger
from penstock.common.rpc.streams import Outbox
from penstock.common.sandbox_programs import PROGRAMS_MAX
from penstock.worker.calls import (
    AwaitedCall,
    HostFunctions,
    RowCall,
    RowForm,
    SingleCall,
)

_BATCH_CALLS = 500
_MESSAGE_BYTES_MAX = 12 * 1024 * 1024
"""A message of this size is sent: the call that made it so may be as large as any, with its code,
and still the sandbox takes it (`penstock.common.rpc.server.MESSAGE_BYTES_MAX`)."""
_BUNDLES_MAX = 10_000
_CALL_BYTES_MAX = 48 * 1024 * 1024
_GRACE_S = 2.0
_FIRST_PAUSE_S = 0.05
_PAUSE_S_MAX = 1.0

_TIMED_OUT = payload_pb.Failure(
    error_class=payload_pb.ERROR_CLASS_TRANSIENT,
    reason="NODE_TIMEOUT",
    message="the sandbox gave no result within the attempt's time",
)
_TOO_LARGE = payload_pb.Failure(
    error_class=payload_pb.ERROR_CLASS_USER,
    reason="INPUT_TOO_LARGE",
    message=f"what the code reads is larger than {_CALL_BYTES_MAX >> 20} MiB; read less at once",
)

log = get_logger("sandbox_client")


Pending = RowCall | SingleCall
Outgoing = Pending | pb.HostResult | int


class _Columns:
    """Calls of one form and tenant on their way into a message."""

    __slots__ = ("call_ids", "form", "has_traces", "tenant", "traces", "values")

    def __init__(self, form: RowForm, tenant: str) -> None:
        self.form = form
        self.tenant = tenant
        self.call_ids: list[int] = []
        self.values: list[bytes] = []
        self.traces: list[str] = []
        self.has_traces = False

    def add(self, call: RowCall) -> None:
        """Add a call."""
        self.call_ids.append(call.call_id)
        self.values += call.values
        self.traces.append(call.traceparent)
        if call.traceparent:
            self.has_traces = True


class _Message:
    """A request being put together."""

    __slots__ = ("columns", "request", "size")

    def __init__(self) -> None:
        self.request = pb.RunRequest()
        self.columns: dict[tuple[RowForm, str], _Columns] = {}
        self.size = 0

    def add_row(self, call: RowCall, known: Container[RowForm]) -> None:
        """Add a call to the others of its form; a form that is news weighs with its code."""
        key = (call.form, call.tenant)
        columns = self.columns.get(key)
        if columns is None:
            columns = self.columns[key] = _Columns(call.form, call.tenant)
            if call.form not in known:
                self.size += call.form.size
        columns.add(call)
        self.size += call.size


class _Stream:
    """One life of the stream: what goes out, and which scripts and programs the other side has."""

    def __init__(self) -> None:
        self.outbox: Outbox[Outgoing] = Outbox()
        self._sent_scripts: set[str] = set()
        self._sent_bundles: dict[int, Sequence[pb.Script]] = {}
        self._programs: dict[RowForm, int] = {}

    async def requests(self) -> AsyncIterator[pb.RunRequest]:
        """Messages for whatever has gathered, each with at most one call beyond 12 MiB."""
        async for batch in self.outbox.batches(_BATCH_CALLS):
            message = _Message()
            for item in batch:
                if isinstance(item, RowCall):
                    message.add_row(item, self._programs)
                else:
                    message.size += self._add(message.request, item)
                if message.size > _MESSAGE_BYTES_MAX:
                    yield self._closed(message)
                    message = _Message()
            yield self._closed(message)

    def _closed(self, message: _Message) -> pb.RunRequest:
        """The request with its columns, and with the programs that are news to the other side."""
        request = message.request
        for columns in message.columns.values():
            request.batches.add(
                program_id=self._number(request, columns.form),
                tenant=columns.tenant,
                call_ids=columns.call_ids,
                values_json=columns.values,
                traceparents=columns.traces if columns.has_traces else (),
            )
        return request

    def _number(self, request: pb.RunRequest, form: RowForm) -> int:
        """The number of a program on this stream; the one used longest ago makes room."""
        known = self._programs
        number = known.pop(form, -1)
        if number < 0:
            number = len(known)
            if number >= PROGRAMS_MAX:
                number = known.pop(next(iter(known)))
            self._add_scripts(request, form.scripts)
            request.programs.add().CopyFrom(form.program)
            request.programs[-1].program_id = number
        known[form] = number
        return number

    def _add(self, request: pb.RunRequest, item: SingleCall | pb.HostResult | int) -> int:
        """Add what goes alone; about its size in bytes, with the code that is news."""
        if isinstance(item, SingleCall):
            request.calls.append(item.call)
            return item.size + self._add_scripts(request, item.scripts)
        if isinstance(item, int):
            request.cancelled_calls.append(item)
            return 8
        request.host_results.append(item)
        return len(item.value_json) + 64

    def _add_scripts(self, request: pb.RunRequest, scripts: Sequence[pb.Script]) -> int:
        """Add those that are news; returns about their size."""
        bundle = id(scripts)
        if bundle in self._sent_bundles:
            return 0
        if len(self._sent_bundles) >= _BUNDLES_MAX:
            self._sent_bundles.clear()
        self._sent_bundles[bundle] = scripts  # held on to, so that its id stays its own
        size = 0
        for script in scripts:
            if script.script_id not in self._sent_scripts:
                self._sent_scripts.add(script.script_id)
                request.scripts.append(script)
                size += len(script.source)
        return size


class SandboxClient:
    """Calls into user JavaScript. `run` keeps the stream; `submit` may be called at any time."""

    def __init__(self, stub: "pb_grpc.SandboxServiceAsyncStub") -> None:
        self._stub = stub
        self._pending: dict[int, Pending] = {}
        self._last_id = 0
        self._stream = _Stream()
        self._tasks: asyncio.TaskGroup | None = None
        self._answering: dict[int, dict[asyncio.Task[None], None]] = {}
        self._second = 0
        self.connected = False

    @property
    def pending_count(self) -> int:
        """Calls without a result."""
        return len(self._pending)

    def submit(self, pending: Pending) -> int:
        """Send a call; its `done` gets the result. Returns the id, for `cancel`."""
        self._last_id = call_id = self._last_id + 1
        pending.call_id = call_id
        if isinstance(pending, SingleCall):
            pending.call.call_id = call_id
        pending.submitted = self._second
        self._pending[call_id] = pending
        if pending.size > _CALL_BYTES_MAX:
            asyncio.get_running_loop().call_soon(self._end, call_id, _TOO_LARGE)
            return call_id
        self._stream.outbox.put(pending)
        return call_id

    def cancel(self, call_id: int) -> None:
        """Nobody waits for this call any more; `done` is not called."""
        if self._pending.pop(call_id, None) is not None:
            self._stream.outbox.put(call_id)
        self._stop_answering(call_id)

    async def call(
        self,
        call: pb.Call,
        scripts: Sequence[pb.Script],
        host: HostFunctions | None = None,
        size: int = 512,
    ) -> pb.CallResult:
        """Send a call and wait for its result. Raises CallLost. Cancelling cancels the call."""
        pending = AwaitedCall(call, scripts, size, host)
        call_id = self.submit(pending)
        try:
            return await pending.answer
        finally:
            self.cancel(call_id)

    async def run(self) -> None:
        """Keep a stream to the sandbox until cancelled."""
        pause_s = _FIRST_PAUSE_S
        async with asyncio.TaskGroup() as self._tasks:
            self._tasks.create_task(self._watch())
            while True:
                try:
                    await self._one_stream()
                    pause_s = _FIRST_PAUSE_S
                except grpc.aio.AioRpcError as error:
                    if self.connected or pause_s == _FIRST_PAUSE_S:
                        log.warning("sandbox_stream_broke", error=error.details())
                    if self.connected:
                        pause_s = _FIRST_PAUSE_S
                self.connected = False
                self._begin_again()
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, _PAUSE_S_MAX)

    async def _one_stream(self) -> None:
        stream = self._stream
        try:
            async for response in self._stub.Run(stream.requests()):
                self.connected = True
                self._on_response(response)
        finally:
            stream.outbox.close()

    def _begin_again(self) -> None:
        """A new stream: send again what may be, give up what may not."""
        self._stream = _Stream()
        for call_id, pending in list(self._pending.items()):
            if pending.host_called:
                del self._pending[call_id]
                self._stop_answering(call_id)
                pending.done(None)
            else:
                self._stream.outbox.put(pending)

    def _on_response(self, response: pb.RunResponse) -> None:
        pending_calls = self._pending
        for batch in response.batches:
            self._on_batch(batch)
        for result in response.results:
            pending = pending_calls.pop(result.call_id, None)
            if pending is not None:
                if pending.host_called:
                    self._stop_answering(result.call_id)
                pending.done(result)
        for request in response.host_calls:
            pending = pending_calls.get(request.call_id)
            if pending is not None and self._tasks is not None:
                pending.host_called = True
                answering = self._answering.setdefault(request.call_id, {})
                task = self._tasks.create_task(self._answer(pending, request, self._stream))
                answering[task] = None
                task.add_done_callback(answering.pop)

    def _on_batch(self, batch: pb.ResultBatch) -> None:
        take = self._pending.pop
        outputs, durations_us = list(batch.outputs_json), list(batch.durations_us)
        steps = len(outputs) // max(1, len(batch.call_ids))
        start = 0
        for call_id in batch.call_ids:
            end = start + steps
            pending = take(call_id, None)
            if pending is not None:
                pending.done_well(outputs[start:end], durations_us[start:end])
            start = end

    async def _watch(self) -> None:
        """End the calls whose time is over with no word from the sandbox."""
        while True:
            await asyncio.sleep(1.0)
            self._second += 1
            for call_id, pending in list(self._pending.items()):
                limit_s = pending.wall_ms / 1000 + _GRACE_S
                if self._second - pending.submitted > limit_s:
                    self._stream.outbox.put(call_id)
                    self._end(call_id, _TIMED_OUT)

    def _end(self, call_id: int, failure: payload_pb.Failure) -> None:
        """Give a call its result from here."""
        pending = self._pending.pop(call_id, None)
        self._stop_answering(call_id)
        if pending is not None:
            pending.done(pb.CallResult(call_id=call_id, jail_failure=failure))

    def _stop_answering(self, call_id: int) -> None:
        for task in self._answering.pop(call_id, ()):
            task.cancel()

    async def _answer(self, pending: Pending, request: pb.HostCall, stream: _Stream) -> None:
        host = pending.host if isinstance(pending, SingleCall) else None
        if host is None:
            result = pb.HostResult(call_id=request.call_id, host_call_id=request.host_call_id)
            result.failure.reason = "HOST_FUNCTION_DENIED"
            result.failure.message = f"{request.function} is not allowed here"
        else:
            result = await host.answer(request)
        if request.call_id in self._pending:
            stream.outbox.put(result)
