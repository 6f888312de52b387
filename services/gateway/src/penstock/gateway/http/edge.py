"""The outermost layer: trace context in and out, request counts, problems for what no route has
answered.
"""

import time
from typing import cast

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from penstock.common.errors import NotFound
from penstock.common.logging import get_logger
from penstock.common.tracing import current_traceparent, is_traceparent, new_traceparent
from penstock.gateway.http.problems import PROBLEM_JSON, encode_problem
from penstock.gateway.http.slashes import keep_slashes
from penstock.gateway.metrics import Metrics

_ENDLESS = "/events"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def trace_id() -> str:
    """Trace of the request being served."""
    return current_traceparent.get()[3:35]


async def refuse_websocket(send: Send, status: int, body: bytes) -> None:
    """Answer a WebSocket request with a problem instead of accepting it."""
    headers = [
        (b"content-type", PROBLEM_JSON.encode()),
        (b"content-length", b"%d" % len(body)),
        (b"traceparent", current_traceparent.get().encode()),
    ]
    await send({"type": "websocket.http.response.start", "status": status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": body, "more_body": False})


class Edge:
    """Wraps the application."""

    def __init__(self, app: ASGIApp, metrics: Metrics, *, access_log: bool = False) -> None:
        self._app = app
        self._metrics = metrics
        self._log = get_logger("access") if access_log else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == ScopeType.HTTP:
            await self._http(scope, receive, send)
        elif scope["type"] == ScopeType.WEBSOCKET:
            await self._websocket(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = time.perf_counter()
        trace = _take_trace(scope)
        scope = keep_slashes(scope)
        if scope["method"] == "HEAD" and not scope["path"].endswith(_ENDLESS):  # type: ignore[typeddict-item]
            # the server leaves out the body, for it knows the real method
            scope = cast("Scope", {**scope, "method": "GET"})

        async def traced(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"traceparent", trace.encode())]
                self._answered(scope, message["status"], time.perf_counter() - begun)
            await send(message)

        await self._app(scope, receive, traced)

    def _answered(self, scope: Scope, status: int, seconds: float) -> None:
        method = str(scope["method"])  # type: ignore[typeddict-item]
        route = scope.get("path_template") or "unknown"
        self._metrics.request(method if method in _METHODS else "other", route, status, seconds)
        if self._log is not None:
            self._log.info(
                "request_answered",
                method=method,
                path=scope["path"],
                status=status,
                seconds=round(seconds, 6),
                trace=trace_id(),
            )

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        _take_trace(scope)
        scope = keep_slashes(scope)
        decided = False

        async def watched(message: Message) -> None:
            nonlocal decided
            if message["type"] == "websocket.close" and not decided:
                path = scope["path"]
                error = NotFound(f"There is no WebSocket at {path}.", fix="See /docs.")
                await refuse_websocket(send, 404, encode_problem(error, path, trace_id()))
            else:
                await send(message)
            decided = True

        await self._app(scope, receive, watched)


def _take_trace(scope: Scope) -> str:
    """Make the caller's trace, or a new one, that of everything done for this request."""
    for name, value in scope["headers"]:
        if name == b"traceparent":
            given = value.decode("latin-1")
            if is_traceparent(given):
                current_traceparent.set(given)
                return given
    fresh = new_traceparent()
    current_traceparent.set(fresh)
    return fresh
