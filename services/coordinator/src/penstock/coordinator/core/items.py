"""Items of a fan-out: they are let go in order, at most so many at once, and end one by one. Beside
that, how a node or an item ends well.

Order of effects: an item is let go by the commit that ends the one whose place it takes. All O(1)
per item.
"""

from penstock.coordinator.core.holding import complete
from penstock.coordinator.core.turn import Turn
from penstock.workflow.execution.events import NodeCompleted, NodeFailed
from penstock.workflow.execution.fan_out import FanOut
from penstock.workflow.execution.values import NodeRef

JOINED_BYTES_MAX = 60 * 1024 * 1024
"""Largest joined output: below the largest value that the payload store takes in one message."""


def record_item(turn: Turn, event: NodeCompleted | NodeFailed) -> None:
    """An item ended and has its place in the join."""
    node = event.ref.node
    items = turn.state.fan_outs[node]
    before = items.opened
    turn.emit(event)
    let_go(turn, node, items, before)
    if items.done == items.count or items.part_bytes > JOINED_BYTES_MAX:
        turn.full.append(node)


def end_well(turn: Turn, event: NodeCompleted) -> None:
    """A node, or an item of one, ended well; a debugger may hold a node's outcome back."""
    if event.ref.item:
        record_item(turn, event)
    else:
        complete(turn, event)


def let_go(turn: Turn, node: int, items: FanOut, before: int) -> None:
    """Open the items that the fold has let go since `before` of them were."""
    for item in range(before + 1, items.opened + 1):
        turn.open(NodeRef(node, item, 1))
