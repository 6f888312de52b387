"""NATS with JetStream, of make-believe: what `penstock.common.bus` is to the services.

It tells whoever listens, in the order of arrival, keeps the newest message of each subject, and can
be cut off, restarted, and wiped at any time. As with the real one a message that was published may
be lost without anybody's being told at once; then `losses` grows.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from contextvars import Context, copy_context

from penstock.common.errors import Unavailable
from penstock.common.publication import Message
from support.simulated.fabric import CURRENT, NOBODY, Fabric, Process

PLACE = "nats"
ACK_S = 5.0
_BACK_S = (0.1, 1.0)


class EventServer:
    """The one NATS server of a world. `exists` is false while the stream does not."""

    def __init__(self, fabric: Fabric) -> None:
        self.fabric = fabric
        self.up = True
        self.exists = False
        self.drops = 0.0
        """How many of the messages to a subscriber it is too slow for: those are lost, and it is
        told a moment later."""
        self.lives = 0
        self.newest: dict[str, bytes] = {}
        self.clients: dict[SimulatedBus, None] = {}

    def drop(self, place: str) -> None:
        """The connections of a place break; its clients come back by themselves."""
        for client in list(self.clients):
            if client.place == place:
                client.lose()
                client.come_back_soon()

    def stop(self) -> None:
        """Go down: every connection breaks, what was under way is lost."""
        self.up = False
        self.lives += 1
        for client in list(self.clients):
            client.lose()

    def wipe(self) -> None:
        """Everything that was kept is gone."""
        self.exists = False
        self.newest.clear()

    def start(self) -> None:
        """Be there again; clients notice in their own time."""
        self.up = True
        for client in list(self.clients):
            client.come_back_soon()

    def take(self, message: Message) -> bool:
        """A message has arrived; true if the stream keeps it."""
        subject, body = message
        self.fabric.note(body)
        if self.exists:
            self.newest[subject] = body
        for client in self.clients:
            client.hear(subject, body)
        return self.exists


class SimulatedBus:
    """Stands in for `penstock.common.bus.Bus`: one process's connection."""

    def __init__(self, server: EventServer, process: Process) -> None:
        self._server = server
        self._process = process
        self._fabric = server.fabric
        self._observers: dict[Callable[[], None], None] = {}
        self._takers: dict[tuple[str, Callable[[bytes], None]], Context] = {}
        self._there_at = 0.0
        self._heard_at = 0.0
        self._life = 0
        self.connected = server.up
        self.losses = 0

    @property
    def place(self) -> str:
        """Where the process runs."""
        return self._process.place

    @contextmanager
    def observed(self, observer: Callable[[], None]) -> Iterator[None]:
        self._observers[observer] = None
        try:
            yield
        finally:
            self._observers.pop(observer, None)

    def tell_observers(self) -> None:
        for observer in list(self._observers):
            observer()

    @property
    def life(self) -> tuple[int, int]:
        """Changes whenever what is under way on this connection is lost."""
        return self._server.lives, self._life

    def lose(self) -> None:
        """The connection breaks, with what is under way on it."""
        if self.connected and self._process.alive:
            self._life += 1
            self.connected = False
            self.losses += 1
            self._soon(self.tell_observers)

    def come_back_soon(self) -> None:
        """Connect again when the client gets round to it."""
        later = self._fabric.rng.uniform(*_BACK_S)
        asyncio.get_running_loop().call_later(later, self._come_back, context=NOBODY)

    def _come_back(self) -> None:
        if self._server.up and not self.connected and self._process.alive:
            self.connected = True
            self._soon(self.tell_observers)

    def _soon(self, work: Callable[[], None]) -> None:
        """Do something as a part of the process."""
        context = copy_context()
        context.run(CURRENT.set, self._process)
        asyncio.get_running_loop().call_soon(work, context=context)

    async def ensure_stream(self) -> None:
        await self._round_trip()
        self._server.exists = True

    async def _round_trip(self) -> None:
        """To the server and back, or an error after a while."""
        life = self.life
        await asyncio.sleep(self._fabric.delay_s())
        if not self.connected or self.life != life:
            await asyncio.sleep(self._fabric.rng.uniform(0.0, ACK_S))
            raise Unavailable("JetStream does not answer: timeout")

    async def publish(self, messages: Sequence[Message]) -> None:
        if not self.connected:
            raise Unavailable("the event bus is not connected")
        for message in messages:
            self._send(message)

    def _send(self, message: Message) -> None:
        loop = asyncio.get_running_loop()
        self._there_at = max(self._there_at, loop.time() + self._fabric.delay_s())
        self._fabric.point(f"{self._process.name} publishes on {message[0]}")
        if self._process.alive:
            loop.call_at(self._there_at, self._arrive, self.life, message, context=NOBODY)

    def _arrive(self, life: tuple[int, int], message: Message) -> None:
        if self._server.up and self.life == life:
            self._server.take(message)

    async def publish_confirmed(self, messages: Sequence[Message]) -> None:
        await self.publish(messages)
        life = self.life
        wait_s = self._there_at - asyncio.get_running_loop().time() + self._fabric.delay_s()
        await asyncio.sleep(wait_s)
        if self.life != life or not self._server.exists:
            await asyncio.sleep(self._fabric.rng.uniform(0.0, ACK_S))
            raise Unavailable("the event bus did not take the events: no response from stream")

    async def newest(self, subject: str) -> bytes | None:
        await self._round_trip()
        if not self._server.exists:
            return None
        return self._server.newest.get(subject)

    @asynccontextmanager
    async def subscribed(self, subject: str, take: Callable[[bytes], None]) -> AsyncIterator[None]:
        context = copy_context()
        self._takers[(subject, take)] = context
        try:
            if self.connected:
                await asyncio.sleep(self._fabric.delay_s())
            yield
        finally:
            self._takers.pop((subject, take), None)

    def hear(self, subject: str, body: bytes) -> None:
        """The server has a message for whoever subscribed to its subject."""
        if not self.connected:
            return
        loop = asyncio.get_running_loop()
        life = self.life
        for (wanted, take), context in self._takers.items():
            if wanted == subject and self._fabric.rng.random() < self._server.drops:
                loop.call_later(self._fabric.delay_s(), self.tell_observers, context=context)
            elif wanted == subject:
                self._heard_at = max(self._heard_at, loop.time() + self._fabric.delay_s())
                loop.call_at(self._heard_at, self._hand, life, take, body, context=context)

    def _hand(self, life: tuple[int, int], take: Callable[[bytes], None], body: bytes) -> None:
        if self.life == life and self._process.alive:
            take(body)


@asynccontextmanager
async def open_bus(_: str) -> AsyncIterator[SimulatedBus]:
    """In place of `penstock.common.bus.open_bus`: waits until the server is there."""
    process = CURRENT.get()
    server: EventServer = process.fabric.bus
    while not server.up:
        await asyncio.sleep(0.25)
    bus = SimulatedBus(server, process)
    server.clients[bus] = None
    try:
        yield bus
    finally:
        server.clients.pop(bus, None)
