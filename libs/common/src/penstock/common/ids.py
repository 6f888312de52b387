"""Ids: ULIDs (sortable by time, https://github.com/ulid/spec), ids derived from keys, and the
shard of an id."""

import hashlib
import os
import time
from zlib import crc32

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LENGTH = 26
_RANDOM_BITS = 80
_PAIRS = tuple(a + b for a in _ALPHABET for b in _ALPHABET)


def _encode(value: int) -> str:
    """Crockford base 32 of a 128-bit number, 26 characters."""
    return "".join([_PAIRS[(value >> shift) & 1023] for shift in range(120, -1, -10)])


def new_ulid(now_ms: int, entropy: bytes) -> str:
    """A ULID of this millisecond with these 10 random bytes."""
    return _encode((now_ms << _RANDOM_BITS) | int.from_bytes(entropy[:10], "big"))


def keyed_ulid(*parts: str) -> str:
    """An id that depends on `parts` only: the same parts always give the same id."""
    digest = hashlib.sha256("\x1f".join(parts).encode()).digest()
    return _encode(int.from_bytes(digest[:16], "big") >> 1)


def is_ulid(text: str) -> bool:
    """True if `text` is written like a ULID."""
    return len(text) == _LENGTH and text[0] <= "7" and all(char in _ALPHABET for char in text)


def shard_of(execution_id: str, shard_count: int) -> int:
    """The shard that an execution belongs to, for ever."""
    return crc32(execution_id.encode()) % shard_count


class IdSource:
    """Gives ids that grow even within one millisecond. Lives at a shell's edge; the core gets ids
    as values."""

    def __init__(self) -> None:
        self._last = 0

    def next(self) -> str:
        """A new ULID, greater than all this source gave before."""
        now_ms = time.time_ns() // 1_000_000  # noqa: TID251 - the edge
        fresh = (now_ms << _RANDOM_BITS) | int.from_bytes(os.urandom(10), "big")
        if fresh >> _RANDOM_BITS <= self._last >> _RANDOM_BITS:
            fresh = self._last + 1 + int.from_bytes(os.urandom(4), "big")
        self._last = fresh
        return _encode(fresh)
