"""One watched execution: the newest events, encoded once for all its watchers, and the latest
snapshot. No IO.

Theory. A watcher has no queue. The topic holds one bounded window of encoded events with
consecutive numbers, a watcher holds the number of the last event it was given, and takes whatever
is newer when it is ready for more. So a slow watcher costs nothing but its own number, cannot stall
the feed or anybody else, and bursts gather by themselves. A watcher that finds its next event gone
from the window has been too slow and goes on from a snapshot.
"""

from collections.abc import Iterable, Sequence

import msgspec

from penstock.common.invariant import invariant
from penstock.gateway.shapes.executions import EventMessage
from penstock.gateway.views.events import is_last

EVENTS_MAX = 4096
BYTES_MAX = 4 * 1024 * 1024

_BURST_EVENTS_MAX = 1000
_BURST_BYTES_MAX = 256 * 1024

_encode = msgspec.json.encode


class Message(msgspec.Struct, frozen=True, gc=False):
    """One message as it is sent: its sequence number and JSON text."""

    seq: int
    body: bytes


class Topic:
    """The window on one execution's events, from `first` to `head`."""

    def __init__(self, execution_id: str, head: int, names: Sequence[str], *, ended: bool) -> None:
        """`head` is the last event that is known already; `ended` if none can follow."""
        self.execution_id = execution_id
        self.names = names
        self.head = head
        self.ended = ended
        self.watchers = 0
        self._window: list[Message] = []
        self._bytes = 0

    @property
    def oldest(self) -> int:
        """Number of the oldest event in the window; `head + 1` if it is empty."""
        return self.head + 1 - len(self._window)

    def add(self, messages: Iterable[EventMessage]) -> None:
        """Take the events that follow `head`."""
        for message in messages:
            invariant(
                message.seq == self.head + 1,
                "events reach a topic in order",
                execution=self.execution_id,
                head=self.head,
                seq=message.seq,
            )
            encoded = Message(message.seq, _encode(message))
            self._window.append(encoded)
            self._bytes += len(encoded.body)
            self.head = message.seq
            self.ended = self.ended or is_last(message)
        if len(self._window) > 2 * EVENTS_MAX or self._bytes > 2 * BYTES_MAX:
            self._trim()

    def _trim(self) -> None:
        """Drop the oldest events; done at twice the bounds, so that it costs little per event."""
        keep = min(len(self._window), EVENTS_MAX)
        size = sum(len(message.body) for message in self._window[-keep:])
        while keep > 1 and size > BYTES_MAX:
            size -= len(self._window[-keep].body)
            keep -= 1
        del self._window[:-keep]
        self._bytes = size

    def after(self, seq: int, count_max: int) -> Sequence[Message] | None:
        """At most `count_max` events after `seq`; None if some of them have left the window."""
        start = seq + 1 - self.oldest
        if start < 0:
            return None
        return self._window[start : start + count_max]

    def burst(self, seq: int) -> Sequence[Message] | None:
        """As many events after `seq` as go well into one write, at least one if there is one."""
        found = self.after(seq, _BURST_EVENTS_MAX)
        if not found or self._bytes <= _BURST_BYTES_MAX:
            return found
        size, count = 0, 0
        for message in found:
            size += len(message.body)
            if size > _BURST_BYTES_MAX and count:
                break
            count += 1
        return found[:count]
