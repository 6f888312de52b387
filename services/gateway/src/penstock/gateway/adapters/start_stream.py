"""Starts of executions over one stream per coordinator: whatever gathered goes out as one message.

A start is written once. If the stream breaks before its answer, nobody knows whether it happened: a
start with an idempotency key is sent again on the next stream (it meets the first one there), any
other fails with `Unavailable` and the caller decides. A start that nobody waits for any more is not
sent.
"""

import asyncio
from typing import Any

import grpc
import msgspec

from penstock.api.workflow.v1 import workflow_service_pb2 as workflow
from penstock.api.workflow.v1.workflow_service_pb2_grpc import WorkflowServiceStub
from penstock.common.errors import (
    DeadlineExceeded,
    LimitExceeded,
    PenstockError,
    Unavailable,
    from_facts,
)
from penstock.common.logging import get_logger
from penstock.common.rpc.streams import Outbox
from penstock.common.tracing import current_traceparent
from penstock.gateway.views.executions import is_terminal

_PENDING_MAX = 50_000
"""Starts that wait for an answer; about 2 KiB each."""

_BATCH_MAX = 500
_REACH_S = 2.0
"""How long a start waits for a coordinator that is not there, before the caller is told so."""

_ANSWER_S = 15.0
"""How long a start may take to be on disk."""

_PAUSE_S = 0.1
"""Between attempts to open the stream; the channel itself paces its connections."""


class StreamLost(Exception):
    """The stream that would have told of an execution's end is gone; the execution is not."""

    def __init__(self, accepted: workflow.StartExecutionResponse) -> None:
        """`accepted` is what was answered when it started."""
        super().__init__(accepted.execution_id)
        self.accepted = accepted


class _Pending:
    """One start that waits for its answers."""

    __slots__ = ("accepted", "ended", "keyed", "message", "sent")

    def __init__(self, message: workflow.CorrelatedStart) -> None:
        loop = asyncio.get_running_loop()
        self.message = message
        start = message.start
        self.keyed = bool(start.idempotency_key or start.options.execution_id)
        self.sent = False
        self.accepted: asyncio.Future[workflow.StartExecutionResponse] = loop.create_future()
        self.ended: asyncio.Future[workflow.StartExecutionResponse] | None = (
            loop.create_future() if message.start.wait_for == workflow.WAIT_FOR_ENDED else None
        )

    def resolve(self, answer: workflow.StartExecutionResponse) -> bool:
        """Take an answer; true if it was the last."""
        over = is_terminal(answer.status)
        if not self.accepted.done():
            self.accepted.set_result(answer)
        if self.ended is None:
            return True
        if over and not self.ended.done():
            self.ended.set_result(answer)
        return over

    def fail(self, error: PenstockError) -> None:
        """No answer will come."""
        if not self.accepted.done():
            self.accepted.set_exception(error)
        elif self.ended is not None and not self.ended.done():
            self.ended.set_exception(StreamLost(self.accepted.result()))


def _decoded(text: str) -> Any:
    """The JSON value in `text`, or None if it holds none."""
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return None


def refusal(refused: workflow.StartRefused) -> PenstockError:
    """The error that a coordinator's refusal stands for: its facts as JSON under `facts`, or one by
    one, `issues` then being JSON.
    """
    facts: dict[str, Any] = dict(refused.metadata)
    whole = _decoded(facts.pop("facts", ""))
    if isinstance(whole, dict):
        facts |= whole
    if isinstance(facts.get("issues"), str):
        facts["issues"] = _decoded(facts["issues"]) or []
    return from_facts(refused.reason, refused.message, facts)


def _out_of_reach(address: str) -> Unavailable:
    return Unavailable(f"The coordinator at {address} cannot be reached.", fix="Try again.")


def _told(fault: BaseException) -> str:
    if isinstance(fault, grpc.aio.AioRpcError):
        return fault.details() or fault.code().name
    return str(fault)


