"""The fold of a row where the plan alone decides what it changes: the most frequent event."""

from penstock.workflow.execution.events import NodesCompleted
from penstock.workflow.execution.state import StateData
from penstock.workflow.execution.tables import RowChange
from penstock.workflow.execution.values import NodeStatus, Payload

_COMPLETED = int(NodeStatus.COMPLETED)


def take_row(state: StateData, row: NodesCompleted, change: RowChange) -> None:
    """End the nodes of a row at once, in an execution that `is_plain`. What the row queues is left
    to the caller."""
    status, attempts, readers = state.status, state.attempts, state.readers
    outputs, pending = state.outputs, state.pending
    for read, times in change.reads:
        readers[read] -= times
        if not readers[read]:
            outputs.pop(read, None)
    for node, json in zip(row.nodes, row.outputs_json, strict=True):
        status[node] = _COMPLETED
        attempts[node] = 1
        if readers[node]:
            outputs[node] = Payload(json)
    attempts[row.nodes[0]] = row.attempt
    state.remaining -= len(row.nodes)
    for child in change.inner:
        pending[child] = 0
        state.taken[child] = 1
    for child, times, taken in change.outer:
        left = pending[child] - times
        pending[child] = left
        if taken:
            state.taken[child] = 1
        if not left:
            state.undecided.append(child)
