"""Live events of one execution as server-sent events and over WebSocket: one schema, the same
numbers.
"""

import asyncio
from contextlib import suppress
from typing import Any

import msgspec
from litestar import WebSocket, get, websocket
from litestar.params import FromPath
from litestar.types import ASGIApp, Receive, Scope, Send

from penstock.common.errors import InvalidArgument, PenstockError
from penstock.common.logging import get_logger
from penstock.gateway.http.answers import Answer
from penstock.gateway.http.edge import refuse_websocket, trace_id
from penstock.gateway.http.execution_names import execution_id_of, told_by_name
from penstock.gateway.http.problems import encode_problem
from penstock.gateway.http.requests import (
    SEQ_MAX,
    AnyRequest,
    Connection,
    query_of,
    tenant_of,
    whole_number,
)
from penstock.gateway.http.slashes import with_slashes
from penstock.gateway.live.line import chunk, line_of, text_frame
from penstock.gateway.live.watch import Watch
from penstock.gateway.ports.doors import doors_of
from penstock.gateway.shapes.executions import HeartbeatMessage

SUBPROTOCOL = "penstock.v1.json"
_CLOSE_S_MAX = 1.0
_KNOWN = frozenset({"after"})
_RETRY = chunk(b"retry: %d\n\n" % 1000)
_PING = chunk(b": ping\n\n")
_NORMAL, _GOING_AWAY, _TRY_AGAIN = 1000, 1001, 1013
_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]


def resume_point(connection: Connection) -> int | None:
    """The number to go on after: `Last-Event-ID`, else `?after=`; None for a snapshot."""
    given = query_of(connection, _KNOWN).get("after")
    last: str | None = connection.headers.get("last-event-id")
    if last is not None and last.strip():
        text = last.strip()
        if not text.isascii() or not text.isdigit() or len(text) > 15:
            raise InvalidArgument(
                f"{text[:40]!r} is not a sequence number.",
                fix="Send back the id of the last event you have seen.",
                path="header.Last-Event-ID",
            )
        return int(text)
    return None if given is None else whole_number(given, "after", 0, SEQ_MAX)


class EventStream:
    """The answer to a request for server-sent events."""

    def __init__(self, request: AnyRequest, execution_id: str, after: int | None) -> None:
        self._hub = doors_of(request).hub
        self._tenant = tenant_of(request)
        self._execution_id = execution_id
        self._after = after

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the execution ends, the client leaves, or the gateway goes away."""
        async with self._hub.watch(self._execution_id, self._tenant, self._after) as watch:
            if watch.over:
                # browsers stop asking again at a 204 (HTML standard, server-sent events)
                await Answer(204, (), b"")(scope, receive, send)
                return
            await send({"type": "http.response.start", "status": 200, "headers": list(_HEADERS)})
            await _until_first(_sse_out(watch, scope), _disconnected(receive))
            with suppress(TimeoutError):
                async with asyncio.timeout(_CLOSE_S_MAX):
                    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _sse_out(watch: Watch, scope: Scope) -> None:
    line = line_of(scope)
    line.write(_RETRY)
    try:
        await watch.write_to(line, lambda _: _PING)
    except (TimeoutError, PenstockError) as error:
        get_logger("events").info("event_stream_cut", cause=str(error) or "slow client")


async def _disconnected(receive: Receive) -> None:
    while True:
        message = await receive()
        if message["type"] in ("http.disconnect", "websocket.disconnect"):
            return


async def _until_first(*parts: Any) -> None:
    """Run until one of `parts` is done, then end the others; raises what that one raised."""
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(part) for part in parts]
        await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        for task in running:
            task.cancel()


@get("/v1/executions/{execution_id:str}/events")
async def watch_events(request: AnyRequest, execution_id: FromPath[str]) -> ASGIApp:
    """Live events as text/event-stream."""
    return EventStream(request, execution_id_of(request, execution_id), resume_point(request))


@websocket("/v1/executions/{execution_id:str}/ws")
async def watch_socket(socket: WebSocket[Any, Any, Any], execution_id: FromPath[str]) -> None:
    """Live events over WebSocket, subprotocol penstock.v1.json."""
    try:
        offered = socket.scope["subprotocols"]
        if offered and SUBPROTOCOL not in offered:
            raise InvalidArgument(
                "None of the offered subprotocols is spoken here.",
                fix=f"Offer {SUBPROTOCOL}.",
                path="header.Sec-WebSocket-Protocol",
            )
        after = resume_point(socket)
        hub, tenant = doors_of(socket).hub, tenant_of(socket)
        asked = execution_id_of(socket, execution_id)
        async with hub.watch(asked, tenant, after) as watch:
            await _serve_socket(socket, watch, asked, bool(offered))
    except PenstockError as error:
        told = told_by_name(socket, error)
        body = encode_problem(told, with_slashes(socket.scope["path"]), trace_id())
        await refuse_websocket(socket.send, error.http_status, body)


async def _serve_socket(
    socket: WebSocket[Any, Any, Any], watch: Watch, execution_id: str, named: bool
) -> None:
    await socket.accept(subprotocols=SUBPROTOCOL if named else None)
    code, reason = _NORMAL, "the execution has ended"
    try:
        await _until_first(_socket_out(socket, watch, execution_id), _disconnected(socket.receive))
        if watch.interrupted:
            code, reason = _GOING_AWAY, "the gateway is going away"
    except* (TimeoutError, PenstockError):
        code, reason = _TRY_AGAIN, "connect again and go on from the last seq"
    if socket.connection_state != "disconnect":
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_S_MAX):
                await socket.close(code, reason)


async def _socket_out(socket: WebSocket[Any, Any, Any], watch: Watch, execution_id: str) -> None:
    def beat(seq: int) -> bytes:
        return text_frame(msgspec.json.encode(HeartbeatMessage(seq, execution_id)))

    await watch.write_to(line_of(socket.scope), beat)


EVENT_ROUTES = (watch_events, watch_socket)
