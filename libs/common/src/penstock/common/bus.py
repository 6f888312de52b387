"""The event bus: NATS JetStream. The one door to nats.

The stream `PENSTOCK_EVENTS` holds journal rows for a limited time; it is transport, not record
(invariant I8).
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.errors import SlowConsumerError
from nats.js import JetStreamContext
from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import BadRequestError, NotFoundError

from penstock.common.cancellation import insist_on_cancel
from penstock.common.errors import Unavailable
from penstock.common.logging import get_logger
from penstock.common.publication import Message

STREAM = "PENSTOCK_EVENTS"
SUBJECTS = ("penstock.events.>", "penstock.marks.>")
_MAX_AGE_S = 24 * 3600.0
_MAX_BYTES = 64 * 1024 * 1024
"""Live viewers need the last seconds; whoever needs more reads the journal."""
_PENDING_BYTES = 64 * 1024 * 1024
_PENDING_MESSAGES = 10_000
_ACK_WAIT_S = 5.0


@contextmanager
def _asking(complaint: str) -> Iterator[None]:
    """Talk to the server: what goes wrong is `Unavailable`, and a cancel is not lost in it."""
    try:
        yield
    except (NatsError, TimeoutError, OSError) as error:
        raise Unavailable(f"{complaint}: {error}") from error
    finally:
        insist_on_cancel()


class Bus:
    """A connection that reconnects for ever."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._stream: JetStreamContext = client.jetstream()
        self._observers: list[Callable[[], None]] = []
        self.losses = 0
        """How often the connection was lost. What was sent shortly before may not have arrived."""

    @property
    def connected(self) -> bool:
        """True while the server answers."""
        return self._client.is_connected

    @contextmanager
    def observed(self, observer: Callable[[], None]) -> Iterator[None]:
        """Call `observer` whenever the connection is lost and when it is back."""
        self._observers.append(observer)
        try:
            yield
        finally:
            self._observers.remove(observer)

    def tell_observers(self) -> None:
        """The connection was lost, or is back."""
        for observer in self._observers:
            observer()

    async def ensure_stream(self) -> None:
        """Create or update the stream; raises `Unavailable` if JetStream does not answer."""
        config = StreamConfig(
            name=STREAM,
            subjects=list(SUBJECTS),
            retention=RetentionPolicy.LIMITS,
            storage=StorageType.FILE,
            discard=DiscardPolicy.OLD,
            max_age=_MAX_AGE_S,
            max_bytes=_MAX_BYTES,
        )
        with _asking("JetStream does not answer"):
            try:
                await self._stream.add_stream(config)
            except BadRequestError:  # it is there with limits of another version
                await self._stream.update_stream(config)

    async def publish(self, messages: Sequence[Message]) -> None:
        """Send messages in order, without waiting for the stream to have them. Raises `Unavailable`
        if there is no connection; a loss after that shows in `losses`."""
        if not self.connected:
            raise Unavailable("the event bus is not connected")
        with _asking("the event bus did not take the events"):
            for subject, body in messages:
                await self._client.publish(subject, body)

    async def publish_confirmed(self, messages: Sequence[Message]) -> None:
        """As `publish`, but returns when the stream has the last of them, and so everything that
        this connection sent before. Raises `Unavailable` if it does not say so."""
        await self.publish(messages[:-1])
        subject, body = messages[-1]
        with _asking("the event bus did not take the events"):
            await self._stream.publish(subject, body, timeout=_ACK_WAIT_S)

    async def newest(self, subject: str) -> bytes | None:
        """Body of the newest message on a subject; None if there is none."""
        with _asking("JetStream does not answer"):
            try:
                message = await self._stream.get_last_msg(STREAM, subject)
            except NotFoundError:
                return None
        return bytes(message.data or b"")

    @asynccontextmanager
    async def subscribed(self, subject: str, take: Callable[[bytes], None]) -> AsyncIterator[None]:
        """Call `take`, which must be quick, with the body of each message on `subject` from now on.

        A reader that is too slow loses some, and so may one whose connection breaks: it must notice
        by their sequence and read the journal.
        """

        async def on_message(message: Msg) -> None:
            take(message.data)

        inner = await self._client.subscribe(
            subject,
            cb=on_message,
            pending_msgs_limit=_PENDING_MESSAGES,
            pending_bytes_limit=_PENDING_BYTES,
        )
        try:
            if self.connected:
                await self._client.flush()
                insist_on_cancel()
            yield
        finally:
            if self.connected:
                await inner.unsubscribe()


@asynccontextmanager
async def open_bus(nats_url: str) -> AsyncIterator[Bus]:
    """Connect to NATS; keeps trying if the server is not there yet, and for ever after a loss."""
    log = get_logger("bus")
    server = nats_url.rpartition("@")[2]  # never log credentials
    opened: list[Bus] = []

    async def on_loss() -> None:
        log.warning("bus_disconnected", server=server)
        for bus in opened:
            bus.losses += 1
            bus.tell_observers()

    async def on_return() -> None:
        log.info("bus_reconnected", server=server)
        for bus in opened:
            bus.tell_observers()

    async def on_error(error: Exception) -> None:
        log.debug("bus_error", error=str(error))
        if isinstance(error, SlowConsumerError):  # messages were dropped here
            for bus in opened:
                bus.tell_observers()

    client = await nats.connect(
        nats_url,
        max_reconnect_attempts=-1,
        reconnect_time_wait=0.25,
        allow_reconnect=True,
        connect_timeout=2,
        ping_interval=20,
        pending_size=_PENDING_BYTES,
        disconnected_cb=on_loss,
        reconnected_cb=on_return,
        error_cb=on_error,
    )
    opened.append(Bus(client))
    try:
        yield opened[0]
    finally:
        opened.clear()
        try:
            async with asyncio.timeout(2.0):
                await client.close()
        except TimeoutError:
            log.warning("bus_close_timed_out", server=server)
