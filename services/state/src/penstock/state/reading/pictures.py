"""Executions as readers get them: a row of the projection in lists, a fold with all its nodes."""

from google.protobuf.timestamp_pb2 import Timestamp

from penstock.api.workflow.v1.workflow_service_pb2 import Execution, NodeState
from penstock.common.child_codec import write_parent
from penstock.common.value_codec import write_failure, write_logs, write_payload
from penstock.state.ports import ExecutionRow
from penstock.state.reading.heavy import Reading
from penstock.workflow.execution.events import ExecutionStarted, StartOptions
from penstock.workflow.execution.fold import ExecutionState
from penstock.workflow.execution.values import LAST_INSTANT_US, Payload
from penstock.workflow.execution.view import ExecutionView, NodeView, node_view, view_of

NODE_WEIGHT = 3
"""What one node of a picture weighs, beside what is told of it."""
_NEEDS_PER_WEIGHT = 8
LOGS_BYTES_MAX = 8 * 1024 * 1024
"""Of the log lines of all nodes together; the history has them all."""


def set_time(stamp: Timestamp, at_us: int) -> None:
    """Set a time; what a worker's clock said that cannot be written down becomes the nearest that
    can."""
    if at_us > 0:
        stamp.FromMicroseconds(min(at_us, LAST_INSTANT_US))


def summary(row: ExecutionRow) -> Execution:
    """An execution as it appears in lists."""
    execution = Execution(
        id=row.execution_id,
        workflow=row.workflow,
        version=row.version,
        tags=row.tags,
        last_seq=row.last_seq,
        nodes_total=row.nodes_total,
        nodes_done=row.nodes_done,
        definition_hash=row.definition_hash,
        tenant=row.tenant,
    )
    execution.status = row.status  # type: ignore[assignment]
    set_time(execution.started_at, row.started_us)
    set_time(execution.finished_at, row.finished_us)
    if row.failure_reason:
        execution.failure.reason = row.failure_reason
    return execution


def is_shown(node_id: str) -> bool:
    """False for nodes that the engine has added."""
    return not node_id.startswith("$")


async def picture(
    row: ExecutionRow, state: ExecutionState, reading: Reading, only: int = -1
) -> Execution:
    """A folded execution with its nodes, or with one of them."""
    execution = _without_nodes(row, state)
    chars = 0
    chosen = range(state.tables.size) if only < 0 else (only,)
    for index in chosen:
        if not is_shown(state.plan.nodes[index].id):
            continue
        view = node_view(state, index)
        _write_node(execution.nodes.add(), view)
        size = len(view.output.json) if view.output is not None else 0
        chars += sum(len(line.message) for line in view.logs)
        await reading.did(NODE_WEIGHT + len(view.needs) // _NEEDS_PER_WEIGHT + len(view.logs), size)
    if chars > LOGS_BYTES_MAX:
        shorten_logs(execution, LOGS_BYTES_MAX)
    return execution


def shorten_logs(execution: Execution, bytes_max: int) -> None:
    """Leave the last lines of each node, an equal share of `bytes_max`; a line tells of others."""
    talking = [node for node in execution.nodes if node.logs]
    share = bytes_max // max(1, len(talking))
    for node in talking:
        kept, size = 0, 0
        for line in reversed(node.logs):
            size += line.ByteSize()
            if size > share:
                break
            kept += 1
        left_out = len(node.logs) - kept
        if left_out:
            del node.logs[: left_out - 1]
            node.logs[0].level = "warn"
            node.logs[0].message = f"{left_out} lines before are not shown; the history has them"


def _without_nodes(row: ExecutionRow, state: ExecutionState) -> Execution:
    view = view_of(state, ())
    execution = summary(row)
    execution.ClearField("failure")
    execution.ClearField("finished_at")
    execution.status = int(view.status)  # type: ignore[assignment]
    execution.last_seq = view.last_seq
    execution.nodes_total = view.nodes_total
    execution.nodes_done = view.nodes_done
    execution.failed_node = view.failed_node
    set_time(execution.finished_at, view.finished_us)
    if state.started is not None:
        _write_start(execution, state.started)
    _write_end(execution, view)
    execution.vars_json = view.vars_json
    return execution


def _write_start(execution: Execution, started: ExecutionStarted) -> None:
    write_payload(execution.params, started.params)
    options = started.options
    if options is not None and options.origin is not None:
        execution.origin.execution_id = options.origin.execution_id
        execution.origin.seq = options.origin.seq
        execution.origin.kind = int(options.origin.kind)  # type: ignore[assignment]
    _write_options(execution, options)


def _write_options(execution: Execution, options: StartOptions | None) -> None:
    if options is None:
        return
    set_time(execution.not_before, options.not_before_us)
    if options.parent is not None:
        write_parent(execution.parent, options.parent)


def _write_end(execution: Execution, view: ExecutionView) -> None:
    if view.output is not None:
        write_payload(execution.output, view.output)
    if view.failure is not None:
        write_failure(execution.failure, view.failure)


def _write_node(node: NodeState, view: NodeView) -> None:
    node.id = view.id
    node.uses = view.uses
    node.status = int(view.status)  # type: ignore[assignment]
    node.attempt = view.attempt
    set_time(node.started_at, view.started_us)
    set_time(node.finished_at, view.finished_us)
    if view.output is not None:
        _write_output(node, view.output)
    if view.failure is not None:
        write_failure(node.failure, view.failure)
    node.items_total = view.items_total
    node.items_done = view.items_done
    node.items_failed = view.items_failed
    node.waiting_for = view.waiting_for
    node.worker = view.worker
    node.child_id = view.child_id
    node.needs.extend(view.needs)
    write_logs(node.logs, view.logs)
    node.carried = view.carried


def _write_output(node: NodeState, output: Payload) -> None:
    if output.is_left_out:
        node.output_bytes = output.size
    else:
        write_payload(node.output, output)
