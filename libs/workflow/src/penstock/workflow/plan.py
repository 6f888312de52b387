"""The plan: a checked workflow compiled to integers, as coordinator, worker and readers use it.

Nodes are numbered in a topological order (ties by their order in the file), so an index is stable
for a definition hash on every machine. Everything here is immutable and derived from the
definition alone.
"""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from penstock.workflow.node_type import Effects
from penstock.workflow.policies import (
    PRIORITY_USUAL,
    Breaker,
    Concurrency,
    OnFailure,
    RateLimit,
    Retention,
    ScheduleTrigger,
)
from penstock.workflow.retry import RetryPolicy
from penstock.workflow.search.terms import SearchPath

EdgeOn = Literal["success", "failure", "always"]
OnError = Literal["fail", "continue", "skip"]
OnUncertain = Literal["ask", "fail"]
"""What becomes of an attempt with `effects: once` of which nobody knows whether it happened."""

OUTPUT_NODE = "$output"
"""Id of the hidden last node that computes an execution's output when that is more than one node's
output."""


class Edge(msgspec.Struct, frozen=True, gc=False):
    """An edge into a node: from `parent` (index), taken on `on`, and only if `action` was chosen
    when one is given."""

    parent: int
    on: EdgeOn = "success"
    action: str | None = None


class SandboxLimits(msgspec.Struct, frozen=True, gc=False):
    """Bounds of one JavaScript call that a node sets lower than the server's; 0 means the server's
    own."""

    memory_mb: int = 0
    wall_ms: int = 0


class NodePlan(msgspec.Struct, frozen=True):
    """One node.

    `reads` are the ancestors (parents and those named in expressions) whose outcomes an attempt
    must be given.
    `config` is `with` as written; `script` the body of a JavaScript node; `when` and `for_each`
    are `${{ }}` texts.
    `host_functions` are the host APIs (`http`, `db`, `sleep` ...) that the script mentions: none
    means it is pure. `priority` is None if the execution's holds; `labels` are what a worker must
    have, `resources` what an attempt takes of it; `breakpoint` is "before", "after" or a condition.
    `uses_vars`: it reads or writes execution variables.
    The hidden `$output` node has `uses` "output@1" and, for an `output:`
    expression, that value as `config["value"]`; `collects` is set on the hidden `$output` node
    without an expression: gather completed parents by id.
    """

    index: int
    id: str
    uses: str
    edges: tuple[Edge, ...] = ()
    children: tuple[int, ...] = ()
    reads: tuple[int, ...] = ()
    config: Mapping[str, Any] = {}
    script: str | None = None
    when: str | None = None
    for_each: Any = None
    item_name: str = "item"
    max_parallel: int = 0
    batch: int = 0
    retry: RetryPolicy = RetryPolicy()
    timeout_s: float = 30.0
    deadline_s: float = 0.0
    on_error: OnError = "fail"
    effects: Effects = "none"
    pool: str = "default"
    segment_friendly: bool = True
    limits: SandboxLimits = SandboxLimits()
    egress: tuple[str, ...] | None = None
    importance: str = ""
    summary: str = ""
    collects: bool = False
    host_functions: tuple[str, ...] = ()
    priority: int | None = None
    labels: Mapping[str, str] = {}
    resources: Mapping[str, float] = {}
    affinity: str = ""
    rate_limit: RateLimit | None = None
    concurrency: Concurrency | None = None
    breaker: Breaker | None = None
    breakpoint: str = ""
    on_uncertain: OnUncertain = "ask"
    uses_vars: bool = False
    ask_for_s: float = 0.0

    @property
    def gated(self) -> bool:
        """True if an attempt needs more than a free worker: a limit or a breaker has a say."""
        return not (self.rate_limit is None and self.concurrency is None and self.breaker is None)

    @property
    def parents(self) -> tuple[int, ...]:
        """Indexes of the parents in the order of `edges`, each once: two edges may come from one
        parent."""
        return tuple(dict.fromkeys(edge.parent for edge in self.edges))

    @property
    def hidden(self) -> bool:
        """True for nodes that the engine added."""
        return self.id.startswith("$")


class Plan(msgspec.Struct, frozen=True, dict=True):
    """A whole workflow. `output_node` is the node whose output is the execution's (-1: none,
    output is null). `gated`: some node, or the execution as a whole, is under a limit.
    `vars` are variables to begin with; `uses_vars`: there are some, or some node uses them.
    `searched`: the parameters by which executions are found.

    It has a `__dict__` so that tables derived from it are built once and kept with it.
    """

    name: str
    definition_hash: str
    nodes: tuple[NodePlan, ...]
    output_node: int
    description: str = ""
    params_schema: Mapping[str, Any] = {}
    deadline_s: float = 0.0
    tags: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    mode: Literal["realtime", "debug"] = "realtime"
    priority: int = PRIORITY_USUAL
    concurrency: Concurrency | None = None
    rate_limit: RateLimit | None = None
    retention: Retention | None = None
    on_failure: OnFailure | None = None
    schedules: tuple[ScheduleTrigger, ...] = ()
    vars: Mapping[str, Any] = {}
    uses_vars: bool = False
    gated: bool = False
    searched: tuple[SearchPath, ...] = ()

    def index_of(self, node_id: str) -> int:
        """Index of the node with this id; KeyError if there is none."""
        for node in self.nodes:
            if node.id == node_id:
                return node.index
        raise KeyError(node_id)
