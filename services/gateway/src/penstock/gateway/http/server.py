"""The HTTP server: uvicorn on uvloop, without its own signals and logs."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import uvicorn
from litestar.types import ASGIApp

from penstock.common.errors import Unavailable
from penstock.gateway.live.line import HttpProtocol, SocketProtocol

_BACKLOG = 2048
_KEEP_ALIVE_S = 75
_DRAIN_S = 5
_SOCKET_MESSAGE_BYTES_MAX = 64 * 1024
"""Largest message of a WebSocket client; watchers have little to say."""


class _Server(uvicorn.Server):
    """Leaves signals to the service's own life, and tells when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen."""
        await super().startup(sockets)
        self.listening.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take none."""
        yield


def _bind(listen: str) -> socket.socket:
    host, _, port = listen.rpartition(":")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host.strip("[]"), int(port)))
    except (OSError, ValueError) as error:
        listener.close()
        raise Unavailable(
            f"cannot listen on {listen}: {error}", fix="Choose a free address."
        ) from error
    return listener


@asynccontextmanager
async def open_http(listen: str, app: ASGIApp) -> AsyncIterator[str]:
    """Serve `app` on `listen` (host:port) and give its address; on exit finish what runs."""
    listener = _bind(listen)
    config = uvicorn.Config(
        _as_any(app),
        http=HttpProtocol,
        ws=SocketProtocol,
        ws_per_message_deflate=False,
        ws_max_size=_SOCKET_MESSAGE_BYTES_MAX,
        ws_ping_interval=20,
        ws_ping_timeout=20,
        lifespan="off",
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        backlog=_BACKLOG,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=_DRAIN_S,
    )
    server = _Server(config)
    host = listen.rpartition(":")[0]
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(server.serve([listener]))
        await server.listening.wait()
        try:
            yield f"{host}:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True


def _as_any(app: ASGIApp) -> Any:
    """Litestar's and uvicorn's types of the same interface do not agree."""
    return app
