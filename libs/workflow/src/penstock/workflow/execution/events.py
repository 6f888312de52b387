"""Event types: the facts an execution's history is made of. Field meanings are those of the
journal's contract.

They are plain values; `penstock.common.journal_codec` turns them into protobuf and back. Times are
microseconds since the Unix epoch.
"""

from collections.abc import Iterable, Iterator

import msgspec

from penstock.workflow.execution.debug_events import DebugEvent
from penstock.workflow.execution.hand_events import (
    AttemptsHandedOver,
    ExecutionPaused,
    ExecutionResumed,
    NodeIntervened,
    TaskAnswered,
)
from penstock.workflow.execution.values import (
    NULL,
    ExecutionStatus,
    Failure,
    HumanTask,
    LogLine,
    NodeRef,
    OnTimeout,
    OriginKind,
    Payload,
    SkipReason,
)
from penstock.workflow.execution.variables import VarsChanged


class Parent(msgspec.Struct, frozen=True, gc=False):
    """The node that started an execution as its sub-workflow (attempt 0: the execution itself did);
    `depth` executions are above. `detached`: nobody there waits for its end."""

    execution_id: str
    ref: NodeRef
    depth: int = 1
    detached: bool = False


class Child(msgspec.Struct, frozen=True, gc=False):
    """An execution that a node waits for. `outlives`: it goes on when that wait is given up."""

    execution_id: str
    workflow: str
    outlives: bool = False


class Origin(msgspec.Struct, frozen=True, gc=False):
    """The past execution that this one takes outcomes from, up to its event `seq`."""

    execution_id: str
    seq: int
    kind: OriginKind


class StartOptions(msgspec.Struct, frozen=True, gc=False):
    """What a start asked for beyond parameters; `priority` is None if the workflow's own holds."""

    priority: int | None = None
    not_before_us: int = 0
    deadline_us: int = 0
    vars_json: bytes = b""
    debug: bool = False
    parent: Parent | None = None
    origin: Origin | None = None


class ExecutionStarted(msgspec.Struct, frozen=True, gc=False):
    """The execution was accepted."""

    workflow: str
    version: int
    definition_hash: str
    tenant: str
    params: Payload
    trigger: Payload = NULL
    tags: tuple[str, ...] = ()
    fingerprint: str = ""
    traceparent: str = ""
    options: StartOptions | None = None
    records_hand_over: bool = False


class NodesQueued(msgspec.Struct, frozen=True, gc=False):
    """Nodes became ready and wait for a worker."""

    nodes: tuple[int, ...]


class NodeRunning(msgspec.Struct, frozen=True, gc=False):
    """An attempt has been busy long enough to be told."""

    ref: NodeRef
    worker: str
    started_us: int


class NodeCompleted(msgspec.Struct, frozen=True, gc=False):
    """A node or an item finished well; for a fan-out node itself (item 0) after its items."""

    ref: NodeRef
    output: Payload
    chosen: tuple[str, ...] = ()
    routed: bool = False
    started_us: int = 0
    finished_us: int = 0
    worker: str = ""
    logs: tuple[LogLine, ...] = ()


class NodeHeld(msgspec.Struct, frozen=True, gc=False):
    """An attempt is held before it runs; or, with its `outcome`, after, before anybody sees it."""

    ref: NodeRef
    breakpoint: str = ""
    outcome: NodeCompleted | None = None
    note: str = ""


class NodesCompleted(msgspec.Struct, frozen=True, gc=False):
    """Good outcomes in a row: what one worker ran in one go, as columns.

    It means as many `NodeCompleted` of item 0, without choice or logs, then `NodesQueued` if
    anything is `queued`, and takes as many sequences; `attempt` is the first one's, the others' is
    1; each began when the one before it ended. Writers use it where it fits; whoever reads a
    journal gets it taken apart. `wire` is how its columns came, encoded, if that is known: whoever
    writes the event need not encode them again.
    """

    nodes: tuple[int, ...]
    outputs_json: tuple[bytes, ...]
    durations_us: tuple[int, ...]
    started_us: int = 0
    attempt: int = 1
    worker: str = ""
    queued: tuple[int, ...] = ()
    wire: bytes = b""

    @property
    def sequences(self) -> int:
        """How many events it stands for."""
        return len(self.nodes) + (1 if self.queued else 0)

    def outcomes(self) -> Iterator[NodeCompleted]:
        """The outcomes one by one."""
        attempt, at_us = self.attempt, self.started_us
        columns = zip(self.nodes, self.outputs_json, self.durations_us, strict=True)
        for node, json, lasted_us in columns:
            yield NodeCompleted(
                NodeRef(node, 0, attempt),
                Payload(json),
                started_us=at_us,
                finished_us=at_us + lasted_us,
                worker=self.worker,
            )
            attempt, at_us = 1, at_us + lasted_us

    def apart(self) -> Iterator[NodeCompleted | NodesQueued]:
        """The events it stands for."""
        yield from self.outcomes()
        if self.queued:
            yield NodesQueued(self.queued)


