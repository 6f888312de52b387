"""New executions out of past ones: some nodes again, or on from a past event.

The past execution is read from the journal, whether it has ended or not, and folded up to the event
that counts. What the new one takes over (`workflow.carry`) stands in its first row,
beside its start, so there is no moment at which it could run what has been carried; from there on
it is an execution like any other, and owes the past one nothing. A repeat with the same key is
answered from the new execution, before anything is read again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec

from penstock.api.history.v1 import history_service_pb2 as pb
from penstock.api.journal.v1.journal_pb2 import EventBatch
from penstock.api.workflow.v1.workflow_service_pb2 import StartExecutionRequest
from penstock.common.errors import (
    InvalidArgument,
    OutcomesDoNotFit,
    PayloadTooLarge,
    no_execution,
)
from penstock.common.journal_codec import batch_from_proto
from penstock.coordinator.ports import State
from penstock.coordinator.shell.hands.plan_nodes import check_edited_input
from penstock.coordinator.shell.starts.asked import check_tags, check_text, decoded, decoded_object
from penstock.coordinator.shell.starts.definitions import Definition, Definitions
from penstock.coordinator.shell.starts.starts import PARAMS_BYTES_MAX, Prepared
from penstock.workflow.carry import Carried, Past, carry_over
from penstock.workflow.execution.events import (
    CarriedOutcome,
    Event,
    ExecutionStarted,
    NodeCompleted,
    Origin,
    OutcomesCarried,
    StartOptions,
)
from penstock.workflow.execution.hand_events import NodeIntervened
from penstock.workflow.execution.values import (
    INLINE_BYTES_MAX,
    NodeRef,
    Operation,
    OriginKind,
    Payload,
)
from penstock.workflow.issues import Issue, to_dicts
from penstock.workflow.plan import Plan

_CARRIED_BYTES_MAX = 4 * 1024 * 1024
"""Outputs that are carried within the first row; beyond that the larger ones are stored apart."""

_WORTH_STORING_BYTES = (16 * 1024, 2 * 1024, 256)
_PUTS_AT_ONCE = 16
_FROM_MAX = 1_000

ORIGIN_TAG = "origin:"
"""Beginning of the tag that names the past execution."""


class Ask(msgspec.Struct, frozen=True):
    """What a request asks for. `at_seq` 0 is now; `material` tells two requests apart."""

    execution_id: str
    kind: OriginKind
    again: tuple[str, ...]
    at_seq: int
    input_json: bytes
    params_json: bytes
    version: int
    latest: bool
    tags: tuple[str, ...]
    key: str
    debug: bool
    material: bytes


class Making(msgspec.Struct, frozen=True):
    """A start that is ready to be made. `request` names it for those that repeat it; `carried` are
    the nodes taken over, filled in by `prepare`."""

    workflow: str
    request: StartExecutionRequest
    prepare: Callable[[], Awaitable[Prepared]]
    carried: list[str]


class Reruns:
    """Makes executions from past ones."""

    def __init__(self, definitions: Definitions, stored: State) -> None:
        self._definitions = definitions
        self._queries = stored.queries
        self._payloads = stored.payloads

    async def rerun(self, tenant: str, request: pb.RerunExecutionRequest) -> Making:
        """Some nodes again, with everything after them. Raises `NotFound`, `InvalidArgument`; what
        it prepares raises `OutcomesDoNotFit` too."""
        again = tuple(dict.fromkeys(request.from_nodes))
        if not 0 < len(again) <= _FROM_MAX:
            raise InvalidArgument(
                f"a re-run begins at 1 to {_FROM_MAX} nodes, here are {len(again)}",
                fix="Name the nodes that are to run again.",
                path="from",
            )
        return await self._making(tenant, _ask(request, OriginKind.RERUN, again, 0))

    async def fork(self, tenant: str, request: pb.ForkExecutionRequest) -> Making:
        """On from a past event. Raises as `rerun`."""
        if not request.at_seq:
            raise InvalidArgument(
                "a fork needs the event to go on from",
                fix="Give its sequence, from 1.",
                path="at_seq",
            )
        return await self._making(tenant, _ask(request, OriginKind.FORK, (), request.at_seq))

    async def _making(self, tenant: str, ask: Ask) -> Making:
        check_tags(ask.tags)
        check_text(ask.key, "idempotency_key")
        if ask.version and ask.latest:
            raise InvalidArgument(
                "a number and `latest` exclude each other", fix="Give one of them.", path="version"
            )
        for json, path in ((ask.params_json, "params"), (ask.input_json, "input")):
            if len(json) > PARAMS_BYTES_MAX:
                message = f"{len(json)} bytes; the limit is {PARAMS_BYTES_MAX}"
                raise PayloadTooLarge(message, path=path)
        if ask.input_json and len(ask.again) != 1:
            raise InvalidArgument(
                "an input is for one node, and several are to run again",
                fix="Name one node in `from`.",
                path="input",
            )
        first = await self._queries.read_events(tenant, ask.execution_id, 0, 1)
        if not first:
            raise no_execution(ask.execution_id)
        workflow = first[0].events[0].execution_started.workflow
        request = StartExecutionRequest(
            workflow=rerun_scope(workflow, ask.execution_id),
            trigger_json=ask.material,
            idempotency_key=ask.key,
        )
        carried: list[str] = []

        async def prepare() -> Prepared:
            return await self._prepared(tenant, ask, carried)

        return Making(workflow, request, prepare, carried)

    async def _prepared(self, tenant: str, ask: Ask, names: list[str]) -> Prepared:
        past = await self._past(tenant, ask)
        started = past.state.started
        assert started is not None
        version = 0 if ask.latest else ask.version or started.version
        found = await self._definitions.get(tenant, started.workflow, version)
        carried = await asyncio.to_thread(carry_over, past, found.plan, ask.again)
        params, flaws = await self._params(tenant, ask, started, found)
        issues = [*carried.issues, *flaws]
        if any(issue.severity == "error" for issue in issues):
            raise OutcomesDoNotFit(issues=to_dicts(issues), workflow=started.workflow)
        then = await self._edited(tenant, ask, found.plan)
        outcomes = await self._slimmed(tenant, carried)
        names += carried.nodes
        if found.plan.uses_vars:
            then = (*carried.changes, *then)
        if outcomes:
            then = (OutcomesCarried(outcomes), *then)
        return Prepared(
            definition=found,
            params=params,
            trigger=started.trigger,
            tags=_tags(ask, started, past),
            options=_options(ask, started, past),
            then=then,
        )

    async def _past(self, tenant: str, ask: Ask) -> Past:
        """The past execution up to the event that counts."""
        past: Past | None = None
        seq = 0
        while not ask.at_seq or seq < ask.at_seq:
            rows = await self._queries.read_events(tenant, ask.execution_id, seq)
            if not rows:
                break
            if past is None:
                past = await self._begun(tenant, rows[0])
            for row in rows:
                _, first_seq, at_us, events = batch_from_proto(row)
                if ask.at_seq:
                    if first_seq > ask.at_seq:
                        break
                    events = events[: ask.at_seq - first_seq + 1]
                past.take(events, first_seq, at_us)
            seq = past.state.seq
            await asyncio.sleep(0)
        if past is None:
            raise no_execution(ask.execution_id)
        if ask.at_seq > seq:
            raise InvalidArgument(
                f"execution {ask.execution_id} has no event {ask.at_seq}",
                fix=f"Its events are 1 to {seq}.",
                path="at_seq",
            )
        return past

    async def _begun(self, tenant: str, first: EventBatch) -> Past:
        definition_hash = first.events[0].execution_started.definition_hash
        return Past(await self._definitions.plan_of(tenant, definition_hash))

    async def _params(
        self, tenant: str, ask: Ask, started: ExecutionStarted, found: Definition
    ) -> tuple[Payload, Sequence[Issue]]:
        """The parameters of the new execution, and what is wrong with them."""
        if ask.params_json:
            given = decoded_object(ask.params_json, "params")
        elif started.definition_hash == found.plan.definition_hash:
            return started.params, ()
        else:
            past = started.params
            json = await self._payloads.get(tenant, past.digest) if past.digest else past.json
            given = decoded(json, "params")
        filled, issues = found.checker.check(given)
        json = msgspec.json.encode(filled)
        if len(json) <= INLINE_BYTES_MAX:
            return Payload(json), issues
        return await self._payloads.put(tenant, json), issues

    async def _edited(self, tenant: str, ask: Ask, plan: Plan) -> tuple[Event, ...]:
        """The other input of the node that runs again, as a fact of the new execution."""
        if not ask.input_json:
            return ()
        node = plan.index_of(ask.again[0])
        check_edited_input(plan, node, ask.input_json)
        value = Payload(ask.input_json)
        if len(ask.input_json) > INLINE_BYTES_MAX:
            value = await self._payloads.put(tenant, ask.input_json)
        return (NodeIntervened(NodeRef(node, 0, 0), Operation.EDIT, reason="re-run", input=value),)

    async def _slimmed(self, tenant: str, carried: Carried) -> tuple[CarriedOutcome, ...]:
        """The outcomes with so many outputs stored apart that they fit into a row."""
        outcomes = list(carried.outcomes)
        for limit in _WORTH_STORING_BYTES:
            if _inline_bytes(outcomes) <= _CARRIED_BYTES_MAX:
                break
            large = [at for at, one in enumerate(outcomes) if _inline(one) > limit]
            for first in range(0, len(large), _PUTS_AT_ONCE):
                try:
                    async with asyncio.TaskGroup() as group:
                        puts = {
                            at: group.create_task(self._stored(tenant, outcomes[at]))
                            for at in large[first : first + _PUTS_AT_ONCE]
                        }
                except ExceptionGroup as failed:
                    raise failed.exceptions[0] from failed
                for at, put in puts.items():
                    outcomes[at] = put.result()
        return tuple(outcomes)

    async def _stored(self, tenant: str, outcome: CarriedOutcome) -> CarriedOutcome:
        assert isinstance(outcome, NodeCompleted)
        stored = await self._payloads.put(tenant, outcome.output.json)
        return msgspec.structs.replace(outcome, output=stored)


def rerun_scope(workflow: str, execution_id: str) -> str:
    """Within what the keys of an execution's re-runs are unique, in place of its workflow."""
    return f"{workflow}\x1f{execution_id}"


