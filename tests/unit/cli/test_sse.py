import itertools

from hypothesis import given
from hypothesis import strategies as st

from penstock.sdk.sse import ServerSentEvent, SseParser

STREAM = (
    b': hello\n\nretry: 500\n\nid: 7\ndata: {"a":1}\n\n'
    b"event: x\r\nid: 8\r\ndata: one\r\ndata:two\r\n\r\ndata: last\n\n"
)
MESSAGES = [
    ServerSentEvent("message", "7", '{"a":1}'),
    ServerSentEvent("x", "8", "one\ntwo"),
    ServerSentEvent("message", None, "last"),
]


def parse(chunks: list[bytes]) -> list[ServerSentEvent]:
    parser = SseParser()
    return [message for chunk in chunks for message in parser.feed(chunk)]


def test_messages_comments_and_ids_are_told_apart():
    assert parse([STREAM]) == MESSAGES


@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_the_cuts_between_chunks_do_not_matter(cuts: list[int]):
    edges = [0, *sorted(cuts), len(STREAM)]
    assert parse([STREAM[a:b] for a, b in itertools.pairwise(edges)]) == MESSAGES


def test_an_unfinished_message_is_not_given():
    assert parse([b"data: half\n"]) == []
