"""What waits under a limit though it could go on: for the self-audit, which trusts no wake-up."""

from collections.abc import Iterator
from typing import NamedTuple

from penstock.coordinator.limits.book import Book, KeyShard, opens_at
from penstock.coordinator.limits.permits import Ask

_GRACE_US = 1_000_000
"""Whatever is due is looked at within this time."""
_PATIENCE_US = 60_000_000
"""How long the owners of all shards have to tell what they hold."""


class Overdue(NamedTuple):
    """Who is first in line under a key, and why that is wrong."""

    key: str
    ask: Ask
    why: str


def overdue(book: Book, number: int, now_us: int) -> Iterator[Overdue]:
    """The keys of a shard under which somebody waits for a decision that nobody makes."""
    shard = book.shards.get(number)
    if shard is None:
        return
    why_closed = _why_closed(shard, now_us)
    for key, limit in shard.keys.items():
        ask = limit.line.first()
        if ask is None:
            continue
        if not shard.opened:
            if why_closed is not None:
                yield Overdue(key, ask, why_closed)
        elif limit.lets_through(now_us - _GRACE_US):
            yield Overdue(key, ask, "nobody lets it go")


def _why_closed(shard: KeyShard, now_us: int) -> str | None:
    """Why a shard whose keys are in use should be open by now, None if it need not be."""
    at_us = opens_at(shard)
    if at_us is not None:
        return "it is still closed" if at_us < now_us - _GRACE_US else None
    is_late = shard.taken_us < now_us - _PATIENCE_US
    return "its owner does not hear from all the others" if is_late else None
