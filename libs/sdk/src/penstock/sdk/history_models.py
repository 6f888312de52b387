"""What the interface answers about the past, as Python values."""

import msgspec

from penstock.sdk.models import Failure


class Difference(msgspec.Struct, frozen=True):
    """One place at which two JSON values differ; `left` and `right` are JSON texts, None where a
    side has no such place."""

    path: str
    kind: str
    left: str | None = None
    right: str | None = None


class Differences(msgspec.Struct, frozen=True):
    """Places that differ; `cut` if there are more than these."""

    places: tuple[Difference, ...] = ()
    cut: bool = False

    def __bool__(self) -> bool:
        return bool(self.places) or self.cut


class NodeSide(msgspec.Struct, frozen=True):
    """Where a node stands on one side."""

    status: str
    attempt: int = 0
    duration_ms: float | None = None
    failure: Failure | None = None


class NodeComparison(msgspec.Struct, frozen=True):
    """One node on both sides."""

    id: str
    left: NodeSide | None = None
    right: NodeSide | None = None
    differs: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    output: Differences = Differences()


class ExecutionSide(msgspec.Struct, frozen=True):
    """One of two executions."""

    id: str
    workflow: str
    version: int
    status: str
    started_at: str | None = None
    finished_at: str | None = None


class ChangedNode(msgspec.Struct, frozen=True):
    """A node that two versions define differently."""

    id: str
    differences: Differences


class VersionComparison(msgspec.Struct, frozen=True):
    """How two versions of a workflow differ."""

    left: int
    right: int
    same: bool
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[ChangedNode, ...] = ()
    flow: Differences = Differences()


class ExecutionComparison(msgspec.Struct, frozen=True, kw_only=True):
    """How two executions differ; `diverges_at` is the first node that went another way though all
    it reads was the same."""

    left: ExecutionSide
    right: ExecutionSide
    same: bool
    summary: str
    diverges_at: str | None = None
    params: Differences = Differences()
    output: Differences = Differences()
    nodes: tuple[NodeComparison, ...] = ()
    versions: VersionComparison | None = None
    vars: Differences = Differences()


class Rerun(msgspec.Struct, frozen=True):
    """A new execution made from a past one; `carried` are the nodes whose outcomes it took over."""

    id: str
    workflow: str
    version: int
    existing: bool = False
    carried: tuple[str, ...] = ()


class RolledBack(msgspec.Struct, frozen=True):
    """The newest version after a roll-back; `created` is false if it had that content already."""

    name: str
    version: int
    definition_hash: str = ""
    created: bool = False
