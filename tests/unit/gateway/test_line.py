"""Bytes made for connections are what the protocols say, by other people's parsers."""

import httptools
import pytest
from websockets.client import ClientProtocol
from websockets.frames import Opcode
from websockets.protocol import OPEN
from websockets.uri import parse_uri

from penstock.gateway.live.line import sent_events, text_frames
from penstock.gateway.live.topic import Message


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65535, 65536, 200_000])
def test_text_frames_are_read_by_a_client(size):
    client = ClientProtocol(parse_uri("ws://x/"), state=OPEN, max_size=None)
    client.receive_data(text_frames([Message(1, b"x" * size), Message(2, b"y")]))
    first, second = client.events_received()
    assert (first.opcode, first.fin, bytes(first.data)) == (Opcode.TEXT, True, b"x" * size)
    assert bytes(second.data) == b"y"


def test_sent_events_are_a_chunk_of_an_answer():
    class Answer:
        body = b""

        def on_body(self, part):
            self.body += part

    answer = Answer()
    parser = httptools.HttpResponseParser(answer)
    parser.feed_data(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
    parser.feed_data(sent_events([Message(7, b"{}"), Message(8, b"[]")]))
    assert answer.body == b"id: 7\ndata: {}\n\nid: 8\ndata: []\n\n"
