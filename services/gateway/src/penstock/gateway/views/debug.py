"""The debugger's contracts to public JSON and back. Pure."""

from collections.abc import Iterable

from msgspec import Raw

from penstock.api.debug.v1 import debug_service_pb2 as pb
from penstock.api.journal.v1 import journal_pb2 as journal
from penstock.gateway.shapes import debug as shapes
from penstock.gateway.views.executions import (
    EXECUTION_STATUS,
    NODE_STATUS,
    failure,
    instant,
    item_of,
    payload_json,
)

_EMPTY = Raw(b"{}")
_PLACES = {
    journal.BREAKPOINT_PLACE_BEFORE: "before",
    journal.BREAKPOINT_PLACE_AFTER: "after",
}


def to_breakpoints(given: Iterable[shapes.BreakpointBody]) -> list[pb.Breakpoint]:
    """Breakpoints of a body; numbers were checked before."""
    return [
        pb.Breakpoint(
            id=each.id,
            node=each.node,
            parent=each.parent,
            place=journal.BREAKPOINT_PLACE_AFTER
            if each.place == "after"
            else journal.BREAKPOINT_PLACE_BEFORE,
            condition=each.condition,
            hits=each.hits,
            once=each.once,
        )
        for each in given
    ]


def debug_state(message: pb.DebugState) -> shapes.DebugState:
    """Where a debugged execution stands."""
    return shapes.DebugState(
        attached=message.attached,
        by=message.by,
        stepping=message.stepping,
        stop_all=message.stop_all,
        breakpoints=tuple(map(_breakpoint, message.breakpoints)),
        held=tuple(map(_held, message.held)),
        status=EXECUTION_STATUS[message.status],
        last_seq=message.last_seq,
    )


def _breakpoint(message: pb.Breakpoint) -> shapes.Breakpoint:
    return shapes.Breakpoint(
        id=message.id,
        node=message.node or None,
        parent=message.parent or None,
        place=_PLACES[message.place],
        condition=message.condition,
        hits=message.hits,
        once=message.once,
        met=message.met,
    )


def _held(message: pb.HeldNode) -> shapes.HeldNode:
    return shapes.HeldNode(
        node=message.node,
        item=item_of(message.item),
        attempt=message.attempt,
        place=_PLACES[message.place],
        breakpoint=message.breakpoint or None,
        note=message.note,
        since=instant(message.since.ToMicroseconds()),
        output=payload_json(message.output) if message.HasField("output") else None,
    )


def node_inside(message: pb.InspectNodeResponse) -> shapes.NodeInside:
    """What a node sees."""
    edited, item = message.edited_input, message.item_value
    return shapes.NodeInside(
        node=message.node,
        status=NODE_STATUS[message.status],
        attempt=message.attempt,
        held=_held(message.held) if message.HasField("held") else None,
        input={each.name: payload_json(each.value) for each in message.input},
        edited_input=payload_json(edited) if message.HasField("edited_input") else None,
        item=payload_json(item) if message.HasField("item_value") else None,
        params=payload_json(message.params),
        vars=Raw(message.vars_json) if message.vars_json else _EMPTY,
        reads={each.name: payload_json(each.value) for each in message.reads},
        output=payload_json(message.output) if message.HasField("output") else None,
        failure=failure(message.failure) if message.HasField("failure") else None,
    )
