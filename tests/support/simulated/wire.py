"""gRPC without a network: channels and servers that carry messages between processes of one loop.

It stands in for `grpc.aio.insecure_channel` and `grpc.aio.server`. Messages are serialised as on a
real wire, arrive in order, each after a delay of its own, and calls break when a process dies, or
when what lies between its ends is cut for too long (`links`). With `Fabric.twice` some unary calls
are carried out twice, as by a proxy that repeats what it believes lost.
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
from support.simulated.fabric import CURRENT, NOBODY, Fabric, Process
from support.simulated.links import KEEPALIVE_S, REFUSED_S

Metadata = tuple[tuple[str, str], ...]
_UNAVAILABLE = grpc.StatusCode.UNAVAILABLE


def broken(code: grpc.StatusCode, details: str, trailing: Any = ()) -> grpc.aio.AioRpcError:
    """The error that the caller of a failed call gets."""
    return grpc.aio.AioRpcError(
        code, grpc.aio.Metadata(), grpc.aio.Metadata(*trailing), details=details
    )


def said(message: Any) -> bytes:
    """A message as bytes, the same ones in every run: the order of a map's entries is chance
    otherwise."""
    data: bytes = message.SerializeToString(deterministic=True)
    return data


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
        self._late = 0
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
            self._fabric.note(data)
            self._fabric.tap("sent", self._sender, self._receiver, message)
            self._launch(data, None)

    def _launch(self, data: bytes | None, last_word: Any) -> None:
        loop = asyncio.get_running_loop()
        fabric = self._fabric
        under_way_s = fabric.delay_s() + fabric.links.extra_s(self._sender, self._receiver)
        self._free_at = max(self._free_at, loop.time() + under_way_s)
        self._flying.append((data, last_word))
        loop.call_at(self._free_at, self._land, context=NOBODY)

    def deliver_again(self, at: float) -> None:
        """What could not cross the link arrives at this time."""
        loop = asyncio.get_running_loop()
        self._free_at = max(self._free_at, at)
        for _ in range(self._late):
            loop.call_at(at, self._land, context=NOBODY)
        self._late = 0

    def _land(self) -> None:
        if self.ended:
            return
        if self._late or self._fabric.links.is_cut(self._sender, self._receiver):
            self._late += 1
            self._fabric.links.hold(self._sender, self._receiver, self)
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
        self._metadata = metadata
        self._handling: asyncio.Task[None] | None = None
        self._feeding: asyncio.Task[None] | None = None
        found = channel.fabric.servers.get(channel.pick(self.client))
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
        if channel.fabric.links.parted(self.client, self.server):
            self.starve(REFUSED_S, {self.client.place, self.server.place})

    def starve(self, within_s: tuple[float, float], ends: set[str]) -> None:
        """The link is cut: if it still is when patience ends, each side gives the call up."""
        if ends != {self.client.place, self.server.place}:
            return
        loop, rng = asyncio.get_running_loop(), self.client.fabric.rng
        loop.call_later(rng.uniform(*within_s), self._give_up, self.client, context=NOBODY)
        loop.call_later(rng.uniform(*KEEPALIVE_S), self._give_up, self.server, context=NOBODY)

    def _give_up(self, side: Process) -> None:
        if not self.client.fabric.links.parted(self.client, self.server):
            return
        error = broken(_UNAVAILABLE, "the other side does not answer")
        if side is self.server:
            self.up.cut(error)
            if self._handling is not None:
                self._handling.cancel()
        elif not self.down.ended:
            self.up.close(error)
            self.down.cut(error)

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
        error: Exception | None = None
        try:
            request = self.up if handler.request_streaming else await anext(self.up)
            if handler.response_streaming:
                stream = handler.stream_stream or handler.unary_stream
                async for answer in stream(request, context):
                    self.down.send(answer, said(answer))
                    await asyncio.sleep(self.server.fabric.delay_s() / 4)
            else:
                answer = await handler.unary_unary(request, context)
                self.down.send(answer, said(answer))
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
        self.up.send(request, said(request))
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
        self.read = how["response_deserializer"]

    def begin(self, metadata: Metadata | None) -> Call:
        return Call(self._channel, self, tuple(metadata or ()))


class UnaryMethod(Method):
    async def __call__(
        self, request: Any, *, timeout: float | None = None, metadata: Any = None, **_: Any
    ) -> Any:
        fabric = self._channel.fabric
        if fabric.twice and fabric.rng.random() < fabric.twice:
            ghost = fabric.born("network", CURRENT.get().place)
            ghost.spawn(self._again(request, metadata))
        try:
            async with asyncio.timeout(timeout):
                call = self.begin(metadata)
                call.up.send(request, said(request))
                return await anext(call)
        except TimeoutError:
            raise broken(grpc.StatusCode.DEADLINE_EXCEEDED, "no answer in time") from None
        except StopAsyncIteration:
            raise broken(_UNAVAILABLE, "no answer") from None

    async def _again(self, request: Any, metadata: Any) -> None:
        """The same request once more, sooner or later; nobody hears the answer."""
        await asyncio.sleep(self._channel.fabric.rng.choice((0.0, 0.01, 1.0, 4.0)))
        call = self.begin(metadata)
        call.up.send(request, said(request))
        with suppress(grpc.aio.AioRpcError, StopAsyncIteration):
            await anext(call)


class UnaryStreamMethod(Method):
    def __call__(self, request: Any, *, metadata: Any = None, **_: Any) -> Call:
        call = self.begin(metadata)
        call.up.send(request, said(request))
        return call


class StreamMethod(Method):
    def __call__(self, requests: Any = None, *, metadata: Any = None, **_: Any) -> Call:
        call = self.begin(metadata)
        if requests is not None:
            call.feed(requests)
        return call


class SimulatedChannel:
    """Stands in for `grpc.aio.Channel`. Of several addresses the first that can be reached is used
    until it is lost."""

    def __init__(self, target: str) -> None:
        self.fabric = CURRENT.get().fabric
        self._addresses = target.removeprefix("ipv4:").split(",")
        self.address = self._addresses[0]

    def pick(self, caller: Process) -> str:
        """The address to call now."""
        if len(self._addresses) > 1 and not self._reaches(caller, self.address):
            up = (one for one in self._addresses if self._reaches(caller, one))
            self.address = next(up, self.address)
        return self.address

    def _reaches(self, caller: Process, address: str) -> bool:
        found = self.fabric.servers.get(address)
        return found is not None and not self.fabric.links.parted(caller, found[0])

    async def __aenter__(self) -> "SimulatedChannel":
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def close(self, grace: float | None = None) -> None:
        pass

    async def channel_ready(self) -> None:
        caller = CURRENT.get()
        while not self._reaches(caller, self.pick(caller)):
            await asyncio.sleep(0.02)

    def unary_unary(self, name: str, **how: Any) -> Method:
        return UnaryMethod(self, name, how)

    def unary_stream(self, name: str, **how: Any) -> Method:
        return UnaryStreamMethod(self, name, how)

    def stream_stream(self, name: str, **how: Any) -> Method:
        return StreamMethod(self, name, how)
