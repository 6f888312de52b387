"""What the REST interface answers, as Python values; fields of newer servers are ignored."""

from typing import Any

import msgspec

TERMINAL = frozenset({"COMPLETED", "FAILED", "CANCELLED", "TIMED_OUT"})
"""Statuses after which nothing happens any more."""


class Issue(msgspec.Struct, frozen=True):
    """One finding in a workflow file or a request. Line and column count from 1; 0 is unknown."""

    message: str
    code: str = ""
    severity: str = "error"
    line: int = 0
    column: int = 0
    path: str = ""
    fix: str = ""


class Problem(msgspec.Struct, frozen=True):
    """A problem detail of RFC 9457 with Penstock's members."""

    title: str = ""
    status: int = 0
    detail: str = ""
    code: str = ""
    fix: str = ""
    retryable: bool = False
    trace_id: str = ""
    errors: tuple[Issue, ...] = ()
    facts: dict[str, str] = {}


class Failure(msgspec.Struct, frozen=True):
    """Why a node or an execution ended badly."""

    error_class: str = ""
    reason: str = ""
    message: str = ""
    details: Any = None


class LogLine(msgspec.Struct, frozen=True):
    """One console line of user code."""

    at: str
    level: str
    message: str


class NodeState(msgspec.Struct, frozen=True):
    """Where one node stands."""

    id: str
    uses: str
    status: str
    attempt: int = 0
    needs: tuple[str, ...] = ()
    started_at: str | None = None
    finished_at: str | None = None
    output: Any = None
    failure: Failure | None = None
    items_total: int = 0
    items_done: int = 0
    items_failed: int = 0
    waiting_for: str = ""
    worker: str = ""
    logs: tuple[LogLine, ...] = ()
    carried: bool = False
    child_id: str = ""


class ParentLink(msgspec.Struct, frozen=True):
    """The execution whose node started another one as its sub-workflow."""

    execution_id: str
    depth: int = 1


class ExecutionSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One execution of a list."""

    id: str
    workflow: str
    version: int
    status: str
    started_at: str | None = None
    finished_at: str | None = None
    tags: tuple[str, ...] = ()
    nodes_total: int = 0
    nodes_done: int = 0
    failure: Failure | None = None
    failed_node: str | None = None

    @property
    def ended(self) -> bool:
        """True if nothing happens any more."""
        return self.status in TERMINAL


class Origin(msgspec.Struct, frozen=True):
    """The past execution that one took outcomes from; `kind` is RERUN or FORK."""

    execution_id: str
    seq: int
    kind: str


class Moment(msgspec.Struct, frozen=True):
    """A moment of an execution's past: its last event, and the newest event of all."""

    seq: int
    at: str
    newest_seq: int


class RefusedStart(msgspec.Struct, frozen=True, kw_only=True):
    """An execution that another one asked for, did not wait for, and that can never be started;
    `kind` is FAILURE_FLOW, RETRY_HOOK or SUB_WORKFLOW. `node` asked for it, or failed."""

    kind: str
    workflow: str
    node: str | None = None
    item: int | None = None
    attempt: int = 0
    at: str = ""
    failure: Failure


class Execution(ExecutionSummary, frozen=True, kw_only=True):
    """One execution with its nodes; `last_seq` is the last event it contains. `past` is set if it
    is not told as it is now. `partial` is set if it ended badly: by id the outputs of the nodes
    that completed and that no other completed node took further.
    `vars` are its variables, None if it has none."""

    params: Any = None
    output: Any = None
    partial: dict[str, Any] | None = None
    last_seq: int = 0
    nodes: tuple[NodeState, ...] = ()
    origin: Origin | None = None
    past: Moment | None = None
    parent: ParentLink | None = None
    not_before: str | None = None
    vars: dict[str, Any] | None = None
    refused_starts: tuple[RefusedStart, ...] = ()
    left_out: str = ""


class Started(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a start; `existing` if an earlier start with the same key is answered."""

    id: str
    workflow: str
    version: int
    status: str
    existing: bool = False
    output: Any = None
    failure: Failure | None = None


class Cancelled(msgspec.Struct, frozen=True):
    """Where the execution stands after a cancel."""

    id: str
    status: str


class Validation(msgspec.Struct, frozen=True):
    """Everything found in a file."""

    valid: bool
    issues: tuple[Issue, ...] = ()


class WorkflowSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a workflow without its source."""

    name: str
    version: int
    description: str = ""
    definition_hash: str = ""
    created_at: str | None = None
    nodes: tuple[str, ...] = ()
    params_schema: dict[str, Any] = {}


class Workflow(WorkflowSummary, frozen=True, kw_only=True):
    """One version of a workflow with the file as it was applied."""

    source: str


class Applied(WorkflowSummary, frozen=True, kw_only=True):
    """The version an applied file became; `created` is false if it was there before."""

    created: bool = False
    issues: tuple[Issue, ...] = ()


class WorkflowPage(msgspec.Struct, frozen=True):
    """A page of workflows; `next_cursor` is None on the last one."""

    items: tuple[WorkflowSummary, ...]
    next_cursor: str | None = None


class ExecutionPage(msgspec.Struct, frozen=True):
    """A page of executions, newest first; `next_cursor` is None on the last one."""

    items: tuple[ExecutionSummary, ...]
    next_cursor: str | None = None


class ExecutionCount(msgspec.Struct, frozen=True):
    """How many executions a query finds; if not `exact`, there are at least that many."""

    count: int
    exact: bool = True


class NodeChange(msgspec.Struct, frozen=True):
    """What one event says about a node, or about the item `item` (from 0) of its fan-out."""

    id: str
    status: str
    item: int | None = None
    attempt: int = 0
    reason: str = ""
    output: Any = None
    failure: Failure | None = None
    started_at: str | None = None
    finished_at: str | None = None
    wake_at: str | None = None
    signal: str = ""
    task: str = ""
    child_id: str = ""
    items_total: int = 0
    worker: str = ""
    logs: tuple[LogLine, ...] = ()


class PublicEvent(msgspec.Struct, frozen=True):
    """One event: `type` is the kind of news, `kind` the journal's own name for it."""

    type: str
    kind: str
    nodes: tuple[NodeChange, ...] = ()
    status: str = ""
    output: Any = None
    failure: Failure | None = None
    failed_node: str = ""
    signal: str = ""
    reason: str = ""
    by: str = ""
    node: str = ""
    item: int | None = None
    operation: str = ""
    decision: str = ""
    vars: dict[str, Any] | None = None
    deleted: tuple[str, ...] = ()


class EventMessage(msgspec.Struct, frozen=True, tag_field="type", tag="event"):
    """One event; `seq` has neither gap nor repeat."""

    seq: int
    execution_id: str
    at: str
    event: PublicEvent


class HistoryPage(msgspec.Struct, frozen=True):
    """A part of the journal in order. `next_after` is None once the end known so far is reached."""

    items: tuple[EventMessage, ...]
    next_after: int | None = None


class SnapshotMessage(msgspec.Struct, frozen=True, tag_field="type", tag="snapshot"):
    """The whole execution as of `seq`."""

    seq: int
    execution_id: str
    execution: Execution


class HeartbeatMessage(msgspec.Struct, frozen=True, tag_field="type", tag="heartbeat"):
    """A sign of life."""

    seq: int
    execution_id: str


WatchMessage = SnapshotMessage | EventMessage
