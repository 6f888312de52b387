"""A workflow file as read: typed values, each with its place in the file. The step between the
document and the plan."""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from penstock.workflow.issues import Place
from penstock.workflow.located import Located
from penstock.workflow.node_type import Effects, NodeType
from penstock.workflow.plan import EdgeOn, OnError, OnUncertain, SandboxLimits
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


class Need(msgspec.Struct, frozen=True):
    """A parent as the file names it."""

    node: str
    place: Place
    on: EdgeOn = "success"
    action: str | None = None


class Defaults(msgspec.Struct, frozen=True):
    """What nodes take that say nothing themselves."""

    retry: RetryPolicy = RetryPolicy()
    timeout_s: float = 30.0
    pool: str = "default"
    on_error: OnError = "fail"


class Scheduling(msgspec.Struct, frozen=True):
    """Where and when a node runs, as far as it says so."""

    priority: int | None = None
    labels: Mapping[str, str] = {}
    resources: Mapping[str, float] = {}
    affinity: str = ""
    rate_limit: RateLimit | None = None
    concurrency: Concurrency | None = None
    breaker: Breaker | None = None
    breakpoint: str = ""


class NodeDefinition(msgspec.Struct, frozen=True):
    """One node as read. Fields that are not given hold what the plan will hold."""

    id: str
    source: Located
    path: str
    uses: str
    type: NodeType | None
    needs: tuple[Need, ...] = ()
    script: str | None = None
    config: Any = None
    when: str | None = None
    for_each: Any = None
    item_name: str = "item"
    max_parallel: int = 0
    batch: int = 0
    retry: RetryPolicy = RetryPolicy()
    timeout_s: float = 30.0
    deadline_s: float = 0.0
    on_error: OnError = "fail"
    on_error_node: Need | None = None
    effects: Effects | None = None
    pool: str = "default"
    egress: tuple[str, ...] | None = None
    limits: SandboxLimits = SandboxLimits()
    importance: str = ""
    summary: str = ""
    scheduling: Scheduling = Scheduling()
    on_uncertain: OnUncertain = "ask"
    ask_for_s: float = 0.0


class FlowDefinition(msgspec.Struct, frozen=True):
    """A whole file as read."""

    id: str
    nodes: tuple[NodeDefinition, ...]
    description: str = ""
    params: dict[str, Any] = {}
    output: Located | None = None
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
