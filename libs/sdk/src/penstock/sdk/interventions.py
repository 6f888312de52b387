"""What people do to executions: `client.interventions`."""

import secrets
from collections.abc import Sequence
from typing import Any, Literal
from urllib.parse import quote

import msgspec

from penstock.sdk.transport import Call, Transport

_JSON = {"Content-Type": "application/json"}

Operation = Literal["retry", "skip", "complete", "fail", "edit"]


class Paused(msgspec.Struct, frozen=True):
    """Where an execution stands after a pause or a resume."""

    id: str
    status: str


class Intervened(msgspec.Struct, frozen=True):
    """Where a node, or the item `item` (from 0) of its fan-out, stands after an intervention."""

    id: str
    node: str
    status: str
    attempt: int = 0
    item: int | None = None


class Intervention(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What to do to a node: `output` and `chosen` are for complete, `input` for edit, `message` for
    fail. `by` and `reason` are for people."""

    operation: Operation
    item: int | None = None
    by: str = ""
    reason: str = ""
    output: Any = msgspec.UNSET
    chosen: Sequence[str] | None = None
    input: Any = msgspec.UNSET
    message: str = ""
    id: str = ""


class Hand(msgspec.Struct, frozen=True):
    """Who pauses or resumes, and why; requests with one id are one."""

    by: str
    reason: str
    id: str


class Interventions:
    """Every method returns when what was asked for is on disk, and raises an `ApiError`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def pause(
        self, execution_id: str, *, by: str = "", reason: str = "", request_id: str = ""
    ) -> Paused:
        """Hand out nothing new of an execution; pausing twice is pausing once.

        Requests with one id are one. Without one it is made up, so that a repeat after a lost
        answer does not pause what was resumed meanwhile.
        """
        return await self._hand(execution_id, "pause", Hand(by, reason, request_id))

    async def resume(
        self, execution_id: str, *, by: str = "", reason: str = "", request_id: str = ""
    ) -> Paused:
        """End a pause; of the id the same holds."""
        return await self._hand(execution_id, "resume", Hand(by, reason, request_id))

    async def _hand(self, execution_id: str, verb: str, hand: Hand) -> Paused:
        path = f"/v1/executions/{quote(execution_id, safe='')}/{verb}"
        if not hand.id:
            hand = msgspec.structs.replace(hand, id=secrets.token_hex(16))
        body = msgspec.json.encode(hand)
        return await self._transport.ask(Call("POST", path, headers=_JSON, body=body), Paused)

    async def intervene(
        self, execution_id: str, node: str, intervention: Intervention
    ) -> Intervened:
        """Retry, skip, complete or fail a node of an execution that runs, or give it another input.

        Without an id one is made up, so that a repeat after a lost answer does nothing twice.
        """
        if not intervention.id:
            intervention = msgspec.structs.replace(intervention, id=secrets.token_hex(16))
        where = f"{quote(execution_id, safe='')}/nodes/{quote(node, safe='')}"
        call = Call(
            "POST",
            f"/v1/executions/{where}/interventions",
            headers=_JSON,
            body=msgspec.json.encode(intervention),
        )
        return await self._transport.ask(call, Intervened)
