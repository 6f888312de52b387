"""Dead letters through the client: `client.dead_letters`."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import msgspec

from penstock.sdk.models import Execution, ExecutionSummary, Failure
from penstock.sdk.transport import Call, Transport

_JSON = {"Content-Type": "application/json"}


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """What was done about a dead letter: `state` is open, retried or discarded."""

    state: str
    reason: str = ""
    settled_at: str | None = None
    retried_as: str | None = None


class DeadLetterSummary(ExecutionSummary, frozen=True, kw_only=True):
    """One dead letter of a list: the execution that failed, and what was done about it."""

    letter: Letter


class DeadLetterPage(msgspec.Struct, frozen=True):
    """A page of dead letters; `next_cursor` is None on the last one."""

    items: tuple[DeadLetterSummary, ...]
    next_cursor: str | None = None


class FailedNode(msgspec.Struct, frozen=True, kw_only=True):
    """The node that decided the end; `input` are the outputs of its parents by their ids."""

    id: str
    uses: str = ""
    attempt: int = 0
    failure: Failure | None = None
    input: dict[str, Any] = {}


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """One dead letter with everything that is known of it."""

    letter: Letter
    execution: Execution
    failed: FailedNode | None = None


class Retried(msgspec.Struct, frozen=True, kw_only=True):
    """The execution in its place; `existing` if an earlier request started it."""

    id: str
    retried_as: str
    existing: bool = False
    status: str = ""


class LetterAnswer(msgspec.Struct, frozen=True):
    """Where a dead letter stands."""

    id: str
    letter: Letter


class DeadLetterClient:
    """Executions that FAILED or TIMED_OUT, until somebody deals with them."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def list(
        self,
        where: str = "",
        *,
        state: str = "open",
        order: str = "newest",
        limit: int = 50,
        cursor: str = "",
    ) -> DeadLetterPage:
        """Dead letters that a query finds; a page may be short, or empty, and yet go on."""
        wanted = {"q": where, "state": state, "order": order, "limit": str(limit), "cursor": cursor}
        query = {name: value for name, value in wanted.items() if value}
        return await self._transport.ask(Call("GET", "/v1/dead-letters", query), DeadLetterPage)

    async def get(self, execution_id: str) -> DeadLetter:
        """One with everything."""
        return await self._transport.ask(Call("GET", _path(execution_id)), DeadLetter)

    async def retry(
        self,
        execution_id: str,
        params: Mapping[str, Any] | None = None,
        *,
        input: Any = None,  # noqa: A002 - its name in the interface
        version: int = 0,
        from_start: bool = False,
    ) -> Retried:
        """Start a new execution in its place, once; a repeat answers the same one. It begins at
        the failed node unless `from_start`, with other `params` if they are given. `input` is what
        the failed node gets instead, keyed by parent."""
        body: dict[str, Any] = {} if params is None else {"params": dict(params)}
        if input is not None:
            body["input"] = input
        if version:
            body["version"] = version
        if from_start:
            body["from_start"] = True
        return await self._transport.ask(_post(execution_id, "retry", body), Retried)

    async def discard(self, execution_id: str, reason: str = "") -> LetterAnswer:
        """Take it off the list."""
        call = _post(execution_id, "discard", {"reason": reason})
        return await self._transport.ask(call, LetterAnswer)

    async def restore(self, execution_id: str) -> LetterAnswer:
        """Put a discarded one back."""
        return await self._transport.ask(_post(execution_id, "restore", {}), LetterAnswer)


def _path(execution_id: str) -> str:
    return f"/v1/dead-letters/{quote(execution_id, safe='')}"


def _post(execution_id: str, what: str, body: dict[str, Any]) -> Call:
    path = f"{_path(execution_id)}/{what}"
    return Call("POST", path, headers=_JSON, body=msgspec.json.encode(body))
