"""Operations on many executions through the client: `client.operations`."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from penstock.sdk.transport import Call, Transport

_JSON = {"Content-Type": "application/json"}
_LOOK_S = 0.5


class OperationFailure(msgspec.Struct, frozen=True):
    """One execution for which it did not work, or (`skipped`) nothing was to be done."""

    execution_id: str
    reason: str = ""
    message: str = ""
    skipped: bool = False


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One operation with how far it is; `id` is None and `sample_ids` are some of the executions of
    a dry run."""

    id: str | None
    kind: str
    state: str
    query: str = ""
    matched: int = 0
    matched_exact: bool = True
    done: int = 0
    skipped: int = 0
    failed: int = 0
    reason: str = ""
    rate_per_s: int = 0
    created_at: str | None = None
    ended_at: str | None = None
    failures: tuple[OperationFailure, ...] = ()
    existing: bool = False
    sample_ids: tuple[str, ...] = ()

    @property
    def ended(self) -> bool:
        """True if nothing happens any more."""
        return self.state != "RUNNING"


class OperationPage(msgspec.Struct, frozen=True):
    """A page of operations, newest first; `next_cursor` is None on the last one."""

    items: tuple[Operation, ...]
    next_cursor: str | None = None


class OperationClient:
    """Does one thing to many executions, with progress."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def start(
        self,
        kind: str,
        query: str = "",
        *,
        ids: Sequence[str] = (),
        dry_run: bool = False,
        idempotency_key: str = "",
        **more: Any,
    ) -> Operation:
        """Begin one, for what a query finds or for `ids`: cancel, pause, resume, signal, retry,
        discard, restore, delete or rerun. `more`: reason, signal and payload, from_nodes, version,
        from_start, rate_per_s. Without a key one is made up, so that a repeat after a lost answer
        begins nothing twice."""
        body: dict[str, Any] = {"kind": kind, "query": query, "ids": list(ids), "dry_run": dry_run}
        if "from_nodes" in more:
            more["from"] = list(more.pop("from_nodes"))
        headers = {**_JSON, "Idempotency-Key": idempotency_key or secrets.token_hex(16)}
        call = Call(
            "POST", "/v1/operations", headers=headers, body=msgspec.json.encode({**body, **more})
        )
        return await self._transport.ask(call, Operation)

    async def get(self, operation_id: str) -> Operation:
        """How far one is, with its first failures."""
        return await self._transport.ask(Call("GET", _path(operation_id)), Operation)

    async def list(self, limit: int = 50, cursor: str = "") -> OperationPage:
        """Operations, newest first."""
        query = {"limit": str(limit), **({"cursor": cursor} if cursor else {})}
        return await self._transport.ask(Call("GET", "/v1/operations", query), OperationPage)

    async def cancel(self, operation_id: str) -> Operation:
        """Stop one; what was done stays done."""
        call = Call("POST", f"{_path(operation_id)}/cancel", headers=_JSON, body=b"")
        return await self._transport.ask(call, Operation)

    async def watch(self, operation_id: str) -> AsyncIterator[Operation]:
        """One again and again until it has ended; the last one is whole."""
        while True:
            found = await self.get(operation_id)
            yield found
            if found.ended:
                return
            await asyncio.sleep(_LOOK_S)


def _path(operation_id: str) -> str:
    return f"/v1/operations/{quote(operation_id, safe='')}"
