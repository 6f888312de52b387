"""The self-audit through the client: `client.audit`."""

import msgspec

from penstock.sdk.transport import Call, Transport

_JSON = {"Content-Type": "application/json"}


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that must not be: the broken invariant, where, and what would mend it."""

    invariant: str
    execution_id: str
    shard: int = 0
    message: str = ""
    repair: str = ""
    found_at: str = ""


class AuditReport(msgspec.Struct, frozen=True, kw_only=True):
    """What all coordinators found; `resting` executions wait in no memory."""

    healthy: bool
    coordinators: int = 0
    shards: int = 0
    executions: int = 0
    resting: int = 0
    looks: int = 0
    rounds: int = 0
    findings: tuple[Finding, ...] = ()
    dropped: int = 0


class Repaired(Finding, frozen=True, kw_only=True):
    """One repair: `mended`, or why not."""

    mended: bool = False
    why_not: str = ""


class RepairReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was done, or, if not `applied`, what would be."""

    applied: bool
    repairs: tuple[Repaired, ...] = ()


class AuditClient:
    """Reads and repairs findings."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def report(self, *, now: bool = False) -> AuditReport:
        """The findings of all coordinators; with `now` after a look at everything."""
        query = {"now": "true"} if now else {}
        return await self._transport.ask(Call("GET", "/v1/audit", query), AuditReport)

    async def repair(self, execution_id: str = "", *, apply: bool = False) -> RepairReport:
        """Mend what was found, of one execution if one is named; without `apply` a dry run."""
        body = msgspec.json.encode({"apply": apply, "execution_id": execution_id})
        call = Call("POST", "/v1/audit/repair", headers=_JSON, body=body)
        return await self._transport.ask(call, RepairReport)
