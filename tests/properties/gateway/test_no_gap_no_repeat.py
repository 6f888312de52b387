"""Invariant I7: a watcher is given every event once, in order, or a snapshot of what it missed."""

from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from penstock.gateway.schema import EventMessage, PublicEvent
from penstock.gateway.topic import Topic

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.integers(1, 12)),
        st.tuples(st.just("take"), st.integers(1, 5)),
    ),
    max_size=80,
)


@given(steps=STEPS, head=st.integers(0, 5), after=st.integers(0, 5))
def test_a_watcher_sees_consecutive_numbers_or_a_snapshot(steps, head, after):
    with patch("penstock.gateway.topic.EVENTS_MAX", 6):
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
