"""The public JSON of limits and circuit breakers."""

import msgspec


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt of a node or of the item `item` (from 0) of its fan-out, or an execution as a
    whole (`attempt` 0), at a limit. `doubtful`: it was lost sight of, and is free in some seconds.
    """

    execution_id: str
    name: str
    item: int | None
    attempt: int
    doubtful: bool


class Limit(msgspec.Struct, frozen=True, kw_only=True):
    """A key in use. `kind` is `concurrency` or `rate`; `used` of `limit` are taken, `per_s` is a
    rate's span. `ready` is false for some seconds after the key went to another coordinator."""

    kind: str
    key: str
    limit: int
    used: int
    per_s: float
    waiting: int
    ready: bool
    holders: tuple[Holder, ...]
    line: tuple[Holder, ...]


class LimitReport(msgspec.Struct, frozen=True, kw_only=True):
    """The account's limits in use, of all coordinators; those with most waiting first."""

    limits: tuple[Limit, ...]


class CircuitBreaker(msgspec.Struct, frozen=True, kw_only=True):
    """A breaker that is known. `state` is `closed`, `open` or `half_open`; `failures` in a row of
    `failure_threshold`; it stays open for `timeout_s`."""

    key: str
    state: str
    failures: int
    failure_threshold: int
    timeout_s: float
    waiting: int


class BreakerReport(msgspec.Struct, frozen=True, kw_only=True):
    """The account's breakers that are known."""

    breakers: tuple[CircuitBreaker, ...]


class BreakerBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which breaker, and whether to open it (`trip`) or to close it (`reset`)."""

    key: str
    action: str


class BreakerSet(msgspec.Struct, frozen=True, kw_only=True):
    """What was done."""

    key: str
    action: str


class Released(msgspec.Struct, frozen=True, kw_only=True):
    """How many permits were freed."""

    execution_id: str
    released: int
