"""Events of what people do to an execution by hand. Field meanings are those of the journal's
contract."""

import msgspec

from penstock.workflow.execution.values import NULL, NodeRef, Operation, Payload


class ExecutionPaused(msgspec.Struct, frozen=True, gc=False):
    """Nothing new is handed out from now on; `held` are attempts that were queued and with
    nobody. Of what is paused already it only says that this request was heard."""

    by: str = ""
    reason: str = ""
    held: tuple[NodeRef, ...] = ()
    request_id: str = ""


class ExecutionResumed(msgspec.Struct, frozen=True, gc=False):
    """The pause is over, if there was one."""

    by: str = ""
    reason: str = ""
    request_id: str = ""


class TaskAnswered(msgspec.Struct, frozen=True, gc=False):
    """A person answered what a node or an item asked. What it led to follows."""

    ref: NodeRef
    decision: str
    data: Payload = NULL
    by: str = ""
    comment: str = ""


class AttemptsHandedOver(msgspec.Struct, frozen=True, gc=False):
    """A worker is about to get these attempts, whose effect may happen only once."""

    refs: tuple[NodeRef, ...]
    worker: str


class NodeIntervened(msgspec.Struct, frozen=True, gc=False):
    """A person laid hands on a node or an item: who, what and why. What it led to follows."""

    ref: NodeRef
    operation: Operation
    by: str = ""
    reason: str = ""
    input: Payload | None = None
    intervention_id: str = ""