class StartStream:
    """The stream to one coordinator. `run` keeps it open; `start` uses it."""

    def __init__(self, channel: grpc.aio.Channel, address: str) -> None:
        self._channel = channel
        self._address = address
        self._stub = WorkflowServiceStub(channel)
        self._outbox: Outbox[_Pending] = Outbox()
        self._pending: dict[int, _Pending] = {}
        self._last_id = 0
        self._up = asyncio.Event()
        self._away = False
        self._log = get_logger("starts")

    @property
    def is_up(self) -> bool:
        """True while the coordinator is reached."""
        return self._up.is_set()

    @property
    def in_flight(self) -> int:
        """Starts that wait for an answer."""
        return len(self._pending)

    async def start(
        self, request: workflow.StartExecutionRequest, tenant: str, wait_s: float | None
    ) -> workflow.StartExecutionResponse:
        """Start and wait for the answer. Raises `StreamLost` if the stream broke after the
        acceptance, with what was accepted.
        """
        if not self._up.is_set():
            await self._reach()
        if len(self._pending) >= _PENDING_MAX:
            raise LimitExceeded(f"{_PENDING_MAX} starts wait for an answer already.")
        self._last_id += 1
        number = self._last_id
        message = workflow.CorrelatedStart(
            correlation_id=number,
            start=request,
            tenant=tenant,
            traceparent=current_traceparent.get(),
        )
        pending = self._pending[number] = _Pending(message)
        self._outbox.put(pending)
        try:
            return await self._answer(pending, wait_s)
        finally:
            self._pending.pop(number, None)

    async def _answer(
        self, pending: _Pending, wait_s: float | None
    ) -> workflow.StartExecutionResponse:
        begun = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(_ANSWER_S):
                first = await pending.accepted
        except TimeoutError:
            raise DeadlineExceeded(
                f"The coordinator did not confirm the start within {_ANSWER_S:.0f} s.",
                fix="Repeat the start with the same Idempotency-Key.",
            ) from None
        if wait_s is None or pending.ended is None or is_terminal(first.status):
            return first
        left = begun + wait_s - asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(max(0.0, left)):
                return await pending.ended
        except TimeoutError:
            return first

    def release(self) -> None:
        """Let whoever waits for an end go with what is known: this process is about to leave."""
        for pending in self._pending.values():
            ended = pending.ended
            if ended is not None and not ended.done() and pending.accepted.done():
                ended.set_result(pending.accepted.result())

    async def _reach(self) -> None:
        """Wait a moment for the coordinator, unless it has been away for longer."""
        if self._away:
            raise _out_of_reach(self._address)
        try:
            async with asyncio.timeout(_REACH_S):
                await self._up.wait()
        except TimeoutError:
            raise _out_of_reach(self._address) from None

    async def run(self) -> None:
        """Keep the stream open until cancelled."""
        while True:
            await self._connect()
            self._up.set()
            cause = "The coordinator closed the stream of starts."
            try:
                await self._converse()
            except* (grpc.aio.AioRpcError, asyncio.InvalidStateError) as faults:
                cause = f"The stream of starts broke: {_told(faults.exceptions[0])}."
            finally:
                self._up.clear()
            self._drop(cause)
            await asyncio.sleep(_PAUSE_S)

    async def _connect(self) -> None:
        """Wait for the channel; whoever waits for it longer than they should is told."""
        while True:
            try:
                async with asyncio.timeout(_REACH_S):
                    await self._channel.channel_ready()
                self._away = False
                return
            except TimeoutError:
                self._away = True
                for number, pending in list(self._pending.items()):
                    del self._pending[number]
                    pending.fail(_out_of_reach(self._address))

    async def _converse(self) -> None:
        """One stream from its opening to its end."""
        call = self._stub.StartExecutions()
        try:
            async with asyncio.TaskGroup() as tasks:
                writing = tasks.create_task(self._write(call))
                async for batch in call:
                    for answer in batch.answers:
                        self._take(answer)
                writing.cancel()
        finally:
            call.cancel()

    async def _write(self, call: Any) -> None:
        async for batch in self._outbox.batches(_BATCH_MAX):
            request = workflow.StartExecutionsRequest()
            for pending in batch:
                if pending.message.correlation_id in self._pending:
                    pending.sent = True
                    request.starts.append(pending.message)
            if request.starts:
                await call.write(request)

    def _take(self, answer: workflow.CorrelatedAnswer) -> None:
        pending = self._pending.get(answer.correlation_id)
        if pending is None:
            return
        if answer.WhichOneof("kind") == "refused":
            pending.fail(refusal(answer.refused))
            del self._pending[answer.correlation_id]
        elif pending.resolve(answer.response):
            del self._pending[answer.correlation_id]

    def _drop(self, cause: str) -> None:
        """The stream is gone: send again what may be, fail the rest that was sent."""
        self._log.warning(
            "start_stream_lost", address=self._address, cause=cause, pending=len(self._pending)
        )
        for number, pending in list(self._pending.items()):
            if not pending.sent:
                continue
            if pending.keyed and not pending.accepted.done():
                pending.sent = False
                self._outbox.put(pending)
                continue
            del self._pending[number]
            pending.fail(
                Unavailable(
                    f"{cause} Whether the execution was started is not known.",
                    fix="Look for it; starts with an Idempotency-Key can be repeated safely.",
                )
            )
