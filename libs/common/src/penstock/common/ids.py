"""Ids: ULIDs (sortable by time, https://github.com/ulid/spec), ids derived from keys, and the
shard of an id."""

import hashlib
import os
import time
from functools import lru_cache
from zlib import crc32

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LENGTH = 26
_RANDOM_BITS = 80
_RANDOM_MAX = (1 << _RANDOM_BITS) - 1
_HALF = (1 << 40) - 1
_DRAWN_BYTES = 4096
"""Random bytes asked of the system at a time: a call costs more than making an id."""
_VARIED = 4
"""Characters at the end of an id that are given up to place it: a million ids, for 4,096 shards."""
_NAME = "name:"
_PAIRS = tuple(a + b for a in _ALPHABET for b in _ALPHABET)


@lru_cache(maxsize=64)
def _time_part(ms: int) -> str:
    """48 bits in Crockford's base 32, 10 characters."""
    return "".join([_PAIRS[(ms >> shift) & 1023] for shift in range(40, -1, -10)])


def _random_part(low: int) -> str:
    """80 bits in Crockford's base 32, 16 characters; by halves, because small numbers are quick."""
    pairs = _PAIRS
    high, low = low >> 40, low & _HALF
    return (
        pairs[high >> 30]
        + pairs[high >> 20 & 1023]
        + pairs[high >> 10 & 1023]
        + pairs[high & 1023]
        + pairs[low >> 30]
        + pairs[low >> 20 & 1023]
        + pairs[low >> 10 & 1023]
        + pairs[low & 1023]
    )


def _encode(value: int) -> str:
    """A 128-bit number as 26 characters."""
    return _time_part(value >> _RANDOM_BITS) + _random_part(value & _RANDOM_MAX)


def new_ulid(now_ms: int, entropy: bytes) -> str:
    """A ULID of this millisecond with these 10 random bytes."""
    return _time_part(now_ms) + _random_part(int.from_bytes(entropy[:10], "big"))


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


def moved_to_shard(ulid: str, shard: int, shard_count: int) -> str:
    """The id that belongs to `shard` and differs from `ulid` in nothing but its last characters;
    always the same one. Takes about `shard_count` tries of a fifth of a microsecond each."""
    begin = ulid[:-_VARIED]
    for number in range(32**_VARIED):
        pairs = _PAIRS[number & 1023] + _PAIRS[number >> 10]
        if shard_of(begin + pairs, shard_count) == shard:
            return begin + pairs
    raise ValueError(f"no id like {ulid} belongs to shard {shard} of {shard_count}")


def named_ulid(tenant: str, name: str) -> str:
    """The id of the execution whose start chose this name."""
    return keyed_ulid("id", tenant, name)


def execution_ulid(tenant: str, text: str) -> str:
    """The id of the execution that people mean: by its id, or by the name that its start chose.
    `name:` in front of what is written like an id makes it a name."""
    return text if is_ulid(text) else named_ulid(tenant, text.removeprefix(_NAME))


def schedule_ulid(tenant: str, schedule_id: str) -> str:
    """The id that decides a schedule's shard."""
    return keyed_ulid("schedule", tenant, schedule_id)


class IdSource:
    """Gives ids that grow even within one millisecond. Lives at a shell's edge; the core gets ids
    as values."""

    def __init__(self) -> None:
        self._ms = 0
        self._low = 0
        self._drawn = b""
        self._used = 0

    def _draw(self, count: int) -> int:
        """So many random bytes, as a number."""
        end = self._used + count
        if end > len(self._drawn):
            self._drawn, end = os.urandom(_DRAWN_BYTES), count
        self._used = end
        return int.from_bytes(self._drawn[end - count : end], "big")

    def next(self) -> str:
        """A new ULID, greater than all this source gave before."""
        now_ms = time.time_ns() // 1_000_000  # noqa: TID251 - the edge
        if now_ms > self._ms:
            self._ms, self._low = now_ms, self._draw(10)
        else:
            self._low += 1 + self._draw(4)
            if self._low > _RANDOM_MAX:
                self._ms, self._low = self._ms + 1, self._draw(10)
        return _time_part(self._ms) + _random_part(self._low)
