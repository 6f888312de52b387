"""Sub-workflows: a node asks for an execution, waits for its end, and ends as it did.

Order of effects: the wait is written together with the notice that asks for the child, so there is
no child that nobody waits for, and no wait for a child that nobody starts. The child's end comes as
a notice of its own, as often as need be; it counts if something still waits for that child. Whoever
gives a wait up owes the child a cancel, in the same commit.
"""

import msgspec

from penstock.coordinator.core.child_failures import failure_of
from penstock.coordinator.core.failing import record_failure
from penstock.coordinator.core.inputs import ChildEnded, ChildRefused, StartChild
from penstock.coordinator.core.items import end_well
from penstock.coordinator.core.notices import ChildStart
from penstock.coordinator.core.on_signal import wake
from penstock.coordinator.core.turn import Turn
from penstock.workflow.execution.events import Child, NodeCompleted, NodeFailed, NodeWaiting
from penstock.workflow.execution.join import join_object
from penstock.workflow.execution.values import ExecutionStatus, NodeRef, Payload


def start_child(turn: Turn, ref: NodeRef, asked: StartChild) -> None:
    """Owe the start; wait for the end unless nobody wants to know it."""
    debug = turn.state.debug
    notice = ChildStart(
        asked.child_id,
        ref,
        turn.state.depth + 1,
        asked.workflow,
        asked.version,
        asked.params,
        asked.tags,
        asked.priority,
        asked.detached,
        debug is not None and turn.state.key(ref) in debug.into,
    )
    turn.notices.append(notice)
    if not asked.detached:
        child = Child(asked.child_id, asked.workflow, asked.outlives)
        turn.emit(NodeWaiting(ref, child=child))
        return
    keys, parts = ("execution_id", "workflow"), (asked.child_id, asked.workflow)
    output = join_object(keys, [msgspec.json.encode(part) for part in parts])
    end_well(turn, NodeCompleted(ref, Payload(output), finished_us=turn.now_us))


def on_child_ended(turn: Turn, ended: ChildEnded) -> None:
    """The node that waits for it ends as it did; if none does any more nothing changes."""
    key = turn.state.waits.children.get(ended.child_id)
    if key is None:
        return
    if ended.status == ExecutionStatus.COMPLETED:
        wake(turn, key, ended.output)
        return
    ref, child = turn.state.current_ref(key), turn.state.waits.sleeping[key].child
    failure = failure_of(ended, child.workflow if child is not None else "", ref.item)
    record_failure(turn, NodeFailed(ref, failure), ended.draw)


def on_child_refused(turn: Turn, refused: ChildRefused) -> None:
    """It can never be started: the node that waits for it fails for good. The notice that asked for
    it is settled by the same commit, so that it is not tried once more afterwards."""
    turn.settled.append(refused.notice_id)
    key = turn.state.waits.children.get(refused.child_id)
    if key is not None:
        event = NodeFailed(turn.state.current_ref(key), refused.failure)
        record_failure(turn, event, None)
