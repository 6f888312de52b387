"""A client that takes little is waited for; one that takes nothing is not."""

import asyncio

import pytest

from penstock.gateway.live.broadcast import Broadcast
from penstock.gateway.live.line import Line, sent_events
from penstock.gateway.live.topic import Message, Topic
from penstock.gateway.live.watch import SEND_S_MAX, Watch
from penstock.gateway.metrics import Metrics
from penstock.gateway.shapes.executions import EventMessage, PublicEvent
from support.simulated.loop import run_simulated

HIGH, LOW = 64 * 1024, 16 * 1024
PICTURE = b"x" * 1_000_000


class Wire:
    """A transport to a client that takes `bytes_per_s`, all told as often as `every_s`."""

    def __init__(self, bytes_per_s, every_s=10.0):
        self.left = self.taken = 0
        self.line = Line(self, sent_events)
        self._take = bytes_per_s * every_s, every_s
        asyncio.get_running_loop().call_later(every_s, self._on_time)

    def is_closing(self):
        return False

    def get_write_buffer_size(self):
        return self.left

    def write(self, data):
        self.left += len(data)
        if self.left > HIGH and self.line.taking:
            self.line.pause()

    def _on_time(self):
        amount, every_s = self._take
        taken = min(self.left, int(amount))
        self.left, self.taken = self.left - taken, self.taken + taken
        if self.left <= LOW and not self.line.taking:
            self.line.resume()
        asyncio.get_running_loop().call_later(every_s, self._on_time)


class Source:
    """An execution of which there is a large picture, and that ends after one more event."""

    closing = False

    def __init__(self):
        self.topic = Topic("x", 1, ["a"], ended=False)
        self.broadcast = Broadcast(self.topic, 0.0, Metrics())

    async def fresh_snapshot(self):
        return Message(1, PICTURE)

    def end(self):
        last = PublicEvent("EXECUTION_COMPLETED", "execution_ended")
        self.topic.add([EventMessage(2, "x", "t", last)])
        self.broadcast.on_news()


async def watch(bytes_per_s):
    """Seconds it took to tell a client everything, and what it has taken by then."""
    clock = asyncio.get_running_loop().time
    source, wire, begun = Source(), Wire(bytes_per_s), clock()
    asyncio.get_running_loop().call_later(1.0, source.end)
    await Watch(source, Metrics(), 15.0, None).write_to(wire.line, lambda _: b"")
    return clock() - begun, wire.taken


def test_a_client_that_takes_little_gets_everything_before_the_stream_is_closed():
    took_s, taken = run_simulated(watch(5_000))
    assert took_s > 2 * SEND_S_MAX
    assert taken >= len(PICTURE) - LOW


def test_a_client_that_takes_nothing_is_cut_off():
    with pytest.raises(TimeoutError):
        run_simulated(watch(0))


def test_a_client_that_takes_all_is_not_waited_for():
    took_s, _ = run_simulated(watch(10_000_000))
    assert took_s < SEND_S_MAX
