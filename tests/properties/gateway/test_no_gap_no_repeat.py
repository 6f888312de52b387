"""Invariant I7: a watcher is given every event once, in order, or a snapshot of what it missed."""

import asyncio
from contextlib import ExitStack
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from penstock.gateway.live.broadcast import Broadcast, Outlet
from penstock.gateway.live.topic import Topic
from penstock.gateway.metrics import Metrics
from penstock.gateway.shapes.executions import EventMessage, PublicEvent

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.integers(1, 12)),
        st.tuples(st.just("take"), st.integers(1, 5)),
    ),
    max_size=80,
)


@given(steps=STEPS, head=st.integers(0, 5), after=st.integers(0, 5))
def test_a_watcher_sees_consecutive_numbers_or_a_snapshot(steps, head, after):
    with patch("penstock.gateway.live.topic.EVENTS_MAX", 6):
        topic = Topic("x", head, ["a"], ended=False)
        seen = min(after, head)
        for step, count in steps:
            if step == "add":
                seqs = range(topic.head + 1, topic.head + 1 + count)
                topic.add(
                    EventMessage(s, "x", "t", PublicEvent("ERROR_OCCURRED", "k")) for s in seqs
                )
                continue
            found = topic.after(seen, count)
            if found is None:
                assert seen + 1 < topic.oldest
                seen = topic.head
                continue
            assert [m.seq for m in found] == list(
                range(seen + 1, min(seen + count, topic.head) + 1)
            )
            seen = found[-1].seq if found else seen


CLIENTS = 3
NEWS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.integers(1, 12)),
        st.tuples(st.just("slow"), st.integers(0, CLIENTS - 1)),
        st.tuples(st.just("fast"), st.integers(0, CLIENTS - 1)),
        st.tuples(st.just("choke"), st.integers(0, CLIENTS - 1)),
    ),
    max_size=60,
)


class ToldLine:
    """A client that notes what it is sent, and may be slow: now, or from its next message on."""

    def __init__(self):
        self.told = []
        self.taking = True
        self.choking = False
        self.on_taking = None

    @staticmethod
    def encode(messages):
        return tuple(message.seq for message in messages)

    def write(self, seqs):
        assert self.taking
        self.told.append(seqs)
        self.taking, self.choking = not self.choking, False

    def resume(self):
        self.taking = True
        self.on_taking()


def numbered(seqs):
    return (EventMessage(s, "x", "t", PublicEvent("ERROR_OCCURRED", "k")) for s in seqs)


def snapshot_for(outlet, topic):
    """What a watcher's own task does when it is behind."""
    assert outlet.attention.is_set()
    outlet.line.told.append([topic.head])
    outlet.seq, outlet.behind = topic.head, False


async def broadcast(news, head):
    """What each client was told, numbers of snapshots as single lists."""
    topic = Topic("x", head, ["a"], ended=False)
    broadcast = Broadcast(topic, 0.0, Metrics())
    outlets = [Outlet(ToldLine(), head) for _ in range(CLIENTS)]
    with ExitStack() as stack:
        for outlet in outlets:
            stack.enter_context(broadcast.attached(outlet))
        for kind, number in [*news, *(("fast", n) for n in range(CLIENTS))]:
            line = outlets[number % CLIENTS].line
            if kind == "add":
                topic.add(numbered(range(topic.head + 1, topic.head + 1 + number)))
                broadcast.on_news()
                await asyncio.sleep(0)
            elif kind == "slow":
                line.taking = False
            elif kind == "choke":
                line.choking = line.taking
            else:
                line.choking = False
                line.resume()
            for outlet in outlets:
                if outlet.behind:
                    snapshot_for(outlet, topic)
    assert all(outlet.seq == topic.head for outlet in outlets)
    return [outlet.line.told for outlet in outlets]


@given(news=NEWS, head=st.integers(0, 5))
def test_clients_fast_and_slow_are_written_consecutive_numbers_or_a_snapshot(news, head):
    with patch("penstock.gateway.live.topic.EVENTS_MAX", 6):
        for told in asyncio.run(broadcast(news, head)):
            seen = head
            for burst in told:
                if isinstance(burst, list):
                    (snapshot,) = burst
                    assert snapshot > seen
                else:
                    assert list(burst) == list(range(seen + 1, seen + 1 + len(burst)))
                seen = burst[-1]


def test_what_is_sent_at_once_is_bounded_in_bytes():
    topic = Topic("x", 0, ["a"], ended=False)
    with patch("penstock.gateway.live.topic._BURST_BYTES_MAX", 300):
        topic.add(numbered(range(1, 11)))
        first = topic.burst(0)
        assert 1 <= len(first) < 10
        assert sum(len(message.body) for message in first) <= 300
        assert topic.burst(first[-1].seq)[0].seq == first[-1].seq + 1
        with patch("penstock.gateway.live.topic._BURST_BYTES_MAX", 1):
            assert len(topic.burst(0)) == 1
