"""The window on one execution's events."""

import pytest

from penstock.common.invariant import InvariantBroken
from penstock.gateway.live.topic import Topic
from penstock.gateway.shapes.executions import EventMessage, PublicEvent


def event(seq, news="NODE_STATE_CHANGED"):
    return EventMessage(seq, "x", "t", PublicEvent(news, "k"))


def test_a_watcher_takes_what_is_newer_than_its_number():
    topic = Topic("x", 3, ["a"], ended=False)
    topic.add([event(4), event(5), event(6)])
    assert [message.seq for message in topic.after(4, 10)] == [5, 6]
    assert [message.seq for message in topic.after(3, 2)] == [4, 5]
    assert list(topic.after(6, 10)) == []


def test_what_was_before_the_window_is_gone():
    topic = Topic("x", 3, ["a"], ended=False)
    assert topic.oldest == 4
    assert topic.after(2, 10) is None


def test_an_event_out_of_order_is_a_bug():
    topic = Topic("x", 3, ["a"], ended=False)
    with pytest.raises(InvariantBroken):
        topic.add([event(5)])


def test_the_window_is_bounded_by_count(monkeypatch):
    monkeypatch.setattr("penstock.gateway.live.topic.EVENTS_MAX", 10)
    topic = Topic("x", 0, ["a"], ended=False)
    for seq in range(1, 101):
        topic.add([event(seq)])
        assert 1 <= topic.head - topic.oldest + 1 <= 20
    assert topic.head == 100


def test_the_window_is_bounded_by_bytes(monkeypatch):
    monkeypatch.setattr("penstock.gateway.live.topic.BYTES_MAX", 500)
    topic = Topic("x", 0, ["a"], ended=False)
    for seq in range(1, 101):
        topic.add([event(seq)])
        kept = topic.after(topic.oldest - 1, 100)
        assert sum(len(message.body) for message in kept) <= 1000


def test_the_last_event_ends_a_topic():
    topic = Topic("x", 0, ["a"], ended=False)
    topic.add([event(1)])
    assert not topic.ended
    topic.add([event(2, "EXECUTION_COMPLETED")])
    assert topic.ended
