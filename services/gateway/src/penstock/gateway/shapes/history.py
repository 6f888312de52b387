"""The public JSON of history: comparisons, re-runs, forks, roll-backs."""

from typing import Literal

import msgspec
from msgspec import UNSET, Raw, UnsetType

from penstock.gateway.shapes.executions import Failure


class Difference(msgspec.Struct, frozen=True):
    """One place at which two JSON values differ, written as JavaScript would; `left` and `right`
    are JSON texts, cut if they are long, null where a side has no such place."""

    path: str
    kind: Literal["ADDED", "REMOVED", "CHANGED"]
    left: str | None
    right: str | None


class Differences(msgspec.Struct, frozen=True):
    """Places that differ; `cut` if there are more, or if the values are too large to compare."""

    places: tuple[Difference, ...] = ()
    cut: bool = False


class NodeSide(msgspec.Struct, frozen=True):
    """Where a node stands on one side."""

    status: str
    attempt: int
    duration_ms: float | None
    failure: Failure | None = None


class NodeComparison(msgspec.Struct, frozen=True):
    """One node on both sides; a side is null if its version has no such node. `differs` are some of
    status, attempt, output, failure, definition; `inputs` the nodes it reads that differ."""

    id: str
    left: NodeSide | None
    right: NodeSide | None
    differs: tuple[str, ...]
    inputs: tuple[str, ...]
    output: Differences


class ExecutionSide(msgspec.Struct, frozen=True):
    """One of two executions."""

    id: str
    workflow: str
    version: int
    status: str
    started_at: str | None
    finished_at: str | None


class ChangedNode(msgspec.Struct, frozen=True):
    """A node that two versions define differently; places are keys of the file."""

    id: str
    differences: Differences


class VersionComparison(msgspec.Struct, frozen=True):
    """How two versions of a workflow differ; `flow` is what is outside of the nodes."""

    left: int
    right: int
    same: bool
    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[ChangedNode, ...]
    flow: Differences


class ExecutionComparison(msgspec.Struct, frozen=True):
    """How two executions differ. `diverges_at` is the first node that went another way though all
    it reads was the same; times never count."""

    left: ExecutionSide
    right: ExecutionSide
    same: bool
    summary: str
    diverges_at: str | None
    params: Differences
    output: Differences
    nodes: tuple[NodeComparison, ...]
    versions: VersionComparison | None
    vars: Differences = Differences()


class ForkBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where to go on from. `version` is a number, "same" or "latest"; `params` replace the past
    ones."""

    at_seq: int = 0
    params: Raw | UnsetType = UNSET
    version: int | Literal["same", "latest"] = "same"
    tags: tuple[str, ...] = ()
    debug: bool = False


class RerunBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"again": "from"}):
    """Which nodes run again, with everything after them; `input` is what the one node in `from`
    gets, keyed by parent. `version` is a number, "same" or "latest"; `params` replace the past
    ones."""

    again: tuple[str, ...] = ()
    input: Raw | UnsetType = UNSET
    params: Raw | UnsetType = UNSET
    version: int | Literal["same", "latest"] = "same"
    tags: tuple[str, ...] = ()
    debug: bool = False


class Rerun(msgspec.Struct, frozen=True):
    """A new execution made from a past one; `carried` are the nodes whose outcomes were taken over,
    empty for a repeated request."""

    id: str
    workflow: str
    version: int
    existing: bool
    carried: tuple[str, ...]


class RollbackBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The version whose content is to be the newest."""

    version: int = 0


class RolledBack(msgspec.Struct, frozen=True):
    """The newest version; `created` is false if it had this content already."""

    name: str
    version: int
    definition_hash: str
    created: bool
