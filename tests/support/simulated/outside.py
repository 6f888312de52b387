"""The world outside the engine: every effect passes here and is seen at the instant it happens.

It stands in for the HTTP client of workers, so `http@1` nodes and the `http` of JavaScript come
here alike. What a request is for it says itself: the idempotency key names execution, node, item
and ordinal, the body the attempt.
"""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from penstock.nodes.http.exchange import Request, Response
from support.simulated.fabric import CURRENT, Fabric, Process

URL = "http://outside/"
Attempt = tuple[str, str, int, int]
"""Execution, node id, item, attempt."""


@dataclass(frozen=True)
class Effect:
    """Something that happened outside, once and for all."""

    at: float
    process: Process
    execution: str
    node: str
    item: int
    ordinal: int
    attempt: int

    def __str__(self) -> str:
        what = f"{self.node}[{self.item}]#{self.attempt}, effect {self.ordinal}"
        return f"{self.at:.4f} {self.process.name}: {what} of {self.execution}"

    @property
    def key(self) -> tuple[str, str, int, int]:
        """What makes it the same effect in another attempt."""
        return self.execution, self.node, self.item, self.ordinal


@dataclass
class Outside:
    """`watchers` hear of every effect before anybody else does, `askers` of every request as it
    begins, whether or not it has an effect, and can ask whether it goes on."""

    fabric: Fabric
    effects: list[Effect] = field(default_factory=list)
    watchers: list[Callable[[Effect], None]] = field(default_factory=list)
    askers: list[Callable[[Process, Attempt, Callable[[], bool]], None]] = field(
        default_factory=list
    )

    async def exchange(self, request: Request) -> Response:
        """A request of a worker: the effect, then its answer."""
        process = CURRENT.get()
        body: dict[str, Any] = json.loads(request.body or b"{}")
        execution, node, item, *_ = request.headers["Idempotency-Key"].split("/")
        attempt = execution, node, int(item), int(body["attempt"])
        under_way = [attempt]
        for hear in self.askers:
            hear(process, attempt, lambda: bool(under_way))
        try:
            return await self._answer(process, request, body)
        finally:
            under_way.clear()

    async def _answer(self, process: Process, request: Request, body: dict[str, Any]) -> Response:
        await asyncio.sleep(self.fabric.delay_s())
        self.fabric.point(f"{process.name} acts")
        if not process.alive:
            raise asyncio.CancelledError
        refused = body["attempt"] <= body.get("refused", 0)
        if not refused:
            self._happen(process, request.headers["Idempotency-Key"], body["attempt"])
        await asyncio.sleep(self.fabric.delay_s())
        self.fabric.point(f"{process.name} hears that it acted")
        status = 503 if refused else 200
        return Response(status, {"content-type": "application/json"}, b"true", URL, "utf-8")

    def _happen(self, process: Process, key: str, attempt: int) -> None:
        execution, node, item, *ordinal = key.split("/")
        effect = Effect(
            asyncio.get_running_loop().time(),
            process,
            execution,
            node,
            int(item),
            int(ordinal[0]) if ordinal else 0,
            attempt,
        )
        self.effects.append(effect)
        for watcher in self.watchers:
            watcher(effect)


async def exchange(_: object, request: Request) -> Response:
    """In place of `HttpClient.exchange`."""
    return await CURRENT.get().fabric.outside.exchange(request)
