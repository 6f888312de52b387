"""News written to many connections: at once after a pause, gathered when busy, made once."""

import asyncio
from contextlib import ExitStack

import pytest

from penstock.gateway.live.broadcast import Broadcast, Outlet
from penstock.gateway.live.line import Line
from penstock.gateway.live.topic import Topic
from penstock.gateway.metrics import Metrics
from penstock.gateway.shapes.executions import EventMessage, PublicEvent


class Wire:
    """A transport that keeps what is written."""

    def __init__(self):
        self.written = []
        self.closing = False

    def is_closing(self):
        return self.closing

    def get_write_buffer_size(self):
        return 0

    def write(self, data):
        self.written.append(data)


class World:
    """One topic, its broadcast and clients; counts what is encoded."""

    def __init__(self, gather_s):
        self.topic = Topic("x", 0, ["a"], ended=False)
        self.broadcast = Broadcast(self.topic, gather_s, Metrics())
        self.encoded = 0

    def encode(self, messages):
        self.encoded += 1
        return ",".join(str(message.seq) for message in messages)

    def outlet(self, seq=0):
        return Outlet(Line(Wire(), self.encode), seq)

    async def news(self, last, kind="NODE_STATE_CHANGED"):
        seqs = range(self.topic.head + 1, last + 1)
        self.topic.add(EventMessage(seq, "x", "t", PublicEvent(kind, "k")) for seq in seqs)
        self.broadcast.on_news()
        await asyncio.sleep(0)


@pytest.fixture
async def world():
    return World(0.0)


def written(outlet):
    return outlet.line._transport.written


@pytest.fixture
def attach(world):
    with ExitStack() as stack:

        def attach(*outlets):
            for outlet in outlets:
                stack.enter_context(world.broadcast.attached(outlet))

        yield attach


async def test_what_stands_at_the_same_event_is_encoded_once(world, attach):
    outlets = [world.outlet() for _ in range(10)]
    attach(*outlets)
    await world.news(3)
    assert [written(outlet) for outlet in outlets] == [["1,2,3"]] * 10
    assert world.encoded == 1


async def test_whoever_comes_later_gets_what_is_new_to_it_at_once(world, attach):
    await world.news(3)
    late = world.outlet(1)
    attach(late)
    assert written(late) == ["2,3"]


async def test_news_after_news_gather():
    busy = World(3600.0)
    outlet = busy.outlet()
    with busy.broadcast.attached(outlet):
        busy.broadcast._flushed_at = asyncio.get_running_loop().time() - 3601
        await busy.news(1)
        await busy.news(2)
        await busy.news(3)
        assert written(outlet) == ["1"]
        busy.broadcast._due.cancel()


async def test_a_slow_client_is_left_alone_and_goes_on_where_it_stood(world, attach):
    slow, fast = world.outlet(), world.outlet()
    attach(slow, fast)
    await world.news(1)
    slow.line.pause()
    await world.news(2)
    await world.news(3)
    assert written(slow) == ["1"]
    assert written(fast) == ["1", "2", "3"]
    slow.line.resume()
    assert written(slow) == ["1", "2,3"]


async def test_a_client_that_fell_out_of_the_window_has_its_task_woken(world, attach, monkeypatch):
    monkeypatch.setattr("penstock.gateway.live.topic.EVENTS_MAX", 4)
    slow = world.outlet()
    attach(slow)
    slow.line.pause()
    for last in range(1, 20):
        await world.news(last)
    assert not slow.behind
    slow.line.resume()
    assert slow.behind
    assert slow.attention.is_set()
    assert written(slow) == []


async def test_the_last_event_wakes_the_tasks_of_all(world, attach):
    outlets = [world.outlet() for _ in range(3)]
    attach(*outlets)
    await world.news(1)
    assert not any(outlet.attention.is_set() for outlet in outlets)
    await world.news(2, "EXECUTION_COMPLETED")
    assert all(outlet.attention.is_set() for outlet in outlets)


async def test_nothing_is_written_to_who_has_left(world):
    outlet = world.outlet()
    with world.broadcast.attached(outlet):
        pass
    await world.news(1)
    assert written(outlet) == []
    assert outlet.line.on_taking is None


async def test_nothing_is_written_to_a_connection_that_is_closing(world, attach):
    outlet = world.outlet()
    attach(outlet)
    outlet.line._transport.closing = True
    await world.news(1)
    assert written(outlet) == []
