"""What the core wants done. All of it only after the events of the same step are on disk, in this
order."""

import msgspec

from penstock.workflow.execution.values import ExecutionStatus, Failure, NodeRef, Payload


class Dispatch(msgspec.Struct, frozen=True, gc=False):
    """Give these attempts to workers. Durable before: whatever made them ready.

    All of one execution and step in one command. The shell reads what a task needs (`reads`,
    items, pool, deadline) from the execution's state at the moment it hands the task over. A
    queued attempt stays handed-over-able until the core says otherwise.
    """

    refs: tuple[NodeRef, ...]


class CancelAttempts(msgspec.Struct, frozen=True, gc=False):
    """Tell the workers that hold these attempts to stop. Durable before: the events that ended
    them.

    `workers` runs parallel to `refs`: who held the attempt when it was ended.
    """

    refs: tuple[NodeRef, ...]
    workers: tuple[str, ...] = ()


class StoreOutput(msgspec.Struct, frozen=True, gc=False):
    """Put a value that is too large to be inline into the payload store, then feed back
    `OutputStored`, or `OutputRefused` if it never can be.

    `parts` are the elements of an array in order, or, with `keys`, the values of an object in the
    order of its keys; `execution.join` splices either. Parts that are claim checks must be fetched
    first. Durable before: the parts' outcomes. Nothing is lost if this is repeated: the store is
    addressed by content.
    """

    node: int
    parts: tuple[Payload, ...]
    keys: tuple[str, ...] = ()


class AnswerReport(msgspec.Struct, frozen=True, gc=False):
    """Tell the reporting worker that its report is on disk (`accepted`) or void, or the sender of a
    signal that it was refused. Durable before: its outcomes."""

    accepted: bool


class ShowVars(msgspec.Struct, frozen=True, gc=False):
    """Attempts that are handed out from now on see these variables. Durable before: all that led to
    these values."""

    vars_json: bytes


class Finish(msgspec.Struct, frozen=True, gc=False):
    """The execution ended: answer who waits for it and forget it. Durable before:
    `ExecutionEnded`."""

    status: ExecutionStatus
    output: Payload
    failure: Failure | None


Command = Dispatch | CancelAttempts | StoreOutput | AnswerReport | ShowVars | Finish
