"""Values the core makes itself: the joined output of a fan-out, the gathered output of `$output`.

Order of effects: parts are on disk before they are joined. A small join is an event of the same
commit; a large one is first put into the payload store (`StoreOutput`) and becomes an event when
`OutputStored` comes back. Until then the node waits for its store; recovery asks for it again.
"""

from penstock.coordinator.core.commands import StoreOutput
from penstock.coordinator.core.failing import fail_node
from penstock.coordinator.core.holding import complete
from penstock.coordinator.core.items import JOINED_BYTES_MAX
from penstock.coordinator.core.turn import Turn
from penstock.workflow.execution.events import NodeCompleted, NodesQueued
from penstock.workflow.execution.join import join_array, join_object
from penstock.workflow.execution.values import (
    INLINE_BYTES_MAX,
    Failure,
    NodeRef,
    NodeStatus,
    Payload,
)


def join_items(turn: Turn, node: int) -> None:
    """End a fan-out whose items are all done, or whose output has grown too large."""
    items = turn.state.fan_outs.get(node)
    if items is None:
        return
    size = items.part_bytes + 1
    if size > JOINED_BYTES_MAX:
        fail_node(turn, node, _too_large(size))
    elif items.refs or size > INLINE_BYTES_MAX:
        turn.stores.append(StoreOutput(node, items.joined_parts()))
    else:
        output = Payload(join_array(part.json for part in items.joined_parts()))
        _complete(turn, node, output)


def gather(turn: Turn, node: int) -> None:
    """Gather the outputs of the parents that completed, by id: a node with `collects`."""
    state = turn.state
    nodes = state.tables.nodes
    done = [
        parent
        for parent in dict.fromkeys(nodes[node].parents)
        if state.status[parent] == NodeStatus.COMPLETED
    ]
    keys = tuple(nodes[parent].id for parent in done)
    parts = tuple(state.outputs[parent] for parent in done)
    inline = sum(len(part.json) + len(key) + 4 for part, key in zip(parts, keys, strict=True))
    if any(part.digest for part in parts) or inline + 2 > INLINE_BYTES_MAX:
        if state.status[node] == NodeStatus.PENDING:
            turn.emit(NodesQueued((node,)))
        size = sum(part.size for part in parts) + inline
        if size > JOINED_BYTES_MAX:
            fail_node(turn, node, _too_large(size))
        else:
            turn.stores.append(StoreOutput(node, parts, keys))
    else:
        _complete(turn, node, Payload(join_object(keys, [part.json for part in parts])))


def on_output_stored(turn: Turn, node: int, output: Payload) -> None:
    """A large output is in the payload store; ignored if the node has ended meanwhile."""
    if _waits_for_store(turn, node):
        _complete(turn, node, output)


def on_output_refused(turn: Turn, node: int, failure: Failure) -> None:
    """A large output cannot be stored: the node fails; ignored if it has ended meanwhile."""
    if _waits_for_store(turn, node):
        fail_node(turn, node, failure)


def _waits_for_store(turn: Turn, node: int) -> bool:
    state = turn.state
    items = state.fan_outs.get(node)
    if state.is_held(node):
        return False
    gathers = state.tables.nodes[node].collects and state.status[node] == NodeStatus.QUEUED
    return gathers or (items is not None and items.done == items.count)


def _complete(turn: Turn, node: int, output: Payload) -> None:
    ref = NodeRef(node, 0, max(turn.state.attempts[node], 1))
    complete(turn, NodeCompleted(ref, output, finished_us=turn.now_us))


def _too_large(size: int) -> Failure:
    limit = JOINED_BYTES_MAX // (1024 * 1024)
    return Failure(
        "permanent",
        "PAYLOAD_TOO_LARGE",
        f"The joined output is {size} bytes; the limit is {limit} MiB. "
        "Return less per item, or have the items store their results and return references.",
    )
