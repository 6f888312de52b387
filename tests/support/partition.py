"""A network that can be cut: a TCP relay between two processes, which may hold back what is said in
either direction, or in both, without closing anything, as a broken network does."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from penstock.embedded.cluster_file import read_cluster_file

_CHUNK = 64 * 1024


def port_of(data_dir: Path, name: str) -> Callable[[], int]:
    """Where a process of an embedded cluster listens; known once the cluster begins to start."""

    def find() -> int:
        file = read_cluster_file(data_dir)
        return file.ports[name] if file else 0

    return find


@dataclass
class Relay:
    """One address in place of another. `there` are what callers say, `back` the answers."""

    target: Callable[[], int]
    address: str = ""
    there: asyncio.Event = field(default_factory=asyncio.Event)
    back: asyncio.Event = field(default_factory=asyncio.Event)

    def cut(self, *, there: bool = True, back: bool = True) -> None:
        """Hold back what is said from now on."""
        if there:
            self.there.clear()
        if back:
            self.back.clear()

    def heal(self) -> None:
        """Let everything through, also what was held back."""
        self.there.set()
        self.back.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        with suppress(ConnectionError, OSError, ExceptionGroup):
            from_there, to_there = await asyncio.open_connection("127.0.0.1", self.target())
            async with asyncio.TaskGroup() as group:
                group.create_task(_pump(reader, to_there, self.there))
                group.create_task(_pump(from_there, writer, self.back))
        writer.close()


async def _pump(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, passes: asyncio.Event
) -> None:
    try:
        while data := await reader.read(_CHUNK):
            await passes.wait()
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()


@asynccontextmanager
async def open_relay(target: Callable[[], int], host: str = "127.0.0.1") -> AsyncIterator[Relay]:
    """A relay on a free port."""
    relay = Relay(target)
    relay.heal()
    connections: set[asyncio.Task[None]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connections.add(task)
        try:
            await relay.serve(reader, writer)
        except asyncio.CancelledError:
            writer.close()
        finally:
            connections.discard(task)

    server = await asyncio.start_server(accept, host, 0)
    relay.address = f"{host}:{server.sockets[0].getsockname()[1]}"
    try:
        yield relay
    finally:
        server.close()
        for task in list(connections):
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)
