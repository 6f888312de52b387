"""A patient REST client for tests that break things: it repeats until it is answered, as clients
may.

Every start carries an idempotency key, so a repeat meets the first start.
"""

from dataclasses import dataclass, field
from typing import Any

import aiohttp
import stamina

TERMINAL = {"COMPLETED", "FAILED", "CANCELLED", "TIMED_OUT"}


class NotYet(Exception):
    """No answer that counts: refused for now, cut off, or still running."""


@dataclass
class Told:
    """What clients were told: the acknowledged starts and how they ended."""

    started: dict[str, str] = field(default_factory=dict)
    ended: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass
class Driver:
    """Starts executions and stays with each until it is told the end."""

    url: str
    session: aiohttp.ClientSession
    told: Told = field(default_factory=Told)

    async def _ask(self, method: str, path: str, **more: Any) -> Any:
        try:
            async with self.session.request(method, self.url + path, **more) as answer:
                if answer.status in (502, 503, 504):
                    raise NotYet(await answer.text())
                body = await answer.json(content_type=None)
                assert answer.status < 300, f"{method} {path}: {answer.status} {body}"
                return body
        except (aiohttp.ClientError, TimeoutError) as error:
            raise NotYet(str(error)) from error

    async def ask(self, method: str, path: str, **more: Any) -> Any:
        """One request, repeated while the service is away."""
        async for attempt in stamina.retry_context(
            on=NotYet, attempts=None, timeout=90.0, wait_max=1.0
        ):
            with attempt:
                return await self._ask(method, path, **more)
        raise NotYet(path)

    async def apply(self, source: str) -> None:
        """Store a workflow."""
        headers = {"Content-Type": "application/yaml"}
        await self.ask("POST", "/v1/workflows", data=source.encode(), headers=headers)

    async def start(self, workflow: str, key: str, params: dict[str, Any], **options: Any) -> str:
        """Start once, however often it must be asked; `options` are further keys of the body."""
        path = f"/v1/workflows/{workflow}/executions"
        asked = {"params": params, **options}
        body = await self.ask("POST", path, json=asked, headers={"Idempotency-Key": key})
        known = self.told.started.setdefault(key, body["id"])
        assert known == body["id"], "one key, two executions"
        return known

    async def run(
        self, workflow: str, key: str, params: dict[str, Any], **options: Any
    ) -> dict[str, Any]:
        """Start, and stay until the end is told."""
        execution_id = await self.start(workflow, key, params, **options)
        asked = {"params": params, **options}
        path = f"/v1/workflows/{workflow}/executions?wait=20s"
        async for attempt in stamina.retry_context(
            on=NotYet, attempts=None, timeout=90.0, wait_max=1.0
        ):
            with attempt:
                body = await self._ask("POST", path, json=asked, headers={"Idempotency-Key": key})
                assert body["id"] == execution_id
                if body["status"] not in TERMINAL:
                    raise NotYet(body["status"])
                self.told.ended[execution_id] = body
        return self.told.ended[execution_id]

    async def end_of(self, execution_id: str) -> dict[str, Any]:
        """An execution that something else started, once it has ended."""
        async for attempt in stamina.retry_context(
            on=NotYet, attempts=None, timeout=90.0, wait_initial=0.05, wait_max=0.2
        ):
            with attempt:
                body = await self._ask("GET", f"/v1/executions/{execution_id}")
                if body["status"] not in TERMINAL:
                    raise NotYet(body["status"])
                return body
        raise NotYet(execution_id)

    async def children_of(self, execution_id: str) -> list[dict[str, Any]]:
        """All executions that the nodes of one started."""
        found: list[dict[str, Any]] = []
        more = ""
        while True:
            page = await self.ask("GET", f"/v1/executions/{execution_id}/children?limit=100{more}")
            found += page["items"]
            if not page["next_cursor"]:
                return found
            more = f"&cursor={page['next_cursor']}"
