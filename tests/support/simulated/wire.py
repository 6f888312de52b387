"""gRPC without a network: channels and servers that carry messages between processes of one loop.

It stands in for `grpc.aio.insecure_channel` and `grpc.aio.server`. Messages are serialised as on a
real wire, arrive in order, each after a delay of its own, and calls break when a process dies.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

import grpc
from grpc_status import rpc_status

from penstock.common.errors import PenstockError
from penstock.common.rpc.status import to_status
from support.simulated.fabric import CURRENT, Fabric, Process

Metadata = tuple[tuple[str, str], ...]
_UNAVAILABLE = grpc.StatusCode.UNAVAILABLE


def broken(code: grpc.StatusCode, details: str, trailing: Any = ()) -> grpc.aio.AioRpcError:
    """The error that the caller of a failed call gets."""
    return grpc.aio.AioRpcError(
        code, grpc.aio.Metadata(), grpc.aio.Metadata(*trailing), details=details
    )


class Pipe:
    """One direction of a call."""

    def __init__(self, sender: Process, receiver: Process, decode: Callable[[bytes], Any]) -> None:
        self._sender, self._receiver = sender, receiver
        self._fabric: Fabric = sender.fabric
        self._decode = decode
        self._flying: deque[tuple[bytes | None, Any]] = deque()
        self._there: deque[Any] = deque()
        self._wake = asyncio.Event()
        self._free_at = 0.0
        self.closed = False
        self.ended = False
        self.error: Exception | None = None
        self.on_end: Callable[[], None] = lambda: None

    def send(self, message: Any, data: bytes) -> None:
        """Put a message on its way; nothing is heard of it if its sender is dead."""
        if self.closed or self.ended:
            return
        kind = type(message).__name__
        self._fabric.point(f"{self._sender.name} sends {kind} to {self._receiver.name}")
        if self._sender.alive and not self.ended:
            self._fabric.tap("sent", self._sender, self._receiver, message)
            self._launch(data, None)

    def _launch(self, data: bytes | None, last_word: Any) -> None:
        loop = asyncio.get_running_loop()
        self._free_at = max(self._free_at, loop.time() + self._fabric.delay_s())
        self._flying.append((data, last_word))
        loop.call_at(self._free_at, self._land)

    def _land(self) -> None:
        if self.ended:
            return
        data, error = self._flying.popleft()
        if data is None:
            self.cut(error)
            return
        message = self._decode(data)
        kind = type(message).__name__
        self._fabric.point(f"{self._receiver.name} gets {kind} of {self._sender.name}")
        if self._receiver.alive and not self.ended:
            self._there.extend((message,) * self._fabric.copies(message))
            self._wake.set()

    def close(self, error: Exception | None = None) -> None:
        """The sender has no more to say; what is under way still arrives."""
        if not self.closed:
            self.closed = True
            self._launch(None, error)

    def cut(self, error: Exception | None) -> None:
        """Nothing arrives any more."""
        if not self.ended:
            self.closed = self.ended = True
            self.error = error
            self._wake.set()
            self.on_end()

    def __aiter__(self) -> "Pipe":
        return self

    async def __anext__(self) -> Any:
        while not self._there:
            if self.ended:
                if self.error is not None:
                    raise self.error
                raise StopAsyncIteration
            self._wake.clear()
            await self._wake.wait()
        message = self._there.popleft()
        self._fabric.tap("taken", self._sender, self._receiver, message)
        return message


class Context:
    """What a servicer is told of its call."""

    def __init__(self, metadata: Metadata) -> None:
        self._metadata = metadata

    def invocation_metadata(self) -> Metadata:
        return self._metadata

    async def abort(self, code: grpc.StatusCode, details: str = "", trailing: Any = ()) -> None:
        raise broken(code, details, trailing)


class Call:
    """One call, both its ends."""

    def __init__(self, channel: "SimulatedChannel", method: "Method", metadata: Metadata) -> None:
        self.client = CURRENT.get()
        self.server = self.client
        self._write = method.write
        self._metadata = metadata
        self._handling: asyncio.Task[None] | None = None
        self._feeding: asyncio.Task[None] | None = None
        found = channel.fabric.servers.get(channel.address)
        handler = None
        if found is not None and self.client.alive:
            self.server, handlers = found
            handler = handlers.get(method.name)
        self.up = Pipe(self.client, self.server, handler.request_deserializer if handler else bytes)
        self.down = Pipe(self.server, self.client, method.read)
        self.down.on_end = self._over
        if handler is None:
            self.down.close(broken(_UNAVAILABLE, f"nobody answers at {channel.address}"))
            return
        self.client.calls[self] = self.server.calls[self] = None
        self._handling = self.server.spawn(self._handle(handler))
        self.up.on_end = self._hung_up

    def _over(self) -> None:
        self.client.calls.pop(self, None)
        self.server.calls.pop(self, None)
        if not self.up.closed:
            self.up.cut(None)
        if self._feeding is not None:
            self._feeding.cancel()

    def _hung_up(self) -> None:
        """The client is gone (not merely done): the servicer is cancelled."""
        if self.up.error is not None and self._handling is not None:
            self.up.error = None
            self._handling.cancel()

    async def _handle(self, handler: Any) -> None:
        context = Context(self._metadata)
        write = handler.response_serializer
        error: Exception | None = None
        try:
            request = self.up if handler.request_streaming else await anext(self.up)
            if handler.response_streaming:
                stream = handler.stream_stream or handler.unary_stream
                async for answer in stream(request, context):
                    self.down.send(answer, write(answer))
                    await asyncio.sleep(self.server.fabric.delay_s() / 4)
            else:
                answer = await handler.unary_unary(request, context)
                self.down.send(answer, write(answer))
        except PenstockError as fault:
            status = rpc_status.to_status(to_status(fault))
            error = broken(status.code, status.details, status.trailing_metadata)
        except grpc.aio.AioRpcError as fault:
            error = fault
        except asyncio.CancelledError:
            error = broken(_UNAVAILABLE, "the call was broken off")
            raise
        except Exception as fault:
            self.server.fabric.faults.append(f"{self.server.name} met {fault!r}")
            error = broken(grpc.StatusCode.INTERNAL, repr(fault))
        finally:
            self.down.close(error)

    def feed(self, requests: AsyncIterator[Any]) -> None:
        """Send what the client has to say, as it comes."""
        self._feeding = self.client.spawn(self._feed(requests))

    async def _feed(self, requests: AsyncIterator[Any]) -> None:
        with suppress(asyncio.InvalidStateError):
            async for request in requests:
                await self.write(request)
            self.up.close()

    async def write(self, request: Any) -> None:
        """Say something; takes a moment, in which more gathers."""
        if self.down.ended:
            raise asyncio.InvalidStateError("the call is over")
        self.up.send(request, self._write(request))
        await asyncio.sleep(self.client.fabric.delay_s() / 4)

    async def done_writing(self) -> None:
        self.up.close()

    def cancel(self) -> None:
        """The client wants no more of it."""
        if not self.down.ended:
            self.up.close(broken(grpc.StatusCode.CANCELLED, "cancelled"))
            self.down.cut(broken(grpc.StatusCode.CANCELLED, "cancelled"))

    def sever(self, dead: Process | None) -> None:
        """The connection is gone. What a dead process had sent may arrive all the same."""
        error = broken(_UNAVAILABLE, "the connection broke")
        rng = self.server.fabric.rng
        for pipe, towards in ((self.up, self.server), (self.down, self.client)):
            if towards is not dead and dead is not None and rng.random() < 0.5:
                pipe.close(error)
            else:
                pipe.cut(error)

    def __aiter__(self) -> "Call":
        return self

    async def __anext__(self) -> Any:
        try:
            return await anext(self.down)
        except asyncio.CancelledError:
            self.cancel()
            raise

    async def read(self) -> Any:
        return await anext(self, grpc.aio.EOF)


class Method:
    """A method of a stub: calling it begins a call."""

    def __init__(self, channel: "SimulatedChannel", name: str, how: dict[str, Any]) -> None:
        self._channel = channel
        self._method = self.name = name
        self.write, self.read = how["request_serializer"], how["response_deserializer"]

    def begin(self, metadata: Metadata | None) -> Call:
        return Call(self._channel, self, tuple(metadata or ()))


class UnaryMethod(Method):
    async def __call__(
        self, request: Any, *, timeout: float | None = None, metadata: Any = None, **_: Any
    ) -> Any:
        try:
            async with asyncio.timeout(timeout):
                call = self.begin(metadata)
                call.up.send(request, self.write(request))
                return await anext(call)
        except TimeoutError:
            raise broken(grpc.StatusCode.DEADLINE_EXCEEDED, "no answer in time") from None
        except StopAsyncIteration:
            raise broken(_UNAVAILABLE, "no answer") from None


class UnaryStreamMethod(Method):
    def __call__(self, request: Any, *, metadata: Any = None, **_: Any) -> Call:
        call = self.begin(metadata)
        call.up.send(request, self.write(request))
        return call


class StreamMethod(Method):
    def __call__(self, requests: Any = None, *, metadata: Any = None, **_: Any) -> Call:
        call = self.begin(metadata)
        if requests is not None:
            call.feed(requests)
        return call


class SimulatedChannel:
    """Stands in for `grpc.aio.Channel`."""

    def __init__(self, address: str) -> None:
        self.fabric = CURRENT.get().fabric
        self.address = address

    async def __aenter__(self) -> "SimulatedChannel":
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def close(self, grace: float | None = None) -> None:
        pass

    async def channel_ready(self) -> None:
        while self.address not in self.fabric.servers:
            await asyncio.sleep(0.02)

    def unary_unary(self, name: str, **how: Any) -> Method:
        return UnaryMethod(self, name, how)

    def unary_stream(self, name: str, **how: Any) -> Method:
        return UnaryStreamMethod(self, name, how)

    def stream_stream(self, name: str, **how: Any) -> Method:
        return StreamMethod(self, name, how)


class SimulatedServer:
    """As much of `grpc.aio.Server` as generated code wants, serving in the current process."""

    def __init__(self, address: str) -> None:
        self._process = CURRENT.get()
        self._handlers: dict[str, Any] = {}
        self._process.fabric.servers[address] = (self._process, self._handlers)
        self._process.addresses.append(address)

    def add_generic_rpc_handlers(self, handlers: Any) -> None:
        pass

    def add_registered_method_handlers(self, service: str, handlers: dict[str, Any]) -> None:
        self._handlers.update({f"/{service}/{name}": one for name, one in handlers.items()})
