"""The debugger's commands: from names to the core's inputs, told to the execution wherever it is.

A held execution needs nobody and may have left memory; a command brings it back. Each call returns
once what was asked for is on disk.
"""

from collections.abc import Callable, Iterable
from typing import NoReturn

import msgspec

from penstock.api.debug.v1 import debug_service_pb2 as pb
from penstock.common.debug_view import debug_state
from penstock.common.errors import Conflict, InvalidArgument, PayloadTooLarge
from penstock.coordinator.core import debug_commands as cmd
from penstock.coordinator.core.inputs import Intervention
from penstock.coordinator.core.on_debug import flaw
from penstock.coordinator.ports import Payloads
from penstock.coordinator.shell.hands.conditions import check_condition
from penstock.coordinator.shell.hands.plan_nodes import check_edited_input, node_named
from penstock.coordinator.shell.hands.telling import Telling, Told
from penstock.coordinator.shell.live import Live
from penstock.coordinator.shell.starts.asked import check_text, decoded
from penstock.workflow.execution.debug_events import Breakpoint, Place
from penstock.workflow.execution.naming import named_first
from penstock.workflow.execution.values import (
    INLINE_BYTES_MAX,
    ExecutionStatus,
    Operation,
    Payload,
)
from penstock.workflow.plan import Plan

HITS_MAX = 1_000_000
VALUE_BYTES_MAX = 1024 * 1024


class Order(msgspec.Struct, frozen=True):
    """A request with what had to be stored first."""

    request: pb.DebugExecutionRequest
    value: Payload | None = None


class Debugger:
    """All calls raise `NotFound`, `WrongOwner`, `Unavailable`, `InvalidArgument`, and `Conflict` if
    what is asked for cannot be done as it stands."""

    def __init__(self, telling: Telling, payloads: Payloads) -> None:
        self._telling = telling
        self._payloads = payloads

    async def command(self, tenant: str, request: pb.DebugExecutionRequest) -> pb.DebugState:
        """Do one thing; tells where the execution stands then."""
        check_text(request.command_id, "command_id")
        check_text(request.by, "by")
        kind = request.WhichOneof("command")
        if kind is None:
            raise InvalidArgument("There is no command.", fix="Give one.", path="command")
        order = Order(request, await self._value(tenant, request, kind))
        if kind == "edit_input":
            return await self._edit_input(tenant, order)
        asked: list[cmd.DebugAsked] = []

        def happening(live: Live) -> cmd.DebugAsked:
            made = _command_of(live.plan, order, kind)
            asked[:] = [cmd.DebugAsked(made, request.by, request.command_id)]
            return asked[0]

        told = await self._telling.tell_what_fits(tenant, request.execution_id, happening)
        return _answer(told, lambda live: flaw(live.state, asked[0]))

    async def _edit_input(self, tenant: str, order: Order) -> pb.DebugState:
        """An intervention: the engine has one way to give a node another input."""
        asked, request = order.request.edit_input, order.request

        def happening(live: Live) -> Intervention:
            node = node_named(live.plan, asked.node, "node")
            held = live.state.debug.held if live.state.debug is not None else {}
            found = held.get(asked.item * len(live.plan.nodes) + node)
            if found is None or found.is_after:
                what = named_first(asked.node, asked.item)
                raise Conflict(
                    f"{what} is not held before it runs: its input cannot be edited.",
                    fix="Set a breakpoint before it.",
                )
            if not asked.item:
                check_edited_input(live.plan, node, asked.input_json)
            return Intervention(
                node,
                asked.item,
                Operation.EDIT,
                by=request.by,
                reason="debugger",
                value=order.value or Payload(),
                intervention_id=request.command_id,
            )

        told = await self._telling.tell_what_fits(tenant, request.execution_id, happening)
        return _answer(told, lambda live: "It has moved on meanwhile.")

    async def _value(
        self, tenant: str, request: pb.DebugExecutionRequest, kind: str
    ) -> Payload | None:
        """The value that an edit hands in; stored if it is large."""
        if kind == "edit_output":
            json, place = request.edit_output.output_json, "output"
        elif kind == "edit_input":
            json, place = request.edit_input.input_json, "input"
        else:
            return None
        if not json:
            raise InvalidArgument(f"`{place}` is missing.", fix="Give a JSON value.", path=place)
        if len(json) > VALUE_BYTES_MAX:
            raise PayloadTooLarge(f"{len(json)} bytes; the limit is {VALUE_BYTES_MAX}", path=place)
        decoded(json, place)
        if len(json) <= INLINE_BYTES_MAX:
            return Payload(json)
        if kind == "edit_input" and request.edit_input.item:
            raise PayloadTooLarge(f"{len(json)} bytes; an item takes {INLINE_BYTES_MAX}")
        return await self._payloads.put(tenant, json)


