"""Attempts as the tasks a worker gets: what they read of other nodes travels once per execution
and message."""

from collections.abc import Sequence

from penstock.api.dispatch.v1.dispatch_service_pb2 import ExecutionTasks, Task
from penstock.api.payload.v1.payload_pb2 import Payload as PayloadProto
from penstock.common.invariant import InvariantBroken
from penstock.common.value_codec import write_failure
from penstock.coordinator.core.failure_report import failure_report, with_id
from penstock.coordinator.shell.live import Live
from penstock.workflow.execution.fold import ExecutionState
from penstock.workflow.execution.touched import Touched
from penstock.workflow.execution.values import NULL, ExecutionStatus, NodeRef, NodeStatus, Payload
from penstock.workflow.execution.variables import Variables

_COMPLETED = int(NodeStatus.COMPLETED)

_FIXED_BYTES = 256
"""About what a task costs beside its values."""


def set_payload(target: PayloadProto, payload: Payload) -> int:
    """Write a payload into a message; returns about how many bytes that adds."""
    if payload.digest:
        target.ref.digest = payload.digest
        target.ref.size_bytes = payload.size
        return 80
    json = payload.json
    target.json = json
    return len(json)


def add_tasks(tasks: ExecutionTasks, live: Live, refs: Sequence[NodeRef], *, go_on: bool) -> int:
    """Fill a group of a message with the tasks of these attempts; returns about how many bytes that
    adds."""
    state = live.state
    started = state.started
    if started is None:
        raise InvariantBroken(f"tasks of an execution that never started: {live.id}")
    tasks.execution_id = live.id
    tasks.definition_hash = started.definition_hash
    tasks.tenant = live.tenant
    tasks.started_unix_us = state.started_us
    if started.traceparent:
        tasks.traceparent = started.traceparent
    if go_on:
        tasks.may_continue = True
    size = _FIXED_BYTES + set_payload(tasks.params, started.params)
    if state.failing is not None:
        size += set_payload(tasks.trigger, _failure_of(live))
    elif started.trigger is not NULL:
        size += set_payload(tasks.trigger, started.trigger)
    reads = state.tables.reads[refs[0].node] if len(refs) == 1 else _reads_of(state, refs)
    if reads:
        size += _add_inputs(tasks, state, reads)
    if state.variables is not None:
        size += _add_vars(tasks, live, state.variables, refs)
    deadlines = state.waits.deadlines
    for ref in refs:
        if ref.attempt == 1 and not ref.item and not deadlines and state.touched is None:
            tasks.first_attempts.append(ref.node)
        else:
            size += _add_task(tasks, live, ref)
    return size


def _add_vars(
    tasks: ExecutionTasks, live: Live, variables: Variables, refs: Sequence[NodeRef]
) -> int:
    """Variables as of what is on disk, for nodes that use them. What is in memory may be ahead of
    the disk; but nothing can have changed before the first of these nodes is handed out."""
    nodes = live.plan.nodes
    if not any(nodes[ref.node].uses_vars for ref in refs):
        return 0
    if live.shown_vars is None:
        live.shown_vars = variables.text()
    tasks.vars_json = live.shown_vars
    return len(live.shown_vars)


def _failure_of(live: Live) -> Payload:
    """What the failure node gets in place of the trigger's data."""
    state = live.state
    failing = state.failing
    if failing is None:
        raise InvariantBroken(f"no failure was taken: {live.id}")
    failed = ExecutionStatus.FAILED
    report = failure_report(state, failed, failing.node, failing.failure)
    return Payload(with_id(live.id, report))


def _reads_of(state: ExecutionState, refs: Sequence[NodeRef]) -> Sequence[int]:
    nodes = {ref.node for ref in refs}
    return sorted({read for node in nodes for read in state.tables.reads[node]})


def _add_inputs(tasks: ExecutionTasks, state: ExecutionState, reads: Sequence[int]) -> int:
    size = 0
    outputs, status = state.outputs, state.status
    for read in reads:
        output = outputs.get(read)
        if output is not None and status[read] == _COMPLETED and not output.digest:
            tasks.completed.append(read)
            tasks.completed_json.append(output.json)
            size += 8 + len(output.json)
        else:
            size += _add_input(tasks, state, read)
    return size


def _add_input(tasks: ExecutionTasks, state: ExecutionState, read: int) -> int:
    """An ancestor's outcome in its long form."""
    value = tasks.inputs.add()
    value.node = read
    value.status = state.status[read]  # type: ignore[assignment]
    size = 8
    output = state.outputs.get(read)
    if output is not None:
        size += set_payload(value.output, output)
    failure = state.failures.get(read)
    if failure is not None:
        write_failure(value.failure, failure)
    return size


def _add_task(tasks: ExecutionTasks, live: Live, ref: NodeRef) -> int:
    state = live.state
    task = tasks.tasks.add()
    proto = task.ref
    node = ref.node
    proto.node = node
    proto.attempt = ref.attempt
    size = 24
    if ref.item:
        proto.item = ref.item
        fan_out = state.fan_outs[node]
        if fan_out.inputs:
            value = fan_out.inputs[ref.item - 1]
            if value is not None:
                task.item_json = value
                size += len(value)
        else:
            size += set_payload(task.items, fan_out.items)
    deadlines = state.waits.deadlines
    if deadlines:
        task.deadline_unix_us = deadlines.get(node, 0)
    if state.touched is not None:
        size += _add_edited(task, state.touched, state.key(ref), node)
    if ref.attempt > 1 and live.plan.nodes[node].effects != "none":
        task.effect_may_have_happened = True
    return size


def _add_edited(task: Task, touched: Touched, key: int, node: int) -> int:
    """What somebody gave the node, or this item of it, in place of what it would get."""
    size = 0
    if key != node and key in touched.inputs:
        task.ClearField("items")
        task.item_json = touched.inputs[key].json
        size += len(task.item_json)
    if node in touched.inputs:
        size += set_payload(task.input, touched.inputs[node])
    return size
