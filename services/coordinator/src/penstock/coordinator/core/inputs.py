"""What can happen to an execution: the inputs of `step`."""

import msgspec

from penstock.coordinator.core.debug_commands import DebugAsked
from penstock.workflow.execution.events import Event, ExecutionStarted, NodesCompleted
from penstock.workflow.execution.values import (
    NULL,
    ExecutionStatus,
    Failure,
    HumanTask,
    LogLine,
    NodeRef,
    OnTimeout,
    Operation,
    Payload,
)
from penstock.workflow.execution.variables import VarsChange


class Completed(msgspec.Struct, frozen=True, gc=False):
    """The attempt finished well."""

    output: Payload
    chosen: tuple[str, ...] = ()
    routed: bool = False


class Failed(msgspec.Struct, frozen=True, gc=False):
    """The attempt failed. `draw` in [0, 1) is the shell's random number for the back-off's
    jitter."""

    failure: Failure
    draw: float = 0.5


class ConditionFalse(msgspec.Struct, frozen=True, gc=False):
    """The node's `when` was false."""


class Waiting(msgspec.Struct, frozen=True, gc=False):
    """The attempt sleeps: for a duration from the commit on, until an instant, for a signal, for a
    person's answer to a `task`; or its condition does not hold and is looked at `again`."""

    duration_us: int = 0
    until_us: int = 0
    signal: str = ""
    output: Payload = NULL
    task: HumanTask | None = None
    on_timeout: OnTimeout = OnTimeout.FAIL
    again: bool = False
    give_up_after_us: int = 0


class FannedOut(msgspec.Struct, frozen=True, gc=False):
    """The list of a for-each is known."""

    count: int
    items_json: tuple[bytes, ...] = ()
    items: Payload = NULL


class StartChild(msgspec.Struct, frozen=True, gc=False):
    """The attempt wants an execution started under this id, as its sub-workflow.

    `detached`: it does not wait for the end. `outlives`: the child goes on if the wait is given up.
    """

    child_id: str
    workflow: str
    version: int = 0
    params: Payload = Payload(b"{}")
    tags: tuple[str, ...] = ()
    priority: int | None = None
    detached: bool = False
    outlives: bool = False


class Lost(msgspec.Struct, frozen=True, gc=False):
    """The attempt's process died or gave it back."""

    cause: str


OutcomeKind = Completed | Failed | ConditionFalse | Waiting | FannedOut | Lost | StartChild


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """What became of one attempt; `vars` is what it changed, if it completed."""

    ref: NodeRef
    kind: OutcomeKind
    started_us: int = 0
    finished_us: int = 0
    logs: tuple[LogLine, ...] = ()
    vars: VarsChange | None = None


class Start(msgspec.Struct, frozen=True, gc=False):
    """First input of an execution; `then` are the facts it begins with, written in the same row:
    outcomes taken over from a past execution, inputs that were edited."""

    event: ExecutionStarted
    then: tuple[Event, ...] = ()


class Report(msgspec.Struct, frozen=True, gc=False):
    """A worker's segment: refused as a whole if `lease` is not the current attempt, given to this
    worker. `row` are good outcomes in a row that come before `outcomes`."""

    worker: str
    lease: NodeRef
    outcomes: tuple[Outcome, ...] = ()
    continue_with: NodeRef | None = None
    row: NodesCompleted | None = None

    def all_outcomes(self) -> tuple[Outcome, ...]:
        """The outcomes one by one, those of the row first."""
        if self.row is None:
            return self.outcomes
        first = (
            Outcome(one.ref, Completed(one.output), one.started_us, one.finished_us)
            for one in self.row.outcomes()
        )
        return (*first, *self.outcomes)

    @property
    def count(self) -> int:
        """How many outcomes it holds."""
        return len(self.outcomes) + (len(self.row.nodes) if self.row is not None else 0)


class AttemptStarted(msgspec.Struct, frozen=True, gc=False):
    """A worker has been busy with an attempt for a while."""

    worker: str
    ref: NodeRef
    started_us: int


class AttemptsLost(msgspec.Struct, frozen=True, gc=False):
    """The worker that held these attempts is gone; those no longer current are ignored."""

    refs: tuple[NodeRef, ...]
    cause: str


class TimePassed(msgspec.Struct, frozen=True, gc=False):
    """Some timer may be due at `now_us`."""


class SignalArrived(msgspec.Struct, frozen=True, gc=False):
    """Somebody signalled."""

    name: str
    payload: Payload
    signal_id: str = ""


class CancelAsked(msgspec.Struct, frozen=True, gc=False):
    """Somebody asked for the end. `code` is the failure's reason if it is a special one."""

    reason: str
    code: str = ""


class AttemptRefused(msgspec.Struct, frozen=True, gc=False):
    """A queued attempt that no worker has will not be let go: it fails. `draw` as in `Failed`, None
    if it is the last one."""

    ref: NodeRef
    failure: Failure
    draw: float | None = None


class PauseAsked(msgspec.Struct, frozen=True, gc=False):
    """Somebody wants nothing new to be handed out. Requests with one id are one."""

    by: str = ""
    reason: str = ""
    request_id: str = ""


class ResumeAsked(msgspec.Struct, frozen=True, gc=False):
    """Somebody wants a pause to end. Requests with one id are one."""

    by: str = ""
    reason: str = ""
    request_id: str = ""


class TaskAnswer(msgspec.Struct, frozen=True, gc=False):
    """Somebody answered what an attempt asked."""

    ref: NodeRef
    decision: str
    data: Payload = NULL
    by: str = ""
    comment: str = ""


class HandOver(msgspec.Struct, frozen=True, gc=False):
    """A worker is to get these attempts, whose effect may happen only once."""

    worker: str
    refs: tuple[NodeRef, ...]


class Intervention(msgspec.Struct, frozen=True, gc=False):
    """Somebody does something to a node by hand, or to the item `item - 1` of its fan-out.

    `value` is the output to complete with, or the input to run with; `chosen`, if `routed`, what a
    router completes with; `message` what it fails with. Interventions with one id are one.
    """

    node: int
    item: int
    operation: Operation
    by: str = ""
    reason: str = ""
    value: Payload = NULL
    chosen: tuple[str, ...] = ()
    routed: bool = False
    message: str = ""
    intervention_id: str = ""


class OutputStored(msgspec.Struct, frozen=True, gc=False):
    """A joined output asked for by `StoreOutput` is in the payload store."""

    node: int
    output: Payload


class OutputRefused(msgspec.Struct, frozen=True, gc=False):
    """A joined output asked for by `StoreOutput` cannot be stored, however often it is tried."""

    node: int
    failure: Failure


class ChildEnded(msgspec.Struct, frozen=True, gc=False):
    """A sub-workflow has ended. `draw` is as in `Failed`; `node_id` is its node that it failed by,
    empty if none."""

    child_id: str
    status: ExecutionStatus
    output: Payload = NULL
    failure: Failure | None = None
    draw: float = 0.5
    node_id: str = ""


class ChildRefused(msgspec.Struct, frozen=True, gc=False):
    """A sub-workflow that was asked for by this notice can never be started."""

    child_id: str
    failure: Failure
    notice_id: int = 0


Input = (
    Start
    | Report
    | AttemptStarted
    | AttemptsLost
    | TimePassed
    | SignalArrived
    | CancelAsked
    | PauseAsked
    | ResumeAsked
    | Intervention
    | AttemptRefused
    | TaskAnswer
    | HandOver
    | OutputStored
    | OutputRefused
    | ChildEnded
    | ChildRefused
    | DebugAsked
)
