"""The worker's side of the sandbox: one stream that carries all calls, their host calls and
results.

Calls wait here until their result is there. When the stream breaks, those that had no effect yet
are sent again on the next one; a call that had asked the host for something ends as `CallLost`.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Protocol

import grpc

from penstock.api.payload.v1 import payload_pb2 as payload_pb
from penstock.api.sandbox.v1 import sandbox_service_pb2 as pb
from penstock.api.sandbox.v1 import sandbox_service_pb2_grpc as pb_grpc
from penstock.common.logging import get_logger
from penstock.common.rpc.streams import Outbox

_BATCH_CALLS = 500
_MESSAGE_BYTES_MAX = 16 * 1024 * 1024
_BUNDLES_MAX = 10_000
_CALL_BYTES_MAX = 48 * 1024 * 1024
_GRACE_S = 2.0
_CRASHED = "SANDBOX_CRASHED"
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


class CallLost(Exception):
    """The sandbox went away after the call had asked the host for something."""


class HostFunctions(Protocol):
    """Answers what user code of one call asks for."""

    async def answer(self, request: pb.HostCall) -> pb.HostResult:
        """The answer; a failure is an answer too."""
        ...


class PendingCall:
    """A call without a result yet. `done` is called once, with the result, or with None if the call
    is lost."""

    __slots__ = ("call", "host", "host_called", "scripts", "size", "submitted")

    def __init__(
        self, call: pb.Call, scripts: Sequence[pb.Script], size: int, host: HostFunctions | None
    ) -> None:
        self.call = call
        self.scripts = scripts
        self.size = size
        self.host = host
        self.host_called = False
        self.submitted = 0

    def done(self, result: pb.CallResult | None) -> None:
        """Take the result."""
        raise NotImplementedError


class AwaitedCall(PendingCall):
    """A call that somebody awaits."""

    __slots__ = ("answer",)

    def __init__(
        self, call: pb.Call, scripts: Sequence[pb.Script], size: int, host: HostFunctions | None
    ) -> None:
        super().__init__(call, scripts, size, host)
        self.answer: asyncio.Future[pb.CallResult] = asyncio.get_running_loop().create_future()

    def done(self, result: pb.CallResult | None) -> None:
        """Hand the result, or `CallLost`, to who awaits it."""
        if self.answer.done():
            return
        crashed = result is not None and result.jail_failure.reason == _CRASHED
        if result is None or (crashed and self.host_called):
            self.answer.set_exception(CallLost())
        else:
            self.answer.set_result(result)


class _Stream:
    """One life of the stream: what goes out, and which scripts the other side has."""

    def __init__(self) -> None:
        self.outbox: Outbox[PendingCall | pb.HostResult | int] = Outbox()
        self._sent_scripts: set[str] = set()
        self._sent_bundles: dict[int, Sequence[pb.Script]] = {}

    async def requests(self) -> AsyncIterator[pb.RunRequest]:
        """Messages for whatever has gathered, none much larger than 16 MiB."""
        async for batch in self.outbox.batches(_BATCH_CALLS):
            request = pb.RunRequest()
            size = 0
            for item in batch:
                size += self._add(request, item)
                if size > _MESSAGE_BYTES_MAX:
                    yield request
                    request, size = pb.RunRequest(), 0
            yield request

    def _add(self, request: pb.RunRequest, item: PendingCall | pb.HostResult | int) -> int:
        if isinstance(item, PendingCall):
            self._add_scripts(request, item.scripts)
            request.calls.append(item.call)
            return item.size
        if isinstance(item, int):
            request.cancelled_calls.append(item)
            return 8
        request.host_results.append(item)
        return len(item.value_json) + 64

    def _add_scripts(self, request: pb.RunRequest, scripts: Sequence[pb.Script]) -> None:
        bundle = id(scripts)
        if bundle in self._sent_bundles:
            return
        if len(self._sent_bundles) >= _BUNDLES_MAX:
            self._sent_bundles.clear()
        self._sent_bundles[bundle] = scripts  # held on to, so that its id stays its own
        for script in scripts:
            if script.script_id not in self._sent_scripts:
                self._sent_scripts.add(script.script_id)
                request.scripts.append(script)


class SandboxClient:
    """Calls into user JavaScript. `run` keeps the stream; `submit` may be called at any time."""

    def __init__(self, stub: "pb_grpc.SandboxServiceAsyncStub") -> None:
        self._stub = stub
        self._pending: dict[int, PendingCall] = {}
        self._last_id = 0
        self._stream = _Stream()
        self._tasks: asyncio.TaskGroup | None = None
        self._answering: dict[int, set[asyncio.Task[None]]] = {}
        self._second = 0
        self.connected = False

    @property
    def pending_count(self) -> int:
        """Calls without a result."""
        return len(self._pending)

    def submit(self, pending: PendingCall) -> int:
        """Send a call; its `done` gets the result. Returns the id, for `cancel`."""
        self._last_id = call_id = self._last_id + 1
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
                answering = self._answering.setdefault(request.call_id, set())
                task = self._tasks.create_task(self._answer(pending, request, self._stream))
                answering.add(task)
                task.add_done_callback(answering.discard)

    async def _watch(self) -> None:
        """End the calls whose time is over with no word from the sandbox."""
        while True:
            await asyncio.sleep(1.0)
            self._second += 1
            for call_id, pending in list(self._pending.items()):
                limit_s = pending.call.limits.wall_ms / 1000 + _GRACE_S
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

    async def _answer(self, pending: PendingCall, request: pb.HostCall, stream: _Stream) -> None:
        if pending.host is None:
            result = pb.HostResult(call_id=request.call_id, host_call_id=request.host_call_id)
            result.failure.reason = "HOST_FUNCTION_DENIED"
            result.failure.message = f"{request.function} is not allowed here"
        else:
            result = await pending.host.answer(request)
        if request.call_id in self._pending:
            stream.outbox.put(result)
