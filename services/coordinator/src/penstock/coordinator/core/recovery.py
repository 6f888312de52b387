"""After a restart: make sure that everything that is not over is on its way again.

The fold says what was decided, not what workers hold. The shell lets workers name the attempts they
still have (`state.hand_over`) and then calls `recover` once: whatever nobody named is lost.
"""

from penstock.coordinator.core.ending import settle
from penstock.coordinator.core.handing_over import may_have_begun
from penstock.coordinator.core.joining import gather
from penstock.coordinator.core.on_lost import lose
from penstock.coordinator.core.on_time import on_time
from penstock.coordinator.core.turn import Step, Turn
from penstock.workflow.execution.fan_out import FanOut
from penstock.workflow.execution.fold import ExecutionState
from penstock.workflow.execution.values import NodeRef, NodeStatus

CAUSE = "the coordinator restarted and no worker had it"

_OPEN = (int(NodeStatus.QUEUED), int(NodeStatus.RUNNING))


def recover(state: ExecutionState, now_us: int) -> Step:
    """Void attempts nobody holds and hand out the next ones, ask for stores again, let due timers
    go off. O(nodes + items let go)."""
    turn = Turn(state, now_us)
    if state.end is not None or state.started is None:
        return turn.close()
    state.undecided.clear()
    for node, status in enumerate(bytes(state.status)):
        if status in _OPEN and turn.fatal is None:
            _recover_node(turn, node)
    if turn.fatal is None:
        on_time(turn)
    settle(turn)
    return turn.close()


def _recover_node(turn: Turn, node: int) -> None:
    state = turn.state
    items = state.fan_outs.get(node)
    if items is not None:
        _recover_items(turn, node, items)
    elif state.tables.nodes[node].collects:
        gather(turn, node)
    elif node not in state.holders and not state.is_held(node):
        ref = NodeRef(node, 0, state.attempts[node])
        lose(turn, ref, CAUSE, begun=may_have_begun(state, ref))


def _recover_items(turn: Turn, node: int, items: FanOut) -> None:
    state = turn.state
    if items.done == items.count:
        turn.full.append(node)
    for at in range(items.opened):
        if items.status[at] in _OPEN and node in state.fan_outs:
            ref = NodeRef(node, at + 1, items.attempt(at + 1))
            key = state.key(ref)
            if key not in state.holders and not state.is_held(key):
                lose(turn, ref, CAUSE, begun=may_have_begun(state, ref))
