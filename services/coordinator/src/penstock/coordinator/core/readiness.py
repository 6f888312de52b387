"""Nodes whose parents have all ended: queue them or skip them.

Order of effects: skips run down their branches first, then all nodes that are ready are queued by
one event, in plan order. What a worker went on to is PENDING no longer and is not looked at; what
it asked to go on with is queued but not handed out. Cost: the edges of the nodes that ended.
"""

from penstock.coordinator.core.joining import gather
from penstock.coordinator.core.turn import Turn
from penstock.workflow.execution.events import NodesQueued, NodesSkipped
from penstock.workflow.execution.hand_events import AttemptsHandedOver
from penstock.workflow.execution.values import NodeRef, NodeStatus, SkipReason

_PENDING = int(NodeStatus.PENDING)


def queue_ready(turn: Turn) -> None:
    """Decide about every node that the events of this turn left without open parents."""
    state = turn.state
    while state.undecided and turn.fatal is None:
        ready = _decide(turn)
        if not ready:
            continue
        collecting = [node for node in ready if state.tables.nodes[node].collects]
        if collecting:
            ready = [node for node in ready if node not in collecting]
        if ready:
            turn.emit(NodesQueued(tuple(ready)))
            _open(turn, ready)
        for node in collecting:
            gather(turn, node)


def _decide(turn: Turn) -> list[int]:
    """Skip what no edge leads to, all the way down; returns what is ready, in plan order."""
    state = turn.state
    ready: list[int] = []
    while state.undecided:
        undecided, state.undecided = state.undecided, []
        skipped: list[int] = []
        for node in undecided:
            if state.status[node] == _PENDING:
                (ready if state.taken[node] else skipped).append(node)
        if skipped:
            skipped.sort()
            turn.emit(NodesSkipped(tuple(skipped), SkipReason.BRANCH))
    ready.sort()
    return ready


def _open(turn: Turn, ready: list[int]) -> None:
    claimed = turn.claimed
    for node in ready:
        ref = NodeRef(node, 0, 1)
        if claimed is not None and node == claimed.node:
            turn.state.hand_over(ref, turn.claimer)
            if turn.state.tables.nodes[node].effects == "once":
                turn.emit(AttemptsHandedOver((ref,), turn.claimer))
        else:
            turn.open(ref)
