"""Limits and circuit breakers, through the client: `client.limits`."""

from typing import Literal
from urllib.parse import quote

import msgspec

from penstock.sdk.transport import Call, Transport


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt of a node or of the item `item` (from 0) of its fan-out, or an execution as a
    whole (`attempt` 0), at a limit. `doubtful`: it was lost sight of, and is free in some seconds.
    """

    execution_id: str
    name: str = ""
    item: int | None = None
    attempt: int = 0
    doubtful: bool = False


class Limit(msgspec.Struct, frozen=True, kw_only=True):
    """A key in use: `used` of `limit` are taken, in `per_s` seconds if it is a rate."""

    kind: str
    key: str
    limit: int = 0
    used: int = 0
    per_s: float = 0.0
    waiting: int = 0
    ready: bool = True
    holders: tuple[Holder, ...] = ()
    line: tuple[Holder, ...] = ()


class LimitReport(msgspec.Struct, frozen=True, kw_only=True):
    """Limits in use."""

    limits: tuple[Limit, ...] = ()


class CircuitBreaker(msgspec.Struct, frozen=True, kw_only=True):
    """A breaker: `closed`, `open` or `half_open`."""

    key: str
    state: str
    failures: int = 0
    failure_threshold: int = 0
    timeout_s: float = 0.0
    waiting: int = 0


class BreakerReport(msgspec.Struct, frozen=True, kw_only=True):
    """Breakers that are known."""

    breakers: tuple[CircuitBreaker, ...] = ()


class BreakerSet(msgspec.Struct, frozen=True, kw_only=True):
    """What was done to a breaker."""

    key: str
    action: str


class Released(msgspec.Struct, frozen=True, kw_only=True):
    """How many permits of an execution were freed."""

    execution_id: str
    released: int


class LimitClient:
    """Reads limits and lays hands on them."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def list(self) -> LimitReport:
        """Limits in use, over all coordinators."""
        return await self._transport.ask(Call("GET", "/v1/limits"), LimitReport)

    async def release(self, execution_id: str) -> Released:
        """Free what an execution holds; whatever still runs then runs beside the limit."""
        path = f"/v1/limits/permits/{quote(execution_id, safe='')}"
        return await self._transport.ask(Call("DELETE", path, safe=False), Released)

    async def breakers(self) -> BreakerReport:
        """Circuit breakers that are known."""
        return await self._transport.ask(Call("GET", "/v1/breakers"), BreakerReport)

    async def set_breaker(self, key: str, action: Literal["trip", "reset"]) -> BreakerSet:
        """Open (`trip`) or close (`reset`) a breaker."""
        body = msgspec.json.encode({"key": key, "action": action})
        headers = {"Content-Type": "application/json"}
        call = Call("POST", "/v1/breakers", headers=headers, body=body)
        return await self._transport.ask(call, BreakerSet)
