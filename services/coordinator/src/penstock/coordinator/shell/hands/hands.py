"""What people do to executions by hand: pause and resume them, lay hands on their nodes."""

from typing import NamedTuple

import msgspec

from penstock.api.journal.v1.journal_pb2 import Event
from penstock.api.workflow.v1.intervention_service_pb2 import (
    PauseExecutionRequest,
    ResumeExecutionRequest,
)
from penstock.api.workflow.v1.workflow_service_pb2 import GetExecutionRequest, NodeState
from penstock.common.errors import Conflict, InvalidArgument, PayloadTooLarge
from penstock.coordinator.core.inputs import Intervention, PauseAsked, ResumeAsked
from penstock.coordinator.core.intervening import flaw
from penstock.coordinator.core.pausing import was_heard
from penstock.coordinator.ports import State
from penstock.coordinator.shell.hands.on_record import is_on_record
from penstock.coordinator.shell.hands.plan_nodes import check_edited_input, node_named
from penstock.coordinator.shell.hands.telling import Telling
from penstock.coordinator.shell.live import Live
from penstock.coordinator.shell.starts.asked import (
    REASON_CHARS_MAX,
    check_text,
    decoded,
)
from penstock.coordinator.shell.starts.definitions import Definitions
from penstock.workflow.choices import choices_of, may_choose, must_choose
from penstock.workflow.execution.values import (
    INLINE_BYTES_MAX,
    NULL,
    ExecutionStatus,
    NodeRef,
    Operation,
    Payload,
)
from penstock.workflow.node_type import NodeType
from penstock.workflow.plan import NodePlan, Plan

VALUE_BYTES_MAX = 1024 * 1024
"""Largest output or input that is handed in."""
CHOSEN_MAX = 100
"""Most actions a router is completed with."""


class Asked(msgspec.Struct, frozen=True):
    """An intervention as it was asked for; see the contract."""

    node: str
    item: int
    operation: Operation
    by: str = ""
    reason: str = ""
    value_json: bytes = b""
    chosen: tuple[str, ...] = ()
    routed: bool = False
    message: str = ""
    intervention_id: str = ""


class NodeNow(NamedTuple):
    """Where a node or item stands, and its current attempt."""

    status: int
    attempt: int


class Stands(NamedTuple):
    """Where an execution stands after a pause or a resume; `repeated`: that request was carried
    out before."""

    status: int
    repeated: bool


class Hands:
    """Each call returns once what was asked for is on disk. All raise `NotFound`, `WrongOwner`,
    `Unavailable`, `InvalidArgument`."""

    def __init__(self, telling: Telling, stored: State, definitions: Definitions) -> None:
        self._telling = telling
        self._payloads = stored.payloads
        self._queries = stored.queries
        self._definitions = definitions

    async def pause(self, tenant: str, request: PauseExecutionRequest) -> Stands:
        """Hand out nothing new. Raises `Conflict` if the execution has ended, unless this very
        request was carried out before."""
        asked = PauseAsked(request.by, request.reason, request.request_id)
        return await self._ask(tenant, request.execution_id, asked)

    async def resume(self, tenant: str, request: ResumeExecutionRequest) -> Stands:
        """End a pause. Raises `Conflict` as `pause` does."""
        asked = ResumeAsked(request.by, request.reason, request.request_id)
        return await self._ask(tenant, request.execution_id, asked)

    async def _ask(self, tenant: str, execution_id: str, asked: PauseAsked | ResumeAsked) -> Stands:
        _check_people(asked.by, asked.reason)
        check_text(asked.request_id, "id")
        heard: list[bool] = []

        def happening(live: Live) -> PauseAsked | ResumeAsked:
            heard[:] = [was_heard(live.state, asked)]
            return asked

        told = await self._telling.tell_what_fits(tenant, execution_id, happening)
        if isinstance(told, int):
            ended = told
        elif (end := told.live.state.end) is not None:
            ended = int(end.status)
        else:
            paused = told.live.state.is_paused
            status = ExecutionStatus.PAUSED if paused else ExecutionStatus.RUNNING
            return Stands(int(status), heard[0])
        wanted = asked.request_id

        def is_it(event: Event) -> bool:
            if isinstance(asked, PauseAsked):
                return event.execution_paused.request_id == wanted
            return event.execution_resumed.request_id == wanted

        if not wanted or not await is_on_record(self._queries, tenant, execution_id, is_it):
            raise _over(execution_id, ended)
        return Stands(ended, repeated=True)

    async def intervene(self, tenant: str, execution_id: str, asked: Asked) -> NodeNow:
        """Do something to a node. Raises `Conflict` if that cannot be done as it stands, with the
        reason."""
        _check(asked)
        value = await self._value(tenant, asked)
        made: list[Intervention] = []

        def happening(live: Live) -> Intervention:
            wanted = _intervention(live.plan, asked, value)
            node = live.plan.nodes[wanted.node]
            if asked.operation == Operation.COMPLETE and not asked.item:
                _check_choice(live.plan, node, self._definitions.type_of(node), asked)
            made[:] = [wanted]
            return wanted

        told = await self._telling.tell_what_fits(tenant, execution_id, happening)
        if isinstance(told, int):
            return await self._done_before(tenant, execution_id, asked, told)
        live, accepted = told
        state, wanted = live.state, made[0]
        if not accepted:
            if state.end is not None:
                ended = int(state.end.status)
                return await self._done_before(tenant, execution_id, asked, ended)
            why = flaw(state, wanted) or "The node has moved on meanwhile."
            raise Conflict(why, fix="Look at the execution: its nodes say where they stand.")
        ref = NodeRef(wanted.node, wanted.item)
        attempt = state.attempts[wanted.node] if not wanted.item else 0
        if wanted.item and wanted.node in state.fan_outs:
            attempt = state.fan_outs[wanted.node].attempt(wanted.item)
        return NodeNow(state.status_of(ref), attempt)

    async def _done_before(
        self, tenant: str, execution_id: str, asked: Asked, ended: int
    ) -> NodeNow:
        """The answer to an intervention that is said again after the end. Raises `Conflict` if it
        was not done before."""
        wanted = asked.intervention_id

        def is_it(event: Event) -> bool:
            return event.node_intervened.intervention_id == wanted

        if not wanted or not await is_on_record(self._queries, tenant, execution_id, is_it):
            raise _over(execution_id, ended)
        one = GetExecutionRequest(execution_id=execution_id, node=asked.node)
        found = (await self._queries.get_execution(tenant, one)).nodes
        node = found[0] if found else NodeState()
        return NodeNow(int(node.status), node.attempt)

    async def _value(self, tenant: str, asked: Asked) -> Payload:
        json = asked.value_json
        if not json:
            return NULL
        if len(json) > INLINE_BYTES_MAX:
            if asked.item and asked.operation == Operation.EDIT:
                raise PayloadTooLarge(
                    f"{len(json)} bytes; an item takes at most {INLINE_BYTES_MAX}", path="input"
                )
            return await self._payloads.put(tenant, json)
        return Payload(json)


