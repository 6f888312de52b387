"""The public JSON of executions, workflows, events and problems: what bodies may hold and what
answers look like.

These structs are both the codec and the source of the schemas in the OpenAPI document. Values of
users (parameters, outputs) are `msgspec.Raw`: their JSON text is spliced in and out, never parsed
here.
"""

from typing import Literal

import msgspec
from msgspec import UNSET, Raw, UnsetType

from penstock.gateway.shapes.related import Origin, ParentLink

ExecutionStatusName = Literal["RUNNING", "PAUSED", "COMPLETED", "FAILED", "CANCELLED", "TIMED_OUT"]
NodeStatusName = Literal[
    "PENDING",
    "QUEUED",
    "RUNNING",
    "WAITING",
    "COMPLETED",
    "FAILED",
    "SKIPPED",
    "CANCELLED",
]
EventType = Literal[
    "EXECUTION_STARTED",
    "EXECUTION_COMPLETED",
    "NODE_STATE_CHANGED",
    "DATA_AVAILABLE",
    "ERROR_OCCURRED",
]


class LogLine(msgspec.Struct, frozen=True, gc=False):
    """One console line of user code."""

    at: str
    level: str
    message: str


class Failure(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What went wrong: its family (transient, permanent, system, user), a stable reason, a
    sentence, facts. Lists tell the reason only.
    """

    error_class: str = ""
    reason: str = ""
    message: str = ""
    details: Raw | None = None


class NodeState(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Where one node of an execution stands."""

    id: str
    uses: str
    status: str
    attempt: int = 0
    needs: tuple[str, ...] = ()
    started_at: str | None = None
    finished_at: str | None = None
    output: Raw | None = None
    failure: Failure | None = None
    items_total: int = 0
    items_done: int = 0
    items_failed: int = 0
    waiting_for: str = ""
    worker: str = ""
    logs: tuple[LogLine, ...] = ()
    carried: bool = False
    child_id: str = ""


class ExecutionSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One execution in a list: no nodes, no payloads."""

    id: str
    workflow: str
    version: int
    status: str
    started_at: str | None
    finished_at: str | None
    tags: tuple[str, ...]
    nodes_total: int
    nodes_done: int
    definition_hash: str
    failure: Failure | None
    failed_node: str | None


class Moment(msgspec.Struct, frozen=True):
    """A moment of an execution's past: its last event, when that was decided, and the newest event
    of all."""

    seq: int
    at: str
    newest_seq: int


class RefusedStart(msgspec.Struct, frozen=True):
    """An execution that one asked for and that can never start; `node` asked for it, or failed."""

    kind: Literal["FAILURE_FLOW", "RETRY_HOOK", "SUB_WORKFLOW"]
    workflow: str
    node: str | None
    item: int | None
    attempt: int
    at: str
    failure: Failure


class Execution(ExecutionSummary, frozen=True, kw_only=True):
    """One execution with its nodes; watch its events from `last_seq` on. `past` is set if it is not
    told as it is now. One that ended badly has `partial` instead of `output`: by id the outputs of
    the nodes that completed and that no other completed one took further. `vars`: its variables.
    `left_out` says how to read outputs that are too large together; a NodeLink stands for each."""

    params: Raw
    output: Raw | None
    partial: dict[str, Raw] | None = None
    last_seq: int
    nodes: tuple[NodeState, ...]
    origin: Origin | None = None
    past: Moment | None = None
    parent: ParentLink | None = None
    not_before: str | None = None
    vars: Raw | None = None
    refused_starts: tuple[RefusedStart, ...] = ()
    left_out: str = ""


class ExecutionPage(msgspec.Struct, frozen=True):
    """A page of executions, newest first. `next_cursor` is null on the last page."""

    items: tuple[ExecutionSummary, ...]
    next_cursor: str | None


class StartBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What starts an execution. `params` is an object, `trigger` the `payload` of start nodes.

    Nothing runs before `delay` ("5m", or seconds) is over, or before the instant `not_before`;
    `deadline` bounds the run from then on. `id` names the execution: starts with one id are one
    start. `vars` are execution variables to begin with. `debug`: held before its first nodes.
    """

    params: Raw | UnsetType = UNSET
    trigger: Raw | UnsetType = UNSET
    tags: tuple[str, ...] = ()
    version: int = 0
    priority: int | str | None = None
    delay: str | float | None = None
    not_before: str | None = None
    deadline: str | float | None = None
    vars: Raw | UnsetType = UNSET
    id: str = ""
    debug: bool = False


class StartAnyBody(StartBody, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """As `StartBody`, with the workflow's name in the body."""

    workflow: str


class Started(msgspec.Struct, frozen=True, kw_only=True):
    """An execution that was started; `output` and `failure` are there once it has ended."""

    id: str
    workflow: str
    version: int
    status: str
    existing: bool
    output: Raw | None = None
    failure: Failure | None = None


class CancelBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why an execution is cancelled."""

    reason: str = ""


class Cancelled(msgspec.Struct, frozen=True):
    """Where the execution stands after the request: CANCELLED, or the terminal status it had
    before.
    """

    id: str
    status: str


class SignalBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Data of a signal; signals with the same id are one signal."""

    payload: Raw | UnsetType = UNSET
    id: str = ""


class Signalled(msgspec.Struct, frozen=True):
    """The signal is on disk."""

    id: str
    signal: str


class Issue(msgspec.Struct, frozen=True, gc=False):
    """One finding of validation, with its place and what would be right."""

    code: str
    severity: str
    line: int
    column: int
    path: str
    message: str
    fix: str


class Validation(msgspec.Struct, frozen=True):
    """Everything found in a file; `valid` if no finding is an error."""

    valid: bool
    issues: tuple[Issue, ...]


class WorkflowSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a workflow without its source."""

    name: str
    version: int
    description: str
    definition_hash: str
    created_at: str | None
    nodes: tuple[str, ...]
    params_schema: Raw


class Workflow(WorkflowSummary, frozen=True, kw_only=True):
    """One version of a workflow with the file as it was applied."""

    source: str


class Applied(WorkflowSummary, frozen=True, kw_only=True):
    """The version that holds the file; `created` is false if this content was stored before."""

    created: bool
    issues: tuple[Issue, ...]


class WorkflowPage(msgspec.Struct, frozen=True):
    """A page of workflow versions. `next_cursor` is null on the last page."""

    items: tuple[WorkflowSummary, ...]
    next_cursor: str | None


class NodeChange(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What one event says about one node, or about the item `item` (from 0) of its fan-out if that
    is given.
    """

    id: str
    status: str
    item: int | None = None
    attempt: int = 0
    reason: str = ""
    output: Raw | None = None
    chosen: tuple[str, ...] | None = None
    failure: Failure | None = None
    started_at: str | None = None
    finished_at: str | None = None
    wake_at: str | None = None
    signal: str = ""
    task: str = ""
    child_id: str = ""
    items_total: int = 0
    items: Raw | None = None
    worker: str = ""
    logs: tuple[LogLine, ...] = ()


class PublicEvent(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One event. `nodes` holds every change of a node that came with it, whatever the `type`;
    `kind` is the journal's own name for it. `vars` are variables that were set, `deleted` the names
    of those that were deleted.
    """

    type: EventType
    kind: str
    nodes: tuple[NodeChange, ...] = ()
    status: str = ""
    workflow: str = ""
    version: int = 0
    definition_hash: str = ""
    params: Raw | None = None
    trigger: Raw | None = None
    tags: tuple[str, ...] = ()
    output: Raw | None = None
    failure: Failure | None = None
    failed_node: str = ""
    signal: str = ""
    signal_id: str = ""
    payload: Raw | None = None
    reason: str = ""
    by: str = ""
    node: str = ""
    item: int | None = None
    operation: str = ""
    decision: str = ""
    input: Raw | None = None
    vars: Raw | None = None
    deleted: tuple[str, ...] = ()


class EventMessage(msgspec.Struct, frozen=True, gc=False, tag_field="type", tag="event"):
    """One event on its way to a watcher. `seq` has neither gap nor repeat within an execution."""

    seq: int
    execution_id: str
    at: str
    event: PublicEvent


class SnapshotMessage(msgspec.Struct, frozen=True, tag_field="type", tag="snapshot"):
    """The whole execution as of `seq`; events go on from `seq + 1`."""

    seq: int
    execution_id: str
    execution: Execution


class HeartbeatMessage(msgspec.Struct, frozen=True, tag_field="type", tag="heartbeat"):
    """A sign of life on a WebSocket without news; `seq` is the last event that was sent."""

    seq: int
    execution_id: str


class HistoryPage(msgspec.Struct, frozen=True):
    """A part of the journal in order. `next_after` is null once the end known so far is reached."""

    items: tuple[EventMessage, ...]
    next_after: int | None


class ProblemError(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that is wrong, with its place and what would be right."""

    message: str
    code: str = ""
    path: str = ""
    line: int = 0
    column: int = 0
    severity: str = ""
    fix: str = ""


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """A problem detail of RFC 9457. `code` is stable; `type` leads to its explanation."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    instance: str = ""
    trace_id: str = ""
    fix: str = ""
    retryable: bool = False
    errors: tuple[ProblemError, ...] = ()
    facts: dict[str, str] = {}


class Component(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing the gateway needs: whether it answers, and how long that took."""

    status: Literal["up", "down"]
    address: str
    needed: bool
    latency_ms: float = 0.0
    detail: str = ""


class HealthReport(msgspec.Struct, frozen=True):
    """`up`: all answers; `degraded`: REST works, live events are read from the journal; `down`:
    cannot serve.
    """

    status: Literal["up", "degraded", "down"]
    version: str
    uptime_s: float
    components: dict[str, Component]
