"""What must hold of an execution at any moment, looked at from outside: the audit's pure half.

It knows the fold's data and none of the rules that lead there, so that a mistake in the rules
shows. Nothing here changes anything.
"""

from collections.abc import Callable, Container, Iterator
from enum import Enum, auto
from typing import Any

import msgspec

from penstock.workflow.execution.debugging import Debugging
from penstock.workflow.execution.fan_out import FanOut
from penstock.workflow.execution.fold import ExecutionState
from penstock.workflow.execution.naming import named
from penstock.workflow.execution.open_tasks import OpenTasks
from penstock.workflow.execution.said import Said
from penstock.workflow.execution.touched import Touched
from penstock.workflow.execution.values import NodeRef, NodeStatus
from penstock.workflow.execution.variables import Variables
from penstock.workflow.execution.waits import Waits

NOT_FOLDED = frozenset({"holders", "undecided", "tables", "plan", "heap", "news"})
"""What a state holds beside the fold: indexes, and what only one process knows."""

_FOLDED = ExecutionState | Waits | FanOut | Touched | OpenTasks | Debugging | Said | Variables

_PENDING = int(NodeStatus.PENDING)
_WAITING = int(NodeStatus.WAITING)
_TERMINAL = int(NodeStatus.COMPLETED)


Placed = Callable[[], Container[NodeRef]]


class FaultKind(Enum):
    """What is wrong, as far as it matters for mending it."""

    HELD = auto()
    """What is held, or is not held, cannot be trusted."""
    ATTEMPT = auto()
    """Nobody takes the attempt `ref` further."""
    TIMER = auto()
    """A timer that should be set is not."""
    ASLEEP = auto()
    """One at rest was not woken."""
    WAITING = auto()
    """It waits for something that is there."""


class Fault(msgspec.Struct, frozen=True, gc=False):
    """Something that must not be. `invariant` is its number in the architecture's list."""

    invariant: str
    message: str
    kind: FaultKind = FaultKind.HELD
    ref: NodeRef | None = None


def orphans(
    state: ExecutionState,
    placed: Placed,
    is_storing: Callable[[int], bool],
) -> Iterator[Fault]:
    """I4: nodes and items that have not ended and that nothing will take further.

    `placed` tells the attempts that wait for a worker in this process, asked if one has none;
    `is_storing` knows nodes whose joined output is on its way to the store. O(nodes + open items).
    """
    if state.end is not None or state.started is None:
        return
    for node, status in enumerate(state.status):
        if status >= _TERMINAL:
            continue
        items = state.fan_outs.get(node)
        if items is not None:
            yield from _orphaned_items(state, node, items, placed, is_storing)
        elif status == _PENDING:
            decided = state.pending[node] or node in state.undecided or state.is_paused
            awaited = state.is_delayed or node == state.tables.failure_node
            if not (decided or awaited):
                yield Fault("I4", f"{_name(state, node)} has no open parent and was not decided")
        elif state.tables.nodes[node].collects:
            if not is_storing(node):
                yield Fault("I4", f"{_name(state, node)} waits for a store that nobody makes")
        else:
            ref = NodeRef(node, 0, state.attempts[node])
            yield from _orphaned_attempt(state, ref, status, placed)


def _orphaned_items(
    state: ExecutionState,
    node: int,
    items: FanOut,
    placed: Placed,
    is_storing: Callable[[int], bool],
) -> Iterator[Fault]:
    if items.done == items.count:
        if not is_storing(node) and not state.is_held(node):
            yield Fault("I4", f"{_name(state, node)} waits for a store that nobody makes")
        return
    for item in range(1, items.opened + 1):
        status = items.status_of(item)
        if status < _TERMINAL:
            ref = NodeRef(node, item, items.attempt(item))
            yield from _orphaned_attempt(state, ref, status, placed)


def _orphaned_attempt(
    state: ExecutionState, ref: NodeRef, status: int, placed: Placed
) -> Iterator[Fault]:
    key = state.key(ref)
    if state.is_held(key):
        return
    if status == _WAITING:
        if key not in state.waits.due and key not in state.waits.sleeping:
            yield Fault(
                "I4",
                f"{_name(state, ref.node, ref.item)} waits for nothing",
                FaultKind.ATTEMPT,
                ref,
            )
    elif key not in state.holders and ref not in placed():
        what = _name(state, ref.node, ref.item)
        message = f"{what} is queued, but nobody will run it"
        yield Fault("I4", message, FaultKind.ATTEMPT, ref)


def _name(state: ExecutionState, node: int, item: int = 0) -> str:
    return named(state.tables.nodes[node].id, item)


def differences(held: ExecutionState, folded: ExecutionState) -> Iterator[Fault]:
    """I6: what the fold of the journal says otherwise than what is held. Both must be at the same
    sequence; O(what is held)."""
    ours, theirs = fold_of(held), fold_of(folded)
    for name in sorted(ours.keys() | theirs.keys()):
        if ours.get(name) != theirs.get(name):
            yield Fault("I6", f"what is held and the journal's fold differ in {name}")


def fold_of(value: Any) -> Any:
    """Everything of a state that the fold determines, as plain values that can be compared."""
    if isinstance(value, _FOLDED):
        slots = [name for kind in type(value).__mro__ for name in getattr(kind, "__slots__", ())]
        return {name: fold_of(getattr(value, name)) for name in slots if name not in NOT_FOLDED}
    if isinstance(value, dict):
        return {key: fold_of(item) for key, item in value.items()}
    return value
