"""An attempt failed: another one later, or the end of its item or node, or of the execution.

Order of effects: a failed attempt is written with the time of the next one; that attempt is handed
out only after `NodeRetried` is written. A fan-out whose item failed for good ends in the same
commit, and the workers that hold other items are told to stop after it.
"""

import msgspec

from penstock.coordinator.core.failure_report import retry_report
from penstock.coordinator.core.items import record_item
from penstock.coordinator.core.notices import ReportStart
from penstock.coordinator.core.turn import Turn
from penstock.workflow.execution.events import NodeFailed, NodesSkipped
from penstock.workflow.execution.fold import ExecutionState
from penstock.workflow.execution.tables import US_PER_S
from penstock.workflow.execution.values import Failure, NodeRef, SkipReason


def may_retry(state: ExecutionState, ref: NodeRef, failure: Failure) -> bool:
    """True if the node's policy allows another attempt after this failure."""
    policy = state.tables.nodes[ref.node].retry
    failures = state.failure_counts.get(state.key(ref), 0) + 1
    return failures < policy.max_attempts and failure.error_class in policy.on


def record_failure(turn: Turn, event: NodeFailed, draw: float | None) -> None:
    """Record a failed attempt (`event.retry_us` still 0); without a `draw` it is the last one."""
    state = turn.state
    ref = event.ref
    if draw is not None and may_retry(state, ref, event.failure):
        policy = state.tables.nodes[ref.node].retry
        failures = state.failure_counts.get(state.key(ref), 0) + 1
        delay_us = round(policy.delay_s(failures, draw) * US_PER_S)
        retried = msgspec.structs.replace(event, retry_us=turn.now_us + max(delay_us, 1))
        turn.emit(retried)
        if policy.hook:
            _owe_hook(turn, retried, policy.hook)
    elif ref.item:
        _item_failed(turn, event)
    else:
        turn.emit(event)
        _failed_for_good(turn, ref.node, event.failure)


def _owe_hook(turn: Turn, event: NodeFailed, workflow: str) -> None:
    """Start the workflow that is to hear of an attempt that failed and will be repeated."""
    report = retry_report(turn.state, event)
    turn.notices.append(ReportStart(event.ref, turn.state.depth + 1, workflow, {}, report))


def fail_node(turn: Turn, node: int, failure: Failure) -> None:
    """Fail a node for good, whatever it was doing; its attempts are taken back."""
    turn.revoke_node(node)
    turn.emit(NodeFailed(NodeRef(node, 0, max(turn.state.attempts[node], 1)), failure))
    _failed_for_good(turn, node, failure)


def _item_failed(turn: Turn, event: NodeFailed) -> None:
    state = turn.state
    node = event.ref.node
    count = state.fan_outs[node].count
    if state.tables.nodes[node].on_error == "continue":
        record_item(turn, event)
        return
    turn.emit(event)
    failure = event.failure
    message = f"Item {event.ref.item - 1} (of {count}, from 0): {failure.message}"
    fail_node(turn, node, msgspec.structs.replace(failure, message=message))


def _failed_for_good(turn: Turn, node: int, failure: Failure) -> None:
    tables = turn.state.tables
    if tables.nodes[node].on_error == "skip":
        turn.emit(NodesSkipped((node,), SkipReason.ON_ERROR))
    elif not tables.handles_failure[node] and turn.fatal is None:
        turn.fatal = (node, failure)
