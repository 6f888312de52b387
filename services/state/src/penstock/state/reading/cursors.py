"""Page tokens: opaque to callers, bound to what was asked, checked when they come back.

A token holds no secret and grants nothing: the account restricts every query whatever the token
says. So it is not signed, but a token that was cut, edited or taken from another query is refused
with a clear error.
"""

import base64
import binascii
import zlib
from typing import TypeVar

import msgspec

from penstock.common.errors import InvalidArgument

PAGE_SIZE_DEFAULT = 50
PAGE_SIZE_MAX = 500

Place = TypeVar("Place")

_FIRST = "p"
"""Every token begins with a letter: a hyphen in front would make a command line take it for an
option."""


def page_size_of(requested: int) -> int:
    """The number of entries to return. Raises `InvalidArgument` above 500."""
    if requested > PAGE_SIZE_MAX:
        raise InvalidArgument(
            f"page_size is {requested}",
            fix=f"Ask for 1 to {PAGE_SIZE_MAX}, or 0 for {PAGE_SIZE_DEFAULT}.",
        )
    return requested or PAGE_SIZE_DEFAULT


def _seal(place: bytes, asked: tuple[object, ...]) -> bytes:
    return zlib.crc32(repr(asked).encode() + b"\x00" + place).to_bytes(4, "big")


def to_token(place: object, asked: tuple[object, ...]) -> str:
    """A token for a place within the answer to what was `asked`."""
    packed = msgspec.msgpack.encode(place)
    sealed = base64.urlsafe_b64encode(_seal(packed, asked) + packed).decode().rstrip("=")
    return _FIRST + sealed


def from_token(token: str, kind: type[Place], asked: tuple[object, ...]) -> Place:
    """The place that a token names. Raises `InvalidArgument` if it is not of this query."""
    try:
        if not token.startswith(_FIRST):
            raise ValueError
        text = token.removeprefix(_FIRST)
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        if raw[:4] != _seal(raw[4:], asked):
            raise ValueError
        return msgspec.msgpack.decode(raw[4:], type=kind)
    except (ValueError, binascii.Error, msgspec.MsgspecError) as error:
        raise InvalidArgument(
            "the cursor does not belong to this query",
            fix="Send the next cursor of the last page with the same filters, or none.",
        ) from error
