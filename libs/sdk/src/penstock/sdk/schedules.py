"""Schedules through the client: `client.schedules`."""

import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import msgspec

from penstock.sdk.transport import Call, Transport

_JSON = {"Content-Type": "application/json"}


class Fire(msgspec.Struct, frozen=True, kw_only=True):
    """What was decided about a slot, or about all slots up to another one."""

    slot: str
    outcome: str
    decided_at: str
    execution_id: str | None = None
    reason: str = ""
    until: str | None = None
    by_hand: bool = False


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """A schedule, its next slots and last decisions, and why it fires or does not. All of its runs
    carry the label `tag`."""

    id: str
    workflow: str
    cron: str
    version: int = 0
    timezone: str = "UTC"
    params: dict[str, Any] = {}
    tags: tuple[str, ...] = ()
    priority: int | None = None
    overlap: str = "allow"
    catch_up: str = "latest"
    catch_up_window_s: int = 0
    jitter_s: int = 0
    start_at: str | None = None
    end_at: str | None = None
    paused: bool = False
    note: str = ""
    from_file: bool = False
    revision: int = 0
    created_at: str = ""
    updated_at: str = ""
    next_slots: tuple[str, ...] = ()
    why: str = ""
    queued_slot: str | None = None
    running: tuple[str, ...] = ()
    fires: tuple[Fire, ...] = ()
    tag: str = ""


class SchedulePage(msgspec.Struct, frozen=True):
    """Schedules by id."""

    items: tuple[Schedule, ...]
    next_cursor: str | None = None


class Preview(msgspec.Struct, frozen=True):
    """The next slots of an expression, as the wall shows them in the zone."""

    cron: str
    timezone: str
    slots: tuple[str, ...]


class Triggered(msgspec.Struct, frozen=True):
    """The execution that was started; `existing` if the key was used before."""

    schedule: str
    execution_id: str
    existing: bool = False


class Backfill(msgspec.Struct, frozen=True, kw_only=True):
    """How far a backfill is."""

    id: str
    schedule: str
    status: str
    from_: str = msgspec.field(name="from", default="")
    to: str = ""
    concurrency: int = 1
    slots: int = 0
    started: int = 0
    existing: int = 0
    refused: int = 0
    running: tuple[str, ...] = ()
    reason: str = ""
    created_at: str = ""
    finished_at: str | None = None


class BackfillList(msgspec.Struct, frozen=True):
    """The last backfills of a schedule, newest first."""

    items: tuple[Backfill, ...]


class Schedules:
    """When workflows start by themselves."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def preview(self, cron: str, timezone: str = "UTC", *, count: int = 10) -> Preview:
        """The next slots of an expression; keeps nothing."""
        body = {"cron": cron, "timezone": timezone, "count": count}
        return await self._transport.ask(_post("/v1/schedules/preview", body), Preview)

    async def put(
        self,
        workflow: str,
        cron: str,
        *,
        id: str = "",  # noqa: A002
        **more: Any,
    ) -> Schedule:
        """Make a schedule, or change the one with this id; the same content again changes nothing.
        `more` are the other fields of `Schedule` that may be written: timezone, version, params,
        tags, priority, overlap, catch_up, catch_up_window_s, jitter_s, start_at, end_at, paused,
        note, revision."""
        body = {"workflow": workflow, "cron": cron, **more}
        if id:
            body["id"] = id
        return await self._transport.ask(_post("/v1/schedules", body), Schedule)

    async def get(self, id: str, *, next_slots: int = 5) -> Schedule:  # noqa: A002
        """One schedule."""
        call = Call("GET", _path(id), {"next": str(next_slots)})
        return await self._transport.ask(call, Schedule)

    async def list(self, workflow: str = "", *, limit: int = 50, cursor: str = "") -> SchedulePage:
        """A page by id."""
        asked = {"workflow": workflow, "limit": str(limit), "cursor": cursor}
        query = {name: value for name, value in asked.items() if value}
        return await self._transport.ask(Call("GET", "/v1/schedules", query), SchedulePage)

    async def remove(self, id: str) -> None:  # noqa: A002
        """Remove one; its executions stay."""
        await self._transport.ask_bytes(Call("DELETE", _path(id)))

    async def pause(self, id: str, note: str = "") -> Schedule:  # noqa: A002
        """Keep one from firing."""
        return await self._transport.ask(_post(_path(id, "pause"), {"note": note}), Schedule)

    async def resume(self, id: str, note: str = "") -> Schedule:  # noqa: A002
        """Let one fire again, from now on."""
        return await self._transport.ask(_post(_path(id, "resume"), {"note": note}), Schedule)

    async def trigger(self, id: str, *, idempotency_key: str = "") -> Triggered:  # noqa: A002
        """Start an execution now, as a slot would. Without a key one is made up, so that a repeat
        after a lost answer starts nothing twice."""
        call = _post(_path(id, "trigger"), {}, idempotency_key or secrets.token_hex(16))
        return await self._transport.ask(call, Triggered)

    async def backfill(
        self,
        id: str,  # noqa: A002
        from_: str,
        to: str,
        *,
        concurrency: int = 1,
        idempotency_key: str = "",
    ) -> Backfill:
        """Begin to start the slots of a past range that were not run; both ends are instants in ISO
        8601 with their offsets."""
        body = {"from": from_, "to": to, "concurrency": concurrency}
        call = _post(_path(id, "backfills"), body, idempotency_key or secrets.token_hex(16))
        return await self._transport.ask(call, Backfill)

    async def backfills(self, id: str) -> tuple[Backfill, ...]:  # noqa: A002
        """The last backfills, newest first."""
        found = await self._transport.ask(Call("GET", _path(id, "backfills")), BackfillList)
        return found.items

    async def cancel_backfill(self, id: str, backfill_id: str) -> Backfill:  # noqa: A002
        """Let a backfill start no more; its runs go on."""
        return await self._transport.ask(
            _post(_path(id, "backfills", backfill_id, "cancel"), {}), Backfill
        )


def _path(*parts: str) -> str:
    return "/".join(("/v1/schedules", *(quote(part, safe="") for part in parts)))


def _post(path: str, body: Mapping[str, Any], key: str = "") -> Call:
    headers = {**_JSON, "Idempotency-Key": key} if key else _JSON
    return Call("POST", path, headers=headers, body=msgspec.json.encode(body))
