"""Where a debugged execution stands, as the debug contract says it; for whoever holds its fold."""

from collections.abc import Iterator

from penstock.api.debug.v1 import debug_service_pb2 as pb
from penstock.common.value_codec import write_failure, write_payload
from penstock.workflow.execution.debug_events import Breakpoint, Place
from penstock.workflow.execution.debugging import Held
from penstock.workflow.execution.fold import ExecutionState
from penstock.workflow.execution.sight import seen_by, seen_of
from penstock.workflow.execution.values import ExecutionStatus, NodeRef, Payload
from penstock.workflow.plan import Plan


def debug_state(state: ExecutionState) -> pb.DebugState:
    """The whole of it."""
    status = state.end.status if state.end is not None else ExecutionStatus.RUNNING
    if state.end is None and state.is_paused:
        status = ExecutionStatus.PAUSED
    found = pb.DebugState(last_seq=state.seq)
    found.status = int(status)  # type: ignore[assignment]
    debug = state.debug
    if debug is None:
        return found
    found.attached = True
    found.by, found.stepping, found.stop_all = debug.by, debug.stepping, debug.stop_all
    for point in debug.breakpoints.values():
        _write_breakpoint(found.breakpoints.add(), state.plan, point, debug.hits.get(point.id, 0))
    for key, held in debug.held.items():
        write_held(found.held.add(), state, key, held)
    return found


def _write_breakpoint(message: pb.Breakpoint, plan: Plan, point: Breakpoint, met: int) -> None:
    message.id = point.id
    if point.node >= 0:
        message.node = plan.nodes[point.node].id
    if point.parent >= 0:
        message.parent = plan.nodes[point.parent].id
    message.place = int(point.place)  # type: ignore[assignment]
    message.condition = point.condition
    message.hits = point.hits
    message.once = point.once
    message.met = met


def write_held(message: pb.HeldNode, state: ExecutionState, key: int, held: Held) -> None:
    """Something that is held."""
    ref = state.current_ref(key)
    message.node = state.plan.nodes[ref.node].id
    message.item = ref.item
    message.attempt = ref.attempt
    message.place = int(Place.AFTER if held.is_after else Place.BEFORE)  # type: ignore[assignment]
    message.breakpoint = held.event.breakpoint
    message.note = held.event.note
    message.since.FromMicroseconds(held.since_us)
    if held.event.outcome is not None:
        write_payload(message.output, held.event.outcome.output)


def node_inside(state: ExecutionState, ref: NodeRef) -> pb.InspectNodeResponse:
    """What a node or item sees, or would see if it ran now. The state must keep outputs."""
    node, key = ref.node, state.key(ref)
    plan = state.plan.nodes[node]
    found = pb.InspectNodeResponse(node=plan.id, attempt=state.current_ref(key).attempt)
    found.status = int(state.status_of(ref))  # type: ignore[assignment]
    held = state.debug.held.get(key) if state.debug is not None else None
    if held is not None:
        write_held(found.held, state, key, held)
    for name, value in seen_by(state, node).items():
        _write_named(found.input.add(), name, value)
    for name, value in _also_read(state, node):
        _write_named(found.reads.add(), name, value)
    if state.touched is not None and key in state.touched.inputs:
        write_payload(found.edited_input, state.touched.inputs[key])
    _write_start(found, state)
    _write_item(found, state, ref)
    _write_outcome(found, state, node, held)
    return found


def _also_read(state: ExecutionState, node: int) -> Iterator[tuple[str, Payload]]:
    nodes, parents = state.tables.nodes, state.tables.nodes[node].parents
    for read in state.tables.reads[node]:
        value = seen_of(state, read)
        if read not in parents and value is not None:
            yield nodes[read].id, value


def _write_named(message: pb.NamedValue, name: str, value: Payload) -> None:
    message.name = name
    write_payload(message.value, value)


def _write_start(found: pb.InspectNodeResponse, state: ExecutionState) -> None:
    started = state.started
    if started is None:
        return
    write_payload(found.params, started.params)
    if state.variables is not None:
        found.vars_json = state.variables.text()


def _write_item(found: pb.InspectNodeResponse, state: ExecutionState, ref: NodeRef) -> None:
    items = state.fan_outs.get(ref.node) if ref.item else None
    if items is None:
        return
    if items.inputs:
        value = items.inputs[ref.item - 1]
        if value is not None:
            found.item_value.json = value
    else:
        write_payload(found.item_value, items.items)


def _write_outcome(
    found: pb.InspectNodeResponse, state: ExecutionState, node: int, held: Held | None
) -> None:
    output = state.outputs.get(node)
    if held is not None and held.event.outcome is not None:
        output = held.event.outcome.output
    if output is not None:
        write_payload(found.output, output)
    failure = state.failures.get(node)
    if failure is not None:
        write_failure(found.failure, failure)