def _ask(
    request: pb.RerunExecutionRequest | pb.ForkExecutionRequest,
    kind: OriginKind,
    again: tuple[str, ...],
    at_seq: int,
) -> Ask:
    unkeyed = type(request)()
    unkeyed.CopyFrom(request)  # type: ignore[arg-type]
    unkeyed.idempotency_key = ""
    return Ask(
        execution_id=request.execution_id,
        kind=kind,
        again=again,
        at_seq=at_seq,
        input_json=request.input_json if isinstance(request, pb.RerunExecutionRequest) else b"",
        params_json=request.params_json,
        version=request.version,
        latest=request.latest,
        tags=tuple(request.tags),
        key=request.idempotency_key,
        debug=request.debug,
        material=kind.name.encode() + unkeyed.SerializeToString(deterministic=True),
    )


def _tags(ask: Ask, started: ExecutionStarted, past: Past) -> tuple[str, ...]:
    """Tags that the past start brought (those of the version come with the version), those asked
    for, and the one by which a past execution's successors are found."""
    brought = (
        tag
        for tag in started.tags
        if tag not in past.state.plan.tags and not tag.startswith(ORIGIN_TAG)
    )
    return tuple(dict.fromkeys((*brought, *ask.tags, f"{ORIGIN_TAG}{ask.execution_id}")))


def _options(ask: Ask, started: ExecutionStarted, past: Past) -> StartOptions:
    had: Any = started.options or StartOptions()
    return StartOptions(
        priority=had.priority,
        vars_json=had.vars_json,
        debug=ask.debug,
        origin=Origin(ask.execution_id, past.state.seq, ask.kind),
    )


def _inline(outcome: CarriedOutcome) -> int:
    return len(outcome.output.json) if isinstance(outcome, NodeCompleted) else 0


def _inline_bytes(outcomes: Sequence[CarriedOutcome]) -> int:
    return sum(map(_inline, outcomes))
