"""Load over REST: keep-alive connections, each posting a synchronous run after the other.

The client is as small as HTTP/1.1 allows, for it runs on the cores of what it measures.
"""

import asyncio
import re
import time
from typing import cast
from urllib.parse import urlsplit

from bench.load import Measured
from bench.starts import LoadFailed

_HEAD_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_COMPLETED = re.compile(rb'"status": ?"COMPLETED"')
_PATIENCE_S = 60.0


class _Window:
    """What all connections share: when to measure, when to stop, what was seen."""

    def __init__(self, warm_s: float, measured_s: float) -> None:
        self.seen = Measured(seconds=measured_s)
        self.begin = time.perf_counter() + warm_s
        self.until = self.begin + measured_s

    def note(self, begun: float, now: float) -> None:
        """A run has ended."""
        self.seen.ended_in_all += 1
        if self.begin <= now < self.until:
            self.seen.ended += 1
            self.seen.latencies_ms.append((now - begun) * 1000)


class _Client(asyncio.Protocol):
    """One connection with one request under way."""

    def __init__(self, request: bytes, window: _Window) -> None:
        self._request = request
        self._window = window
        self._buffer = b""
        self._begun = 0.0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._post()

    def _post(self) -> None:
        self._begun = time.perf_counter()
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        answer = self._buffer = self._buffer + data if self._buffer else data
        head = answer.find(_HEAD_END)
        if head < 0:
            return
        length = _LENGTH.search(answer, 0, head)
        if length is None:
            self._fail(answer)
        elif len(answer) >= head + len(_HEAD_END) + int(length[1]):
            self._buffer = b""
            self._take(answer)

    def _take(self, answer: bytes) -> None:
        if answer[9:12] != b"200" or not _COMPLETED.search(answer):
            self._fail(answer)
            return
        now = time.perf_counter()
        self._window.note(self._begun, now)
        if now < self._window.until:
            self._post()
        else:
            self._transport.close()

    def _fail(self, answer: bytes) -> None:
        if not self.done.done():
            self.done.set_exception(LoadFailed(f"bad answer: {answer[:600]!r}"))
        self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.done.done():
            return
        if time.perf_counter() < self._window.until:
            self.done.set_exception(LoadFailed(f"the gateway closed a connection: {exc}"))
        else:
            self.done.set_result(None)


async def rest_loop(
    url: str, workflow: str, clients: int, measured_s: float, warm_s: float = 0.0
) -> Measured:
    """`clients` connections, each posting a synchronous run after the other."""
    where = urlsplit(url)
    host, port = where.hostname or "127.0.0.1", where.port or 80
    request = (
        f"POST /v1/workflows/{workflow}/executions?wait=30s HTTP/1.1\r\nHost: {host}:{port}\r\n"
        "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
    ).encode()
    window = _Window(warm_s, measured_s)
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(warm_s + measured_s + _PATIENCE_S):
        opened = []
        for _ in range(clients):
            _, client = await loop.create_connection(lambda: _Client(request, window), host, port)
            opened.append(client)
        for client in opened:
            await client.done
    return window.seen
