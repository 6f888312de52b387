"""What a failure node, a failure flow or a retry hook is told of a failure: a JSON object."""

import msgspec

from penstock.workflow.execution.events import NodeFailed
from penstock.workflow.execution.fold import ExecutionState
from penstock.workflow.execution.join import failure_json, join_object
from penstock.workflow.execution.values import ExecutionStatus, Failure

OUTPUTS_BYTES_MAX = 32 * 1024
"""Outputs that a report holds, all together; those that do not fit are named."""
_DETAILS_BYTES_MAX = 16 * 1024


def failure_report(
    state: ExecutionState, status: ExecutionStatus, node: int, failure: Failure
) -> bytes:
    """Which workflow, how it ends, which node failed (null if none did) and how, and what the
    others had given by then. Without the execution's id, which is not known here."""
    started = state.started
    if len(failure.details_json) > _DETAILS_BYTES_MAX:
        failure = msgspec.structs.replace(failure, details_json=b"")
    outputs, left_out = _outputs(state)
    values = {
        "workflow": state.plan.name,
        "version": started.version if started is not None else 0,
        "status": status.name,
        "node": state.plan.nodes[node].id if node >= 0 else None,
        "left_out": left_out,
    }
    keys = (*values, "failure", "outputs")
    plain = [msgspec.json.encode(value) for value in values.values()]
    return join_object(keys, [*plain, failure_json(failure), outputs])


def retry_report(state: ExecutionState, event: NodeFailed) -> bytes:
    """What a retry hook is told: which attempt failed, how, and when the next one is due."""
    ref, started, failure = event.ref, state.started, event.failure
    if len(failure.details_json) > _DETAILS_BYTES_MAX:
        failure = msgspec.structs.replace(failure, details_json=b"")
    values = {
        "workflow": state.plan.name,
        "version": started.version if started is not None else 0,
        "node": state.plan.nodes[ref.node].id,
        "item": ref.item - 1 if ref.item else None,
        "attempt": ref.attempt,
        "retry_in_ms": max(0, event.retry_us - state.updated_us) // 1_000,
    }
    plain = [msgspec.json.encode(value) for value in values.values()]
    return join_object((*values, "failure"), [*plain, failure_json(failure)])


def with_id(execution_id: str, report: bytes) -> bytes:
    """The report of this execution."""
    return b'{"execution_id":' + msgspec.json.encode(execution_id) + b"," + report[1:]


def _outputs(state: ExecutionState) -> tuple[bytes, list[str]]:
    """Outputs by node id, the small ones in plan order, and the ids of those left out."""
    ids: list[str] = []
    parts: list[bytes] = []
    left_out: list[str] = []
    size = 0
    for node, output in sorted(state.outputs.items()):
        if state.plan.nodes[node].hidden:
            continue
        size += len(output.json) if not output.digest else OUTPUTS_BYTES_MAX
        if output.digest or size > OUTPUTS_BYTES_MAX:
            left_out.append(state.plan.nodes[node].id)
            size -= len(output.json) if not output.digest else OUTPUTS_BYTES_MAX
        else:
            ids.append(state.plan.nodes[node].id)
            parts.append(output.json)
    return join_object(ids, parts), left_out
