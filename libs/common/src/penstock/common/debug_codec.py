"""Events of debugging as protobuf and back. A breakpoint's node, and the parent of its edge, travel
as their plan index plus one."""

from penstock.api.journal.v1 import journal_pb2 as journal
from penstock.common.value_codec import (
    payload_from_proto,
    ref_from_proto,
    write_payload,
    write_ref,
)
from penstock.workflow.execution import debug_events as debug


def write_breakpoint(message: journal.Breakpoint, point: debug.Breakpoint) -> None:
    """Fill a message."""
    message.id = point.id
    message.node_plus_one = point.node + 1
    message.parent_plus_one = point.parent + 1
    message.place = int(point.place)  # type: ignore[assignment]
    message.condition = point.condition
    message.hits = point.hits
    message.once = point.once


def read_breakpoint(message: journal.Breakpoint) -> debug.Breakpoint:
    """The breakpoint in a message."""
    return debug.Breakpoint(
        message.id,
        message.node_plus_one - 1,
        message.parent_plus_one - 1,
        debug.Place(message.place),
        message.condition,
        max(1, message.hits),
        message.once,
    )


def write_attached(message: journal.Event, event: debug.DebugAttached) -> None:
    """Somebody attached."""
    attached = message.debug_attached
    attached.SetInParent()
    attached.by = event.by
    attached.stepping = event.stepping
    attached.stop_all = event.stop_all
    attached.command_id = event.command_id
    for point in event.breakpoints:
        write_breakpoint(attached.breakpoints.add(), point)


def read_attached(message: journal.Event) -> debug.DebugAttached:
    """Somebody attached."""
    m = message.debug_attached
    points = tuple(map(read_breakpoint, m.breakpoints))
    return debug.DebugAttached(m.by, m.stepping, m.stop_all, points, m.command_id)


def write_detached(message: journal.Event, event: debug.DebugDetached) -> None:
    """Nobody debugs any more."""
    message.debug_detached.SetInParent()
    message.debug_detached.by = event.by


def read_detached(message: journal.Event) -> debug.DebugDetached:
    """Nobody debugs any more."""
    return debug.DebugDetached(message.debug_detached.by)


def write_set(message: journal.Event, event: debug.BreakpointsSet) -> None:
    """Breakpoints were added."""
    message.breakpoints_set.SetInParent()
    message.breakpoints_set.command_id = event.command_id
    for point in event.breakpoints:
        write_breakpoint(message.breakpoints_set.breakpoints.add(), point)


def read_set(message: journal.Event) -> debug.BreakpointsSet:
    """Breakpoints were added."""
    m = message.breakpoints_set
    return debug.BreakpointsSet(tuple(map(read_breakpoint, m.breakpoints)), m.command_id)


def write_cleared(message: journal.Event, event: debug.BreakpointsCleared) -> None:
    """Breakpoints were taken away."""
    message.breakpoints_cleared.SetInParent()
    message.breakpoints_cleared.ids.extend(event.ids)
    message.breakpoints_cleared.command_id = event.command_id


def read_cleared(message: journal.Event) -> debug.BreakpointsCleared:
    """Breakpoints were taken away."""
    m = message.breakpoints_cleared
    return debug.BreakpointsCleared(tuple(m.ids), m.command_id)


def write_pace(message: journal.Event, event: debug.DebugPaceSet) -> None:
    """Step, or run."""
    pace = message.debug_pace_set
    pace.SetInParent()
    pace.stepping = event.stepping
    pace.command_id = event.command_id
    pace.by = event.by


def read_pace(message: journal.Event) -> debug.DebugPaceSet:
    """Step, or run."""
    m = message.debug_pace_set
    return debug.DebugPaceSet(m.stepping, m.command_id, m.by)


def write_released(message: journal.Event, event: debug.NodeReleased) -> None:
    """What was held goes on."""
    write_ref(message.node_released.ref, event.ref)
    message.node_released.into = event.into


def read_released(message: journal.Event) -> debug.NodeReleased:
    """What was held goes on."""
    m = message.node_released
    return debug.NodeReleased(ref_from_proto(m.ref), m.into)


def write_passed(message: journal.Event, event: debug.BreakpointPassed) -> None:
    """A breakpoint was met."""
    passed = message.breakpoint_passed
    passed.SetInParent()
    passed.breakpoint = event.breakpoint
    write_ref(passed.ref, event.ref)


def read_passed(message: journal.Event) -> debug.BreakpointPassed:
    """A breakpoint was met."""
    m = message.breakpoint_passed
    return debug.BreakpointPassed(m.breakpoint, ref_from_proto(m.ref))


def write_edited(message: journal.Event, event: debug.OutputEdited) -> None:
    """An output was edited."""
    edited = message.output_edited
    write_ref(edited.ref, event.ref)
    write_payload(edited.output, event.output)
    edited.command_id = event.command_id
    edited.by = event.by


def read_edited(message: journal.Event) -> debug.OutputEdited:
    """An output was edited."""
    m = message.output_edited
    return debug.OutputEdited(
        ref_from_proto(m.ref), payload_from_proto(m.output), m.command_id, m.by
    )
