"""The public JSON of the self-audit."""

import msgspec


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that must not be: the broken invariant, where, and what would mend it."""

    invariant: str
    execution_id: str
    shard: int
    message: str
    repair: str
    found_at: str


class AuditReport(msgspec.Struct, frozen=True, kw_only=True):
    """What all coordinators found. `executions` are in memory, `resting` wait in no memory: their
    rows were looked at. `looks` counts executions and shards that were looked at."""

    healthy: bool
    coordinators: int
    shards: int
    executions: int
    resting: int
    looks: int
    rounds: int
    findings: tuple[Finding, ...]
    dropped: int


class RepairBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to mend: everything, or what was found of one execution. Without `apply` nothing is
    changed."""

    apply: bool = False
    execution_id: str = ""


class Repaired(Finding, frozen=True, kw_only=True):
    """One repair: `mended`, or why not."""

    mended: bool
    why_not: str


class RepairReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was done, or, if not `applied`, what would be."""

    applied: bool
    repairs: tuple[Repaired, ...]
