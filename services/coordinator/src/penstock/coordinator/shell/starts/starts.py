"""Starting executions: checks, ids, repeated starts.

A start of a known workflow is decided at once, without asking anybody. Only three kinds take a
detour: the workflow must be fetched, the parameters are too large to be inline, or an idempotency
key makes it possible that this start was made before.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol
from weakref import WeakValueDictionary

import msgspec

from penstock.api.workflow.v1.workflow_service_pb2 import (
    EXECUTION_DETAIL_RESULT,
    WAIT_FOR_ENDED,
    GetExecutionRequest,
    StartExecutionRequest,
    StartExecutionResponse,
)
from penstock.common.errors import (
    Internal,
    InvalidParams,
    LimitExceeded,
    NotFound,
    PayloadTooLarge,
    PenstockError,
    Unavailable,
)
from penstock.common.ids import shard_of
from penstock.common.logging import get_logger
from penstock.common.value_codec import write_failure, write_payload
from penstock.coordinator.core.commands import Finish
from penstock.coordinator.core.inputs import Start
from penstock.coordinator.ports import State
from penstock.coordinator.shell.dispatch.release import MOVED
from penstock.coordinator.shell.dormancy.awakening import Awakening
from penstock.coordinator.shell.live import Confirm, Live, Shard
from penstock.coordinator.shell.process import Process
from penstock.coordinator.shell.room import Room
from penstock.coordinator.shell.shards.shards import Shards
from penstock.coordinator.shell.starts.asked import check_tags, check_text, decoded, decoded_object
from penstock.coordinator.shell.starts.definitions import Definition, Definitions
from penstock.coordinator.shell.starts.presence import Presence
from penstock.coordinator.shell.starts.start_ids import Under, compare, under_of
from penstock.coordinator.shell.starts.start_options import options_of
from penstock.workflow.execution.events import Event, ExecutionStarted, StartOptions
from penstock.workflow.execution.values import (
    INLINE_BYTES_MAX,
    NULL,
    OPEN_STATUSES,
    ExecutionStatus,
    Payload,
)
from penstock.workflow.issues import to_dicts

PARAMS_BYTES_MAX = 1024 * 1024
_DETOURS_MAX = 2_000
"""Starts that wait for state at the same time."""
_ID_TRIES = 4_096
_RUNNING = int(ExecutionStatus.RUNNING)


class Listener(Protocol):
    """Who wants to know of a start. May be told twice: RUNNING, then the end."""

    def on_answer(self, answer: StartExecutionResponse) -> None:
        """It was started, or has ended."""
        ...

    def on_refused(self, error: PenstockError) -> None:
        """It was not started, or it is not known how it ends."""
        ...


class Prepared(msgspec.Struct, frozen=True, gc=False):
    """A start whose parts are made already; `then` are the facts it begins with."""

    definition: Definition
    params: Payload
    trigger: Payload
    tags: tuple[str, ...] = ()
    options: StartOptions | None = None
    then: tuple[Event, ...] = ()


class Call(msgspec.Struct, frozen=True):
    """One start as it was asked for. With `prepare` its parts come from there, once it is known
    that it was not made before; the request then only tells it from others. `under` and `options`
    are set if the engine itself asks; `owed`: it must be made whatever the quotas say;
    `only_known`: an earlier start under the id is told, none is made."""

    tenant: str
    request: StartExecutionRequest
    traceparent: str
    listener: Listener
    prepare: Callable[[], Awaitable[Prepared]] | None = None
    under: Under | None = None
    options: StartOptions | None = None
    owed: bool = False
    only_known: bool = False

    @property
    def waits(self) -> bool:
        """True if the end is to be told."""
        return self.request.wait_for == WAIT_FOR_ENDED


class Waiting:
    """A listener between its start and the end it waits for."""

    __slots__ = ("call", "ended", "existing")

    def __init__(self, call: Call, *, existing: bool) -> None:
        self.call = call
        self.existing = existing
        self.ended = False

    def on_committed(self, live: Live, accepted: bool) -> None:
        """The start is on disk."""
        live.started = True
        if not self.ended:
            self.call.listener.on_answer(answer_of(live, self.existing))

    def on_ended(self, live: Live, end: Finish) -> None:
        """The end is on disk."""
        self.ended = True
        answer = answer_of(live, self.existing)
        answer.status = int(end.status)  # type: ignore[assignment]
        if end.failure is None:
            write_payload(answer.output, end.output)
        else:
            write_failure(answer.failure, end.failure)
        self.call.listener.on_answer(answer)

    def on_failed(self, error: PenstockError) -> None:
        """This coordinator will not know."""
        self.call.listener.on_refused(error)


def answer_of(live: Live, existing: bool) -> StartExecutionResponse:
    """The answer "it runs"."""
    started = live.state.started
    return StartExecutionResponse(
        execution_id=live.id,
        status=_RUNNING,  # type: ignore[arg-type]
        existing=existing,
        version=started.version if started else 0,
    )


class Starts:
    """The way in."""

    def __init__(
        self,
        process: Process,
        definitions: Definitions,
        shards: Shards,
        room: Room,
        awakening: Awakening,
        stored: State,
    ) -> None:
        self._process = process
        self._definitions = definitions
        self._shards = shards
        self._room = room
        self._awakening = awakening
        self._quotas = room.quotas
        self._queries = stored.queries
        self._presence = Presence(stored.queries, process)
        self._payloads = stored.payloads
        self._detours = 0
        self._keyed: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._log = get_logger("starts")

    def start(self, call: Call) -> None:
        """Start one; never waits, the listener is told."""
        request = call.request
        try:
            self._room.check()
            if call.prepare is not None:
                self._take_detour(call)
                return
            check_tags(request.tags)
            check_text(request.idempotency_key, "idempotency_key")
            if call.options is None and request.HasField("options"):
                call = self._with_options(call)
            found = self._definitions.at_hand(call.tenant, request.workflow, request.version)
            params, trigger = request.params_json, request.trigger_json
            large = max(len(params), len(trigger)) > INLINE_BYTES_MAX // 2
            if found is not None and not self._quotas.is_fresh(call.tenant, found.plan.name):
                found = None
            if found is None or large or request.idempotency_key or call.under is not None:
                self._take_detour(call)
                return
            execution_id, shard = self.fresh_id()
            checked = Payload(checked_params(found, params))
            inline = Payload(_checked_trigger(trigger)) if trigger else NULL
            prepared = Prepared(found, checked, inline, tuple(request.tags), call.options)
            self._begin(call, prepared, (execution_id, shard))
        except PenstockError as error:
            call.listener.on_refused(error)
        except Exception as fault:  # noqa: BLE001 - one start must not end the service
            self._refuse_for(fault, call)

    def _with_options(self, call: Call) -> Call:
        """The call with what it asks for beyond parameters. Raises `InvalidArgument`."""
        request = call.request
        options = options_of(request, self._process.clock.now_us())
        under = call.under or under_of(call.tenant, request)
        return msgspec.structs.replace(call, under=under, options=options)

    def _refuse_for(self, fault: Exception, call: Call) -> None:
        self._log.exception("start_failed", error=repr(fault))
        call.listener.on_refused(Internal("the start met a fault of the engine"))

    def fresh_id(self) -> tuple[str, Shard]:
        """An id in one of this coordinator's shards."""
        held, count = self._shards.owned, self._shards.count
        if not held:
            raise Unavailable("this coordinator has no shards yet; try again")
        for _ in range(_ID_TRIES):
            execution_id = self._process.next_id()
            shard = held.get(shard_of(execution_id, count))
            if shard is not None:
                return execution_id, shard
        raise Unavailable("this coordinator has too few shards; try another one")

    def _begin(self, call: Call, prepared: Prepared, place: tuple[str, Shard]) -> None:
        """Make the execution; from here on only the journal decides."""
        definition = prepared.definition
        plan = definition.plan
        execution_id, shard = place
        live = Live(execution_id, call.tenant, shard, plan)
        waiting = Waiting(call, existing=False)
        caller = waiting if call.owed else self._quotas.take(live, waiting)
        if call.waits:
            live.waiters.append(waiting)
        event = ExecutionStarted(
            plan.name,
            definition.version,
            plan.definition_hash,
            call.tenant,
            prepared.params,
            prepared.trigger,
            (*plan.tags, *prepared.tags),
            call.under.fingerprint if call.under is not None else "",
            call.traceparent,
            prepared.options,
        )
        self._room.admit(live, Start(event, prepared.then), caller)

    def _take_detour(self, call: Call) -> None:
        if self._detours >= _DETOURS_MAX and not call.owed:
            raise LimitExceeded("too many starts wait for state", limit=_DETOURS_MAX)
        self._detours += 1
        self._process.tasks.create_task(self._start_slowly(call))

    async def _start_slowly(self, call: Call) -> None:
        try:
            under = call.under or under_of(call.tenant, call.request)
            if under is not None:
                await self._start_under(msgspec.structs.replace(call, under=under), under)
            else:
                await self._start_prepared(call, self.fresh_id)
        except PenstockError as error:
            call.listener.on_refused(error)
        except Exception as fault:  # noqa: BLE001 - one start must not end the service
            self._refuse_for(fault, call)
        finally:
            self._detours -= 1

    async def _start_prepared(self, call: Call, place: Callable[[], tuple[str, Shard]]) -> None:
        """Fetch the plan, store what is large, then decide with what is true by then."""
        request = call.request
        if call.prepare is not None:
            prepared = await call.prepare()
            await self._count(call, prepared.definition)
            self._room.check()
            self._begin(call, prepared, place())
            return
        found = await self._definitions.get(call.tenant, request.workflow, request.version)
        params = await self._stored(call.tenant, checked_params(found, request.params_json))
        trigger = NULL
        if request.trigger_json:
            trigger = await self._stored(call.tenant, _checked_trigger(request.trigger_json))
        await self._count(call, found)
        self._room.check()
        prepared = Prepared(found, params, trigger, tuple(request.tags), call.options)
        self._begin(call, prepared, place())

    async def _count(self, call: Call, found: Definition) -> None:
        if not call.owed:
            await self._quotas.count(call.tenant, found.plan.name)

    async def _stored(self, tenant: str, json: bytes) -> Payload:
        if len(json) > PARAMS_BYTES_MAX:
            raise PayloadTooLarge(f"{len(json)} bytes; the limit is {PARAMS_BYTES_MAX}")
        if len(json) <= INLINE_BYTES_MAX:
            return Payload(json)
        return await self._payloads.put(tenant, json)

    async def _start_under(self, call: Call, under: Under) -> None:
        """A start that may have been made before. Starts with one id take turns, so that of two
        at the same time the second meets the first."""
        execution_id = under.execution_id
        shard = self._shards.of(execution_id)

        def place() -> tuple[str, Shard]:
            """Where it was asked for: under another lease it may have been made meanwhile."""
            if self._shards.of(execution_id) is not shard:
                raise Unavailable(MOVED)
            return execution_id, shard

        lock = self._keyed.get(execution_id)
        if lock is None:
            lock = self._keyed[execution_id] = asyncio.Lock()
        async with lock:
            if await self._met_before(call, under):
                return
            if call.only_known:
                raise NotFound("no start has been made under this id", id=execution_id)
            await self._start_prepared(call, place)

    async def _met_before(self, call: Call, under: Under) -> bool:
        """Answer from the earlier start with this id, if there was one."""
        execution_id, wanted = under.execution_id, under.fingerprint
        if self._join_live(call, execution_id, wanted):
            return True
        is_known = await self._presence.is_known(call.tenant, execution_id)
        if self._join_live(call, execution_id, wanted):
            return True
        if not is_known:
            return False
        rows = await self._queries.read_events(call.tenant, execution_id, 0, 1)
        if not rows:
            raise Unavailable("the earlier start is being swept away; try again")
        compare(rows[0].events[0].execution_started.fingerprint, wanted, call.request)
        asked = GetExecutionRequest(execution_id=execution_id, detail=EXECUTION_DETAIL_RESULT)
        known = await self._queries.get_execution(call.tenant, asked)
        if int(known.status) in OPEN_STATUSES and call.waits:
            awake = await self._awakening.find(execution_id)
            if awake is not None and self._join_live(call, execution_id, wanted):
                return True  # else it has ended, or fell asleep again, meanwhile
            known = await self._queries.get_execution(call.tenant, asked)
        answer = StartExecutionResponse(
            execution_id=execution_id, status=known.status, existing=True, version=known.version
        )
        if int(known.status) in OPEN_STATUSES and call.waits:
            raise Unavailable("the execution is on its way to another coordinator; try again")
        if known.HasField("output"):
            answer.output.CopyFrom(known.output)
        if known.HasField("failure"):
            answer.failure.CopyFrom(known.failure)
        call.listener.on_answer(answer)
        return True

    def _join_live(self, call: Call, execution_id: str, wanted: str) -> bool:
        """Wait with the others for an execution that is live. An answer goes out only once the
        first start is on disk."""
        live = self._room.get(execution_id)
        if live is None:
            return False
        waiting = Waiting(call, existing=True)
        started = live.state.started
        if started is not None:
            had = started.fingerprint if live.tenant == call.tenant else ""
            compare(had, wanted, call.request)
        if call.waits:
            live.waiters.append(waiting)
        if live.started:
            call.listener.on_answer(answer_of(live, existing=True))
        else:
            self._room.put(live, Confirm(), waiting)
        return True


def checked_params(definition: Definition, params_json: bytes) -> bytes:
    """Parameters with defaults filled in. Raises `InvalidParams`, `InvalidArgument`."""
    if not params_json and not definition.checker.declared:
        return b"{}"
    params = decoded_object(params_json, "params") if params_json else {}
    filled, issues = definition.checker.check(params)
    if any(issue.severity == "error" for issue in issues):
        raise InvalidParams(issues=to_dicts(issues), workflow=definition.plan.name)
    return msgspec.json.encode(filled)


def _checked_trigger(json: bytes) -> bytes:
    decoded(json, "trigger")
    return json