class NodeFailed(msgspec.Struct, frozen=True, gc=False):
    """An attempt failed; `retry_us` is when the next one is due, 0 if it was the last."""

    ref: NodeRef
    failure: Failure
    retry_us: int = 0
    started_us: int = 0
    finished_us: int = 0
    worker: str = ""
    logs: tuple[LogLine, ...] = ()


class NodeRetried(msgspec.Struct, frozen=True, gc=False):
    """The back-off is over; `ref.attempt` is queued."""

    ref: NodeRef


class NodesSkipped(msgspec.Struct, frozen=True, gc=False):
    """Nodes will not run."""

    nodes: tuple[int, ...]
    reason: SkipReason


class NodeWaiting(msgspec.Struct, frozen=True, gc=False):
    """An attempt sleeps until a time (`until_us`), a signal, a person's answer to a `task`, or
    whichever is first (then the time is a time-out); or its condition does not hold and the next
    attempt looks `again` at that time, until it gives up; or until its sub-workflow ends."""

    ref: NodeRef
    until_us: int = 0
    signal: str = ""
    output: Payload = NULL
    task: HumanTask | None = None
    on_timeout: OnTimeout = OnTimeout.FAIL
    again: bool = False
    give_up_us: int = 0
    child: Child | None = None

    @property
    def is_for_time_only(self) -> bool:
        """True if nothing but time can end it."""
        return not self.signal and self.task is None


class NodeFannedOut(msgspec.Struct, frozen=True, gc=False):
    """The items of a for-each are known: inline values, or one stored array."""

    ref: NodeRef
    count: int
    items_json: tuple[bytes, ...] = ()
    items: Payload = NULL


class AttemptLost(msgspec.Struct, frozen=True, gc=False):
    """The attempt's process died; `ref.attempt + 1` is queued."""

    ref: NodeRef
    cause: str


class SignalReceived(msgspec.Struct, frozen=True, gc=False):
    """A signal arrived."""

    name: str
    payload: Payload
    signal_id: str = ""


class CancelRequested(msgspec.Struct, frozen=True, gc=False):
    """Somebody asked for the end."""

    reason: str


class NodesCancelled(msgspec.Struct, frozen=True, gc=False):
    """Nodes ended with the execution."""

    nodes: tuple[int, ...]


class ExecutionEnded(msgspec.Struct, frozen=True, gc=False):
    """The execution ended; `node` is the index of the node that decided a bad end, -1 if none."""

    status: ExecutionStatus
    output: Payload = NULL
    failure: Failure | None = None
    node: int = -1


class StartDue(msgspec.Struct, frozen=True, gc=False):
    """The time that the start was put off to has come."""


class FailureTaken(msgspec.Struct, frozen=True, gc=False):
    """Nothing handles this failure of a node: everything else is over, and the failure node runs
    before the end."""

    node: int
    failure: Failure


CarriedOutcome = NodeCompleted | NodeFailed | NodesSkipped


class OutcomesCarried(msgspec.Struct, frozen=True, gc=False):
    """Nodes end as they ended in the execution that `origin` names, parents before children; in the
    row of the start, right after it. A node that failed and was skipped for it is in here twice."""

    outcomes: tuple[CarriedOutcome, ...]


Event = (
    ExecutionStarted
    | NodesQueued
    | NodeRunning
    | NodeCompleted
    | NodesCompleted
    | NodeFailed
    | NodeRetried
    | NodesSkipped
    | NodeWaiting
    | NodeFannedOut
    | AttemptLost
    | SignalReceived
    | CancelRequested
    | NodesCancelled
    | ExecutionEnded
    | OutcomesCarried
    | ExecutionPaused
    | ExecutionResumed
    | NodeIntervened
    | StartDue
    | FailureTaken
    | NodeHeld
    | DebugEvent
    | TaskAnswered
    | AttemptsHandedOver
    | VarsChanged
)


def count_sequences(events: Iterable[Event]) -> int:
    """How many sequences these events take."""
    count = 0
    for event in events:
        if type(event) is NodesCompleted:
            count += len(event.nodes) + (1 if event.queued else 0)
        else:
            count += 1
    return count
