"""How a node fails by its sub-workflow: the cause told once, and the way to it.

A failure that comes up through several executions would be told anew at each of them, each time
with everything told before. So the details of a node's failure hold the innermost cause as it was,
and beside it the levels on the way to it: the sub-workflow, the one that failed in it, and so on.
A level above takes both from the details below.
"""

from collections.abc import Sequence

import msgspec

from penstock.coordinator.core.inputs import ChildEnded
from penstock.workflow.execution.join import failure_json
from penstock.workflow.execution.values import ExecutionStatus, Failure

_BAD_ENDS = {
    ExecutionStatus.FAILED: ("CHILD_FAILED", "failed"),
    ExecutionStatus.CANCELLED: ("CHILD_CANCELLED", "was cancelled"),
    ExecutionStatus.TIMED_OUT: ("CHILD_TIMED_OUT", "timed out"),
}
_REASONS = frozenset(reason for reason, _ in _BAD_ENDS.values())
_LEVELS_MAX = 100
"""A longer way is no way of executions: somebody made these details up."""


class _Level(msgspec.Struct, frozen=True, gc=False):
    """An execution on the way, and where in it the failure came from."""

    execution_id: str
    workflow: str
    status: str
    node: str | None = None
    item: int | None = None


class _Details(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """The details of a node's failure. `item` is the node's own, in a for-each."""

    execution_id: str
    workflow: str
    status: str
    path: tuple[_Level, ...]
    failure: msgspec.Raw
    item: int | None = None


class _Cause(msgspec.Struct, frozen=True, gc=False):
    """What is read again of a failure as it stands in details."""

    message: str


def failure_of(ended: ChildEnded, workflow: str, item: int) -> Failure:
    """The failure of the node that waited for this sub-workflow, of an item of it if `item` is not
    0; its class is that of the sub-workflow's own."""
    reason, what = _BAD_ENDS[ended.status]
    last = ended.failure or Failure("system", reason, "Its failure is not known.")
    below = _told_by(last)
    level = _Level(
        ended.child_id,
        workflow,
        ended.status.name,
        ended.node_id or None,
        below.item if below is not None else None,
    )
    path = (level, *below.path) if below is not None else (level,)
    cause = below.failure if below is not None else msgspec.Raw(failure_json(last))
    details = _Details(
        ended.child_id, workflow, level.status, path, cause, item - 1 if item else None
    )
    message = msgspec.json.decode(cause, type=_Cause).message
    told = f"Execution {ended.child_id} of workflow {workflow} {what}{_place_of(path)}: {message}"
    return Failure(last.error_class, reason, told, msgspec.json.encode(details))


def _told_by(failure: Failure) -> _Details | None:
    """What a failure says of the sub-workflow it came from; None if it came from none. Details that
    say something else are somebody's own."""
    if failure.reason not in _REASONS or not failure.details_json:
        return None
    try:
        told = msgspec.json.decode(failure.details_json, type=_Details)
        msgspec.json.decode(told.failure, type=_Cause)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return told if 0 < len(told.path) <= _LEVELS_MAX else None


def _place_of(path: Sequence[_Level]) -> str:
    """Where in the named execution, and in those below it, as a part of a sentence."""
    first, *below = path
    places = [_node_of(first), *(f"{one.workflow}/{_node_of(one)}".strip("/") for one in below)]
    told = " > ".join(place for place in places if place)
    return f" at {told}" if told else ""


def _node_of(level: _Level) -> str:
    if level.node is None:
        return ""
    return level.node if level.item is None else f"{level.node}[{level.item}]"