def _answer(told: Told | int, why: Callable[[Live], str]) -> pb.DebugState:
    if isinstance(told, int):
        _refuse_ended(told)
    live, accepted = told
    state = live.state
    if not accepted:
        if state.end is not None:
            _refuse_ended(int(state.end.status))
        reason = why(live) or "It has moved on meanwhile."
        raise Conflict(reason, fix="Look at what the debugger holds now.")
    return debug_state(state)


def _refuse_ended(status: int) -> NoReturn:
    raise Conflict(
        f"The execution has ended: it is {ExecutionStatus(status).name}.",
        fix="What has ended cannot be debugged; re-run it or fork it with debug on.",
    )


def _command_of(plan: Plan, order: Order, kind: str) -> cmd.DebugCommand:
    """The core's command. Raises `NotFound`, `InvalidArgument`."""
    request = order.request
    match kind:
        case "attach":
            asked = request.attach
            points = _breakpoints(plan, asked.breakpoints)
            return cmd.Attach(asked.stepping, asked.stop_all, points, not asked.ignore_file)
        case "detach":
            return cmd.Detach()
        case "set_breakpoints":
            points = _breakpoints(plan, request.set_breakpoints.breakpoints)
            if not points:
                raise InvalidArgument("No breakpoint is given.", fix="Give one.", path="node")
            return cmd.SetBreakpoints(points)
        case "clear_breakpoints":
            return cmd.ClearBreakpoints(tuple(request.clear_breakpoints.ids))
        case "stop":
            return cmd.Stop()
        case "resume":
            return cmd.Continue()
        case "step":
            step = request.step
            key = None
            if step.item and not step.node:
                raise InvalidArgument(
                    "An item is given, but no node.", fix="Name its node too.", path="node"
                )
            if step.node:
                key = step.item * len(plan.nodes) + node_named(plan, step.node, "node")
            return cmd.Step(key, step.into)
        case "run_to":
            return cmd.RunTo(node_named(plan, request.run_to.node, "node"))
        case _:
            node = node_named(plan, request.edit_output.node, "node")
            return cmd.EditOutput(node, order.value or Payload())


def _breakpoints(plan: Plan, given: Iterable[pb.Breakpoint]) -> tuple[Breakpoint, ...]:
    points = [_breakpoint(plan, each) for each in given]
    if len(points) > cmd.BREAKPOINTS_MAX:
        raise InvalidArgument(
            f"{len(points)} breakpoints.", fix=f"Give at most {cmd.BREAKPOINTS_MAX}.", path="node"
        )
    return tuple(points)


def _breakpoint(plan: Plan, given: pb.Breakpoint) -> Breakpoint:
    check_text(given.id, "id")
    node = node_named(plan, given.node, "node") if given.node else -1
    parent = node_named(plan, given.parent, "parent") if given.parent else -1
    if parent >= 0 and (node < 0 or parent not in plan.nodes[node].parents):
        raise InvalidArgument(
            f"There is no edge from {given.parent!r} to {given.node!r}.",
            fix="Name a node and one of its parents.",
            path="parent",
        )
    if given.hits > HITS_MAX:
        raise InvalidArgument(f"{given.hits} hits.", fix=f"Give at most {HITS_MAX}.", path="hits")
    place = Place.AFTER if int(given.place) == Place.AFTER else Place.BEFORE
    if parent >= 0 and place == Place.AFTER:
        raise InvalidArgument(
            "A breakpoint on an edge holds before its node runs.", fix="Leave `place` out.",
            path="place",
        )  # fmt: skip
    where = f"{given.parent}->{given.node}" if given.parent else given.node or "*"
    name = given.id or f"{place.name.lower()}:{where}"
    point = Breakpoint(name, node, parent, place, given.condition, max(1, given.hits), given.once)
    check_condition(plan, point)
    return point
