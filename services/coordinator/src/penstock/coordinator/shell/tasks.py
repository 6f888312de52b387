"""Attempts as the tasks a worker gets: what they read of other nodes travels once per execution
and message."""

from collections.abc import Sequence

from penstock.api.dispatch.v1.dispatch_service_pb2 import ExecutionTasks
from penstock.api.payload.v1.payload_pb2 import Payload as PayloadProto
from penstock.common.invariant import InvariantBroken
from penstock.common.value_codec import write_failure
from penstock.coordinator.shell.live import Live
from penstock.workflow.execution.values import NodeRef, Payload

_FIXED_BYTES = 256
"""About what a task costs beside its values."""


def set_payload(target: PayloadProto, payload: Payload) -> int:
    """Write a payload into a message; returns about how many bytes that adds."""
    if payload.digest:
        target.ref.digest = payload.digest
        target.ref.size_bytes = payload.size
        return 80
    target.json = payload.json
    return len(payload.json)


def to_tasks(
    live: Live, refs: Sequence[NodeRef], *, may_continue: bool
) -> tuple[ExecutionTasks, int]:
    """The message for these attempts, and about how many bytes it has."""
    state = live.state
    started = state.started
    if started is None:
        raise InvariantBroken(f"tasks of an execution that never started: {live.id}")
    tasks = ExecutionTasks(
        execution_id=live.id,
        definition_hash=started.definition_hash,
        tenant=live.tenant,
        started_unix_us=state.started_us,
        traceparent=started.traceparent,
        may_continue=may_continue,
    )
    size = _FIXED_BYTES + set_payload(tasks.params, started.params)
    if started.trigger.digest or started.trigger.json != b"null":
        size += set_payload(tasks.trigger, started.trigger)
    size += _add_inputs(tasks, live, refs)
    for ref in refs:
        size += _add_task(tasks, live, ref)
    return tasks, size


def _add_inputs(tasks: ExecutionTasks, live: Live, refs: Sequence[NodeRef]) -> int:
    state = live.state
    reads_of = state.tables.reads
    if len(refs) == 1 or all(ref.node == refs[0].node for ref in refs):
        reads: Sequence[int] = reads_of[refs[0].node]
    else:
        reads = sorted({read for ref in refs for read in reads_of[ref.node]})
    size = 0
    for read in reads:
        value = tasks.inputs.add(node=read, status=state.status[read])
        output = state.outputs.get(read)
        if output is not None:
            size += 8 + set_payload(value.output, output)
        if state.failures and read in state.failures:
            write_failure(value.failure, state.failures[read])
    return size


def _add_task(tasks: ExecutionTasks, live: Live, ref: NodeRef) -> int:
    state = live.state
    task = tasks.tasks.add()
    proto = task.ref
    proto.node = ref.node
    proto.attempt = ref.attempt
    size = 24
    if ref.item:
        proto.item = ref.item
        fan_out = state.fan_outs[ref.node]
        if fan_out.inputs:
            value = fan_out.inputs[ref.item - 1]
            if value is not None:
                task.item_json = value
                size += len(value)
        else:
            size += set_payload(task.items, fan_out.items)
    deadlines = state.waits.deadlines
    if deadlines:
        task.deadline_unix_us = deadlines.get(ref.node, 0)
    if ref.attempt > 1 and live.plan.nodes[ref.node].effects != "none":
        task.effect_may_have_happened = True
    return size