def _over(execution_id: str, status: int) -> Conflict:
    return Conflict(
        f"The execution has ended: it is {ExecutionStatus(status).name}.",
        fix="What has ended stays as it is; start a new execution.",
        execution_id=execution_id,
    )


def _check_people(by: str, reason: str) -> None:
    check_text(by, "by")
    check_text(reason, "reason", REASON_CHARS_MAX)


def _check(asked: Asked) -> None:
    """Refuse what no execution could do."""
    _check_people(asked.by, asked.reason)
    check_text(asked.message, "message", REASON_CHARS_MAX)
    check_text(asked.intervention_id, "id")
    operation, json = asked.operation, asked.value_json
    place = "input" if operation == Operation.EDIT else "output"
    if operation == Operation.EDIT and not json:
        raise InvalidArgument("`input` is missing.", fix="Give the new input.", path="input")
    if json and operation not in (Operation.EDIT, Operation.COMPLETE):
        raise InvalidArgument(
            f"{operation.name.lower()} takes no value.", fix="Leave it out.", path=place
        )
    if len(json) > VALUE_BYTES_MAX:
        raise PayloadTooLarge(f"{len(json)} bytes; the limit is {VALUE_BYTES_MAX}", path=place)
    if json:
        decoded(json, place)
    if asked.chosen and (operation != Operation.COMPLETE or asked.item):
        raise InvalidArgument(
            "Only a node that is completed can choose.", fix="Leave it out.", path="chosen"
        )
    if len(asked.chosen) > CHOSEN_MAX:
        raise InvalidArgument(
            f"{len(asked.chosen)} choices.", fix=f"Give at most {CHOSEN_MAX}.", path="chosen"
        )
    for name in asked.chosen:
        check_text(name, "chosen")
    if asked.message and operation != Operation.FAIL:
        raise InvalidArgument(
            "Only a node that is failed has a message.", fix="Use `reason`.", path="message"
        )


def _intervention(plan: Plan, asked: Asked, value: Payload) -> Intervention:
    """The core's input. Raises `NotFound` if the plan has no such node."""
    at = node_named(plan, asked.node, "node")
    if asked.operation == Operation.EDIT and not asked.item:
        check_edited_input(plan, at, asked.value_json)
    return Intervention(
        at,
        asked.item,
        asked.operation,
        asked.by,
        asked.reason,
        value,
        asked.chosen,
        asked.routed,
        asked.message,
        asked.intervention_id,
    )


def _check_choice(plan: Plan, node: NodePlan, node_type: NodeType | None, asked: Asked) -> None:
    """Refuse a choice that leads nowhere, most likely a typing error: every branch would be
    skipped."""
    known = choices_of(plan, node, node_type)
    there_are = ", ".join(sorted(known)[:20])
    if not asked.routed and must_choose(plan, node, node_type):
        raise InvalidArgument(
            f"Node {node.id} is a router: without a choice all its branches are skipped.",
            fix=f"Give `chosen`, some of: {there_are}.",
            path="chosen",
        )
    if asked.routed and not may_choose(plan, node, node_type):
        raise InvalidArgument(
            f"Node {node.id} is no router: it chooses nothing.",
            fix="Leave `chosen` out.",
            path="chosen",
        )
    unknown = [name for name in asked.chosen if name not in known]
    if unknown:
        raise InvalidArgument(
            f"{unknown[0][:80]!r} is no child and no action of node {node.id}.",
            fix=f"Choose some of: {there_are}.",
            path="chosen",
        )
