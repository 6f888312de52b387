"""The step debugger over REST."""

import secrets
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec

from penstock.sdk.debug_models import BreakpointAt, DebugState, NodeInside
from penstock.sdk.models import TERMINAL, EventMessage, SnapshotMessage
from penstock.sdk.transport import Call, Transport

if TYPE_CHECKING:
    from penstock.sdk.client import Client

_JSON = {"Content-Type": "application/json"}


class DebugClient:
    """`client.debug`. Every method raises a subclass of `ApiError`; each command returns, once it
    is on disk, where the execution stands."""

    def __init__(self, client: "Client", transport: Transport) -> None:
        self._client = client
        self._transport = transport

    async def state(self, execution_id: str) -> DebugState:
        """Breakpoints, and what is held."""
        return await self._transport.ask(Call("GET", _path(execution_id)), DebugState)

    async def attach(
        self,
        execution_id: str,
        breakpoints: Sequence[BreakpointAt] = (),
        *,
        stepping: bool = False,
        stop_all: bool = False,
        ignore_file: bool = False,
        by: str = "",
    ) -> DebugState:
        """Debug an execution from now on; attached again it adds breakpoints. `stepping` holds
        everything that becomes ready, `stop_all` as soon as a breakpoint has held something."""
        body = {
            "breakpoints": list(breakpoints),
            "stepping": stepping,
            "stop_all": stop_all,
            "ignore_file": ignore_file,
            "by": by,
        }
        return await self._do(execution_id, "", body)

    async def detach(self, execution_id: str) -> DebugState:
        """Let everything go and debug no more."""
        return await self._remove(_path(execution_id))

    async def set_breakpoints(
        self, execution_id: str, breakpoints: Sequence[BreakpointAt]
    ) -> DebugState:
        """Add breakpoints, or replace those with the same ids."""
        return await self._do(execution_id, "/breakpoints", {"breakpoints": list(breakpoints)})

    async def clear_breakpoint(self, execution_id: str, breakpoint_id: str) -> DebugState:
        """Take a breakpoint away."""
        return await self._remove(f"{_path(execution_id)}/breakpoints/{_segment(breakpoint_id)}")

    async def stop(self, execution_id: str) -> DebugState:
        """Hold everything that becomes ready from now on."""
        return await self._do(execution_id, "/stop", {})

    async def go_on(self, execution_id: str) -> DebugState:
        """Let everything go, up to the next breakpoints."""
        return await self._do(execution_id, "/continue", {})

    async def step(
        self, execution_id: str, node: str = "", *, item: int | None = None, into: bool = False
    ) -> DebugState:
        """Let one thing go (what has been held the longest, or `node`, or its item `item`, from 0)
        and hold what follows."""
        return await self._do(execution_id, "/step", {"node": node, "item": item, "into": into})

    async def run_to(self, execution_id: str, node: str) -> DebugState:
        """Let everything go and hold a node before it runs."""
        return await self._do(execution_id, "/run-to", {"node": node})

    async def inspect(self, execution_id: str, node: str, *, item: int | None = None) -> NodeInside:
        """What a node, or its item `item` (from 0), sees, or would see if it ran now."""
        query = {} if item is None else {"item": str(item)}
        call = Call("GET", f"{_path(execution_id)}/nodes/{_segment(node)}", query)
        return await self._transport.ask(call, NodeInside)

    async def edit_input(
        self, execution_id: str, node: str, value: Any, *, item: int | None = None
    ) -> DebugState:
        """Give a node that is held before it runs another input: an object keyed by parent; an
        item (from 0) another value."""
        body = {"input": value, "item": item}
        return await self._do(execution_id, f"/nodes/{_segment(node)}/input", body)

    async def edit_output(self, execution_id: str, node: str, value: Any) -> DebugState:
        """Give a node that is held after it ran another output."""
        return await self._do(execution_id, f"/nodes/{_segment(node)}/output", {"output": value})

    async def wait_held(self, execution_id: str) -> DebugState:
        """Return once something is held or the execution has ended."""
        now = await self.state(execution_id)
        if now.held or now.status in TERMINAL:
            return now
        watch = self._client.watch(execution_id, now.last_seq)
        async with aclosing(watch) as messages:
            async for message in messages:
                if _is_worth_a_look(message):
                    break
        return await self.state(execution_id)

    async def _do(self, execution_id: str, path: str, body: Mapping[str, Any]) -> DebugState:
        headers = {**_JSON, "Idempotency-Key": secrets.token_hex(16)}
        encoded = msgspec.json.encode(body)
        call = Call("POST", f"{_path(execution_id)}{path}", headers=headers, body=encoded)
        return await self._transport.ask(call, DebugState)

    async def _remove(self, path: str) -> DebugState:
        headers = {"Idempotency-Key": secrets.token_hex(16)}
        return await self._transport.ask(Call("DELETE", path, headers=headers), DebugState)


def _is_worth_a_look(message: SnapshotMessage | EventMessage) -> bool:
    if isinstance(message, SnapshotMessage):
        return True
    return message.event.kind in ("node_held", "execution_ended")


def _path(execution_id: str) -> str:
    return f"/v1/executions/{_segment(execution_id)}/debug"


def _segment(text: str) -> str:
    return quote(text, safe="")
