"""The event bus: NATS JetStream. The one door to nats.

The stream `PENSTOCK_EVENTS` holds journal rows for a limited time; it is transport, not record
(invariant I8).
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import nats
from nats.aio.client import Client
from nats.aio.subscription import Subscription as NatsSubscription
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import BadRequestError, NotFoundError

from penstock.common.errors import Unavailable
from penstock.common.logging import get_logger

STREAM = "PENSTOCK_EVENTS"
SUBJECTS = "penstock.events.>"
_MAX_AGE_S = 24 * 3600.0
_MAX_BYTES = 64 * 1024 * 1024
"""Small on purpose: nats-server's cost per message grows with the number of subjects it keeps."""
_DUPLICATE_WINDOW_S = 120.0
_PENDING_BYTES = 64 * 1024 * 1024
_ACK_WAIT_S = 5.0
_MSG_ID = "Nats-Msg-Id"

Row = tuple[str, str, bytes]
"""Subject, message id, body."""


def event_subject(tenant: str, shard: int | str, execution_id: str) -> str:
    """Subject of an execution's events; `*` stands for any part."""
    return f"penstock.events.{tenant}.{shard}.{execution_id}"


class Bus:
    """A connection that reconnects for ever."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._stream: JetStreamContext = client.jetstream()

    @property
    def connected(self) -> bool:
        """True while the server answers."""
        return self._client.is_connected

    async def ensure_stream(self) -> None:
        """Create or update the stream; raises `Unavailable` if JetStream does not answer."""
        config = StreamConfig(
            name=STREAM,
            subjects=[SUBJECTS],
            retention=RetentionPolicy.LIMITS,
            storage=StorageType.FILE,
            discard=DiscardPolicy.OLD,
            max_age=_MAX_AGE_S,
            max_bytes=_MAX_BYTES,
            duplicate_window=_DUPLICATE_WINDOW_S,
        )
        try:
            try:
                await self._stream.add_stream(config)
            except BadRequestError:  # it is there with limits of another version
                await self._stream.update_stream(config)
        except (NatsError, TimeoutError, OSError) as error:
            raise Unavailable(f"JetStream does not answer: {error}") from error

    async def publish_rows(self, rows: Sequence[Row]) -> None:
        """Publish rows in order; returns when the stream has acknowledged the last one.

        Only the last is acknowledged: the server stores one connection's messages in order, and a
        hole would be filled from the journal by whoever meets it. Raises `Unavailable` if no
        acknowledgement comes.
        """
        if not rows:
            return
        if not self.connected:
            raise Unavailable("the event bus is not connected")
        try:
            for subject, msg_id, body in rows[:-1]:
                await self._client.publish(subject, body, headers={_MSG_ID: msg_id})
            subject, msg_id, body = rows[-1]
            await self._stream.publish(
                subject, body, timeout=_ACK_WAIT_S, headers={_MSG_ID: msg_id}
            )
        except (NatsError, TimeoutError, OSError) as error:
            raise Unavailable(f"the event bus did not take the events: {error}") from error

    async def last_message_id(self, subject: str) -> str | None:
        """Message id of the newest message on a subject (wildcards allowed); None if there is
        none."""
        try:
            message = await self._stream.get_last_msg(STREAM, subject)
        except NotFoundError:
            return None
        except (NatsError, TimeoutError, OSError) as error:
            raise Unavailable(f"JetStream does not answer: {error}") from error
        return (message.headers or {}).get(_MSG_ID)

    @asynccontextmanager
    async def subscribe(
        self, subject: str, *, queue_max: int = 10_000
    ) -> AsyncIterator["Subscription"]:
        """Messages on `subject` from now on. A reader slower than `queue_max` messages loses some:
        it must notice by their sequence and read the journal."""
        inner = await self._client.subscribe(subject, pending_msgs_limit=queue_max)
        if self.connected:
            await self._client.flush()
        try:
            yield Subscription(inner)
        finally:
            if self.connected:
                await inner.unsubscribe()


class Subscription:
    """Messages of one subject, as they come."""

    def __init__(self, inner: NatsSubscription) -> None:
        self._inner = inner

    async def next(self, timeout_s: float) -> bytes | None:
        """Body of the next message, or None after `timeout_s` seconds of silence.

        Raises `Unavailable` once the connection is closed for good.
        """
        try:
            message = await self._inner.next_msg(timeout=timeout_s)
        except TimeoutError:
            return None
        except NatsError as error:
            raise Unavailable(f"the event bus was closed: {error}") from error
        return bytes(message.data)


@asynccontextmanager
async def open_bus(nats_url: str) -> AsyncIterator[Bus]:
    """Connect to NATS; keeps trying if the server is not there yet, and for ever after a loss."""
    log = get_logger("bus")
    server = nats_url.rpartition("@")[2]  # never log credentials

    async def on_loss() -> None:
        log.warning("bus_disconnected", server=server)

    async def on_return() -> None:
        log.info("bus_reconnected", server=server)

    async def on_error(error: Exception) -> None:
        log.debug("bus_error", error=str(error))

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
    try:
        yield Bus(client)
    finally:
        try:
            async with asyncio.timeout(2.0):
                await client.close()
        except TimeoutError:
            log.warning("bus_close_timed_out", server=server)
