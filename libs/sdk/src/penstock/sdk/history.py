"""The past, over REST: executions as they were, comparisons, re-runs, forks, roll-backs."""

import secrets
from collections.abc import Mapping, Sequence
from typing import Any, Literal
from urllib.parse import quote

import msgspec

from penstock.sdk.history_models import (
    ExecutionComparison,
    Rerun,
    RolledBack,
    VersionComparison,
)
from penstock.sdk.models import Execution, ExecutionPage, HistoryPage, NodeState
from penstock.sdk.transport import Call, Transport

_JSON = {"Content-Type": "application/json"}

Version = int | Literal["same", "latest"]


class HistoryClient:
    """`client.history`. Every method raises a subclass of `ApiError`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def events(self, execution_id: str, *, after: int = 0, limit: int = 100) -> HistoryPage:
        """Its events after number `after`, at most `limit` (1 to 500); large ones make it fewer."""
        query = {"after": str(after), "limit": str(limit)}
        call = Call("GET", f"{_path(execution_id)}/history", query)
        return await self._transport.ask(call, HistoryPage)

    async def at(self, execution_id: str, *, seq: int = 0, at: str = "") -> Execution:
        """An execution as it was after event `seq`, or at the instant `at` (RFC 3339)."""
        query = {"at": at} if at else {"at_seq": str(seq)}
        return await self._transport.ask(Call("GET", _path(execution_id), query), Execution)

    async def node_at(
        self, execution_id: str, node: str, *, seq: int = 0, at: str = ""
    ) -> NodeState:
        """One node of it then, with its output whole."""
        query = {"at": at} if at else {"at_seq": str(seq)}
        call = Call("GET", f"{_path(execution_id)}/nodes/{_segment(node)}", query)
        return await self._transport.ask(call, NodeState)

    async def compare(self, left: str, right: str) -> ExecutionComparison:
        """How the execution `right` differs from `left`."""
        call = Call("GET", f"{_path(left)}/diff/{_segment(right)}")
        return await self._transport.ask(call, ExecutionComparison)

    async def derived(self, execution_id: str, limit: int = 50, cursor: str = "") -> ExecutionPage:
        """Executions that were made from this one, newest first."""
        query = {"limit": str(limit)} | ({"cursor": cursor} if cursor else {})
        call = Call("GET", f"{_path(execution_id)}/derived", query)
        return await self._transport.ask(call, ExecutionPage)

    async def rerun(  # noqa: PLR0913 - each is an option of the request
        self,
        execution_id: str,
        from_nodes: Sequence[str],
        *,
        input: Any = None,  # noqa: A002 - its name in the interface
        params: Mapping[str, Any] | None = None,
        version: Version = "same",
        tags: Sequence[str] = (),
        debug: bool = False,
        idempotency_key: str = "",
    ) -> Rerun:
        """Run some nodes again, with everything after them, as a new execution. `input` is what the
        one node in `from_nodes` gets instead of its parents' outputs, an object keyed by parent."""
        body = _start_body(params, version, tags, debug) | {"from": list(from_nodes)}
        if input is not None:
            body["input"] = input
        return await self._make(f"{_path(execution_id)}/rerun", body, idempotency_key)

    async def fork(  # noqa: PLR0913 - each is an option of the request
        self,
        execution_id: str,
        at_seq: int,
        *,
        params: Mapping[str, Any] | None = None,
        version: Version = "same",
        tags: Sequence[str] = (),
        debug: bool = False,
        idempotency_key: str = "",
    ) -> Rerun:
        """Go on from a past event as a new execution: what had ended by then is taken over."""
        body = _start_body(params, version, tags, debug) | {"at_seq": at_seq}
        return await self._make(f"{_path(execution_id)}/fork", body, idempotency_key)

    async def _make(self, path: str, body: Mapping[str, Any], key: str) -> Rerun:
        headers = {**_JSON, "Idempotency-Key": key or secrets.token_hex(16)}
        call = Call("POST", path, headers=headers, body=msgspec.json.encode(body))
        return await self._transport.ask(call, Rerun)

    async def compare_versions(self, name: str, left: int, right: int = 0) -> VersionComparison:
        """How version `right` (the latest if 0) of a workflow differs from version `left`."""
        query = {"from": str(left)} | ({"to": str(right)} if right else {})
        call = Call("GET", f"/v1/workflows/{_segment(name)}/diff", query)
        return await self._transport.ask(call, VersionComparison)

    async def roll_back(self, name: str, version: int) -> RolledBack:
        """Make an earlier version's content the newest version; what runs is not touched."""
        path = f"/v1/workflows/{_segment(name)}/rollback"
        body = msgspec.json.encode({"version": version})
        return await self._transport.ask(Call("POST", path, headers=_JSON, body=body), RolledBack)


def _start_body(
    params: Mapping[str, Any] | None, version: Version, tags: Sequence[str], debug: bool
) -> dict[str, Any]:
    body: dict[str, Any] = {"version": version}
    if params is not None:
        body["params"] = dict(params)
    if tags:
        body["tags"] = list(tags)
    if debug:
        body["debug"] = True
    return body


def _path(execution_id: str) -> str:
    return f"/v1/executions/{_segment(execution_id)}"


def _segment(text: str) -> str:
    return quote(text, safe="")
