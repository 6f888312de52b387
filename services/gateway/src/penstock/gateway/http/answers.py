"""Answers as plain ASGI: status, headers and bytes, without a framework's response in between."""

from typing import Any

import msgspec
from litestar.types import Receive, Scope, Send

_encode = msgspec.json.encode
_JSON = (b"content-type", b"application/json")

Headers = tuple[tuple[bytes, bytes], ...]


class Answer:
    """A whole response that is known before its first byte is sent."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, headers: Headers, body: bytes) -> None:
        """`headers` in lower case, without content-length."""
        self.status = status
        self.headers = headers
        self.body = body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        length = () if self.status == 204 else ((b"content-length", b"%d" % len(self.body)),)
        await send(
            {
                "type": "http.response.start",
                "status": self.status,
                "headers": [*self.headers, *length],
            }
        )
        await send({"type": "http.response.body", "body": self.body, "more_body": False})


def json_answer(value: Any, status: int = 200, headers: Headers = ()) -> Answer:
    """`value` (a struct) as JSON."""
    return Answer(status, (_JSON, *headers), _encode(value))


def text_answer(text: str, content_type: str, status: int = 200) -> Answer:
    """Text in UTF-8; `content_type` without charset."""
    kind = f"{content_type}; charset=utf-8".encode()
    return Answer(
        status, ((b"content-type", kind), (b"x-content-type-options", b"nosniff")), text.encode()
    )
