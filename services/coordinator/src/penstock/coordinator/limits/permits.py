"""The words of limits: who asks for what under which rule, and what is answered."""

from enum import IntEnum
from typing import Literal, NamedTuple

import msgspec

WHOLE = -1
"""Stands for a node where the execution as a whole is meant."""

_SEPARATOR = "\x1f"


class PermitId(NamedTuple):
    """An attempt of a node or item, or an execution as a whole (`node` is `WHOLE`). An attempt has
    its number once and for all, so asking for it again is asking the same."""

    execution_id: str
    node: int = WHOLE
    item: int = 0
    attempt: int = 0


class SlotRule(msgspec.Struct, frozen=True, gc=False):
    """At most `limit` at once."""

    limit: int
    on_full: Literal["queue", "cancel", "skip"] = "queue"


class RateRule(msgspec.Struct, frozen=True, gc=False):
    """At most `limit` in any span of `per_us`."""

    limit: int
    per_us: int


class BreakerRule(msgspec.Struct, frozen=True, gc=False):
    """Nothing for `timeout_us` after `failures` in a row, then probes until `successes` of them."""

    failures: int
    successes: int
    timeout_us: int
    on_open: Literal["wait", "fail"] = "wait"


Rule = SlotRule | RateRule | BreakerRule


class Ask(msgspec.Struct, frozen=True, gc=False):
    """One permit wanted under one key. `epoch` is that of the lease on the execution's shard;
    `since_us` (wall clock) is when it was first asked, and keeps its place in line wherever the key
    moves; `name` says for people what it is for."""

    permit: PermitId
    key: str
    rule: Rule
    urgency: int = 5
    since_us: int = 0
    epoch: int = 0
    name: str = ""


class Verdict(IntEnum):
    """What became of an ask. `EVICTED` comes to one who holds: it must end to make room."""

    GRANTED = 1
    REFUSED = 2
    EVICTED = 3


class Told(NamedTuple):
    """An answer, to whoever has the execution. `epoch` is that of the lease on the key's shard: an
    answer of a former owner is void."""

    who: str
    permit: PermitId
    key: str
    verdict: Verdict
    epoch: int


class Sync(msgspec.Struct, frozen=True):
    """All that one coordinator knows that matters to the owner of keys: it replaces what that one
    knew of it.

    `shards`: the executions' shards it speaks for, with epoch and how long (us) attempts that it
    does not know of may still run. `key_shards`: the shards of keys it speaks about, by epoch.
    """

    shards: dict[int, tuple[int, int]]
    key_shards: dict[int, int]
    held: tuple[Ask, ...] = ()
    wanted: tuple[Ask, ...] = ()


def make_key(kind: str, tenant: str, text: str) -> str:
    """The name of a limit; accounts never share one, kinds neither."""
    return _SEPARATOR.join((kind, tenant, text))


def split_key(key: str) -> tuple[str, str, str]:
    """Kind, account and text of a key."""
    kind, tenant, text = key.split(_SEPARATOR, 2)
    return kind, tenant, text
