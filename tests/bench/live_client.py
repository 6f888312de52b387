"""The watchers of the live bench, in a process of their own: raw WebSocket connections that read
frames with as little work as Python allows, so that the gateway is measured and not its clients.

Reads one JSON line (`Watchers`), tells when every connection has its snapshot, and tells what it
saw when standard input ends.
"""

import asyncio
import os
import struct
import sys
import time
from collections.abc import Sequence
from datetime import datetime
from typing import cast

import msgspec
import uvloop

_AT = b',"at":"'
_CONNECTS_AT_ONCE = 32
_CONNECT_S = 60.0
_SECONDS_CHARS = 19


class Watchers(msgspec.Struct, frozen=True):
    """Whom to watch, one connection for each id; ids may repeat."""

    host: str
    port: int
    execution_ids: list[str]


class Seen(msgspec.Struct, frozen=True):
    """What came between `ready` and the end: milliseconds from decision to arrival by event, how
    many reads it took, and the CPU seconds of this process."""

    latencies_ms: list[float]
    reads: int
    alive: int
    cpu_s: float


class Tally:
    """Shared by all connections."""

    def __init__(self) -> None:
        self.measuring = False
        self.latencies_ms: list[float] = []
        self.reads = 0
        self.alive = 0
        self._seconds: dict[bytes, float] = {}

    def note(self, text: bytes, now: float) -> None:
        """Take one message's time of decision, if it has one."""
        place = text.find(_AT)
        if place < 0:
            return
        at = text[place + len(_AT) :]
        whole = at[:_SECONDS_CHARS]
        second = self._seconds.get(whole)
        if second is None:
            second = datetime.fromisoformat(whole.decode() + "+00:00").timestamp()
            self._seconds[whole] = second
        fraction = at[_SECONDS_CHARS : at.index(b"Z")]
        self.latencies_ms.append((now - second - float(fraction or b"0")) * 1000)


class Client(asyncio.Protocol):
    """One connection. Frames from a server are not masked."""

    def __init__(self, tally: Tally, request: bytes) -> None:
        self._tally = tally
        self._request = request
        self._buffer = b""
        self._upgraded = False
        self._transport: asyncio.Transport | None = None
        self.first = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        now = time.time()
        buffer = self._buffer + data if self._buffer else data
        if not self._upgraded:
            head, end, rest = buffer.partition(b"\r\n\r\n")
            if not end:
                self._buffer = buffer
                return
            if not head.startswith(b"HTTP/1.1 101"):
                self.first.set_exception(ConnectionError(head[:200]))
                return
            self._upgraded, buffer = True, rest
        self._frames(buffer, now)

    def _frames(self, buffer: bytes, now: float) -> None:
        tally, place, size = self._tally, 0, len(buffer)
        tally.reads += tally.measuring
        while place + 2 <= size:
            length, begin = buffer[place + 1], place + 2
            if length == 126:
                if place + 4 > size:
                    break
                length, begin = int.from_bytes(buffer[place + 2 : place + 4]), place + 4
            elif length == 127:
                if place + 10 > size:
                    break
                length, begin = struct.unpack_from("!Q", buffer, place + 2)[0], place + 10
            if begin + length > size:
                break
            self._message(buffer[place] & 0x0F, buffer[begin : begin + length], now)
            place = begin + length
        self._buffer = buffer[place:]

    def _message(self, opcode: int, text: bytes, now: float) -> None:
        if opcode == 9:
            assert self._transport is not None
            mask = os.urandom(4)
            masked = bytes(b ^ mask[i % 4] for i, b in enumerate(text))
            self._transport.write(bytes((0x8A, 0x80 | len(text))) + mask + masked)
        elif opcode == 1:
            if not self.first.done():
                self.first.set_result(None)
            if self._tally.measuring:
                self._tally.note(text, now)

    def connection_lost(self, exc: Exception | None) -> None:
        self._tally.alive -= self.first.done()
        if not self.first.done():
            self.first.set_exception(ConnectionError("closed before the first message"))


def _request(watchers: Watchers, execution_id: str) -> bytes:
    return (
        f"GET /v1/executions/{execution_id}/ws HTTP/1.1\r\n"
        f"Host: {watchers.host}:{watchers.port}\r\n"
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        "Sec-WebSocket-Protocol: penstock.v1.json\r\n\r\n"
    ).encode()


async def _connect(watchers: Watchers, ids: Sequence[str], tally: Tally) -> None:
    loop = asyncio.get_running_loop()
    places = asyncio.Semaphore(_CONNECTS_AT_ONCE)

    async def one(execution_id: str) -> None:
        async with places:
            _, client = await loop.create_connection(
                lambda: Client(tally, _request(watchers, execution_id)),
                watchers.host,
                watchers.port,
            )
            await client.first
            tally.alive += 1

    async with asyncio.timeout(_CONNECT_S), asyncio.TaskGroup() as tasks:
        for execution_id in ids:
            tasks.create_task(one(execution_id))


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=1 << 22)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    watchers = msgspec.json.decode(await reader.readline(), type=Watchers)
    tally = Tally()
    await _connect(watchers, watchers.execution_ids, tally)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await reader.readline()
    tally.measuring, begun = True, time.process_time()
    await reader.readline()
    tally.measuring = False
    cpu_s = time.process_time() - begun
    seen = Seen(tally.latencies_ms, tally.reads, tally.alive, cpu_s)
    sys.stdout.write(msgspec.json.encode(seen).decode() + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    uvloop.run(_serve())
