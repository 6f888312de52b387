"""Connections that take bytes made elsewhere.

Theory. What a thousand watchers of an execution are sent is the same bytes, so they are made once
and written to each connection as they are: no task is woken, no ASGI message passed and no frame
built per watcher. uvicorn's protocols are extended by a `Line` for that, which a route finds in its
scope. A line does not block: it says whether the client keeps up (`taking`), and a writer that goes
on nevertheless fills this process's memory.
"""

import asyncio
import struct
from collections.abc import Callable, Sequence
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

from penstock.gateway.live.topic import Message

Encode = Callable[[Sequence[Message]], bytes]

_EXTENSION = "penstock.line"
_TEXT_FRAME = 0x81


class Line:
    """The way out of one connection. Not to be used for an answer before that has been begun and
    after it has been ended through ASGI."""

    def __init__(self, transport: asyncio.Transport, encode: Encode) -> None:
        self.encode = encode
        self.on_taking: Callable[[], None] | None = None
        """Called when a client that was slow takes more again."""
        self.paused_at: float | None = None
        """Since when the client is slow, or is known to have taken nothing more, on the loop's
        clock; None if it keeps up."""
        self._transport = transport
        self._left_bytes = 0
        self._taking = asyncio.Event()
        self._taking.set()

    @property
    def taking(self) -> bool:
        """True if what is written now goes out soon."""
        return self.paused_at is None

    def write(self, data: bytes) -> None:
        """Send bytes that `encode` has made; nothing if the client is gone."""
        if not self._transport.is_closing():
            self._transport.write(data)

    async def wait_taking(self) -> None:
        """Wait until the client takes more."""
        await self._taking.wait()

    def silent_since(self) -> float | None:
        """Since when a slow client has taken nothing at all, as far as can be told from the times
        this was asked; None if the client keeps up."""
        left_bytes = self._transport.get_write_buffer_size()
        if self.paused_at is not None and left_bytes < self._left_bytes:
            self.paused_at = asyncio.get_running_loop().time()
        self._left_bytes = left_bytes
        return self.paused_at

    def pause(self) -> None:
        """The client does not keep up."""
        self.paused_at = asyncio.get_running_loop().time()
        self._left_bytes = self._transport.get_write_buffer_size()
        self._taking.clear()

    def resume(self) -> None:
        """It has caught up."""
        self.paused_at = None
        self._taking.set()
        if self.on_taking is not None:
            self.on_taking()


def line_of(scope: Any) -> Line:
    """The line of the connection that a scope belongs to."""
    line: Line = scope["extensions"][_EXTENSION]
    return line


def text_frame(text: bytes) -> bytes:
    """A WebSocket text message as a server sends it (RFC 6455, 5.2)."""
    size = len(text)
    if size < 126:
        return bytes((_TEXT_FRAME, size)) + text
    if size < 65536:
        return struct.pack("!BBH", _TEXT_FRAME, 126, size) + text
    return struct.pack("!BBQ", _TEXT_FRAME, 127, size) + text


def text_frames(messages: Sequence[Message]) -> bytes:
    """Messages for a WebSocket."""
    return b"".join([text_frame(message.body) for message in messages])


def chunk(data: bytes) -> bytes:
    """A part of an HTTP body in the chunked encoding (RFC 9112, 7.1)."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def sent_events(messages: Sequence[Message]) -> bytes:
    """Messages for a stream of server-sent events, under their numbers."""
    return chunk(b"".join([b"id: %d\ndata: %b\n\n" % (it.seq, it.body) for it in messages]))


class SocketProtocol(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket connections with a line."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has come."""
        super().connection_made(transport)
        self._line = Line(self.transport, text_frames)

    def handle_connect(self, event: Request) -> None:
        """The client's handshake is read."""
        super().handle_connect(event)
        if self.response.status_code == 101:
            self.scope["extensions"][_EXTENSION] = self._line  # type: ignore[assignment]

    def pause_writing(self) -> None:
        """The client does not keep up."""
        super().pause_writing()
        self._line.pause()

    def resume_writing(self) -> None:
        """It has caught up."""
        super().resume_writing()
        self._line.resume()


class HttpProtocol(HttpToolsProtocol):
    """uvicorn's HTTP connections with a line."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has come."""
        way_out = cast("asyncio.Transport", transport)
        super().connection_made(way_out)
        self._line = Line(way_out, sent_events)

    def on_headers_complete(self) -> None:
        """The head of a request is read."""
        super().on_headers_complete()
        self.scope["extensions"] = {_EXTENSION: self._line}  # type: ignore[dict-item]

    def pause_writing(self) -> None:
        """The client does not keep up."""
        super().pause_writing()
        self._line.pause()

    def resume_writing(self) -> None:
        """It has caught up."""
        super().resume_writing()
        self._line.resume()
