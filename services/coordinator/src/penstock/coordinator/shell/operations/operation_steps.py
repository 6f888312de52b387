"""What an operation does to one execution, wherever that is. Each step may be repeated: doing it
again changes nothing, and tells the same."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal

import msgspec

from penstock.api.history.v1.history_service_pb2 import RerunExecutionRequest
from penstock.api.operation.v1.operation_service_pb2 import (
    OPERATION_KIND_CANCEL,
    OPERATION_KIND_DELETE,
    OPERATION_KIND_DISCARD,
    OPERATION_KIND_PAUSE,
    OPERATION_KIND_RERUN,
    OPERATION_KIND_RESTORE,
    OPERATION_KIND_RESUME,
    OPERATION_KIND_RETRY,
    OPERATION_KIND_SIGNAL,
    OperationTask,
)
from penstock.api.search.v1.search_service_pb2 import RetryDeadLetterRequest
from penstock.api.workflow.v1.intervention_service_pb2 import (
    PauseExecutionRequest,
    ResumeExecutionRequest,
)
from penstock.api.workflow.v1.workflow_service_pb2 import (
    CancelExecutionRequest,
    SignalExecutionRequest,
)
from penstock.common.errors import Conflict, NotFound, PenstockError, WrongOwner
from penstock.coordinator.operation_ports import OperationStore
from penstock.coordinator.ports import Peers
from penstock.coordinator.shell.hands.hands import Hands
from penstock.coordinator.shell.hands.interventions import Interventions
from penstock.coordinator.shell.operations.dead_letters import DeadLetters
from penstock.coordinator.shell.operations.reruns import Reruns
from penstock.coordinator.shell.starts.one_start import start_made
from penstock.coordinator.shell.starts.starts import Starts
from penstock.workflow.execution.values import ExecutionStatus

_TRIES = 12
_PAUSE_FIRST_S = 0.05
_PAUSE_MAX_S = 2.0

BY = "operation"
"""Who pauses and resumes, for people."""


class Stepped(msgspec.Struct, frozen=True):
    """What became of one execution."""

    outcome: Literal["done", "skipped", "failed"]
    reason: str = ""
    message: str = ""


DONE = Stepped("done")


class Work(msgspec.Struct, frozen=True):
    """One step that is to be made; `repeated` if it may have been made already."""

    tenant: str
    operation_id: str
    task: OperationTask
    execution_id: str
    repeated: bool = False


class Means(msgspec.Struct, frozen=True):
    """What steps are made with."""

    interventions: Interventions
    hands: Hands
    letters: DeadLetters
    reruns: Reruns
    starts: Starts
    store: OperationStore
    peers: Peers


class Steps:
    """Makes steps: here, or at the coordinator that owns the execution."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._kinds: Mapping[int, Callable[[Work], Awaitable[Stepped]]] = {
            OPERATION_KIND_CANCEL: self._cancel,
            OPERATION_KIND_PAUSE: self._pause,
            OPERATION_KIND_RESUME: self._resume,
            OPERATION_KIND_SIGNAL: self._signal,
            OPERATION_KIND_RETRY: self._retry,
            OPERATION_KIND_DISCARD: self._discard,
            OPERATION_KIND_RESTORE: self._restore,
            OPERATION_KIND_DELETE: self._delete,
            OPERATION_KIND_RERUN: self._rerun,
        }

    async def make(self, work: Work) -> Stepped:
        """Make a step, again while that may help. Never raises an operating error."""
        pause_s = _PAUSE_FIRST_S
        for tries in range(1, _TRIES + 1):
            try:
                return await self._kinds[work.task.kind](work)
            except PenstockError as error:
                passes = error.retryable or "retry_after_s" in error.facts
                if not passes and isinstance(error, NotFound | Conflict):
                    return Stepped("skipped", error.reason, error.message)
                if not passes or tries == _TRIES:
                    return Stepped("failed", error.reason, error.message)
            await asyncio.sleep(pause_s)
            pause_s = min(_PAUSE_MAX_S, pause_s * 2)
        raise AssertionError("the last try returns")

    async def _there(self, work: Work, here: Awaitable[Any], request: Any) -> Any:
        """Do it here, or ask the owner for it."""
        try:
            return await here
        except WrongOwner as error:
            owner = str(error.facts.get("owner") or "")
            if not owner:
                raise
            return await self._means.peers.ask(owner, work.tenant, request)

    async def _cancel(self, work: Work) -> Stepped:
        id_, reason = work.execution_id, work.task.reason
        here = self._means.interventions.cancel(work.tenant, id_, reason)
        told = await self._there(
            work, here, CancelExecutionRequest(execution_id=id_, reason=reason)
        )
        return _if_status(told, ExecutionStatus.CANCELLED)

    async def _pause(self, work: Work) -> Stepped:
        request = PauseExecutionRequest(
            execution_id=work.execution_id,
            by=BY,
            reason=work.task.reason,
            request_id=work.operation_id,
        )
        told = await self._there(work, self._means.hands.pause(work.tenant, request), request)
        return DONE if told.repeated else _if_status(told, ExecutionStatus.PAUSED)

    async def _resume(self, work: Work) -> Stepped:
        request = ResumeExecutionRequest(
            execution_id=work.execution_id,
            by=BY,
            reason=work.task.reason,
            request_id=work.operation_id,
        )
        told = await self._there(work, self._means.hands.resume(work.tenant, request), request)
        return DONE if told.repeated else _if_status(told, ExecutionStatus.RUNNING)

    async def _signal(self, work: Work) -> Stepped:
        id_, task = work.execution_id, work.task
        here = self._means.interventions.signal(
            work.tenant, id_, task.signal_name, task.signal_json, work.operation_id
        )
        request = SignalExecutionRequest(
            execution_id=id_,
            name=task.signal_name,
            payload_json=task.signal_json,
            signal_id=work.operation_id,
        )
        await self._there(work, here, request)
        return DONE

    async def _retry(self, work: Work) -> Stepped:
        request = RetryDeadLetterRequest(
            execution_id=work.execution_id,
            version=work.task.version,
            from_start=work.task.from_start,
        )
        await self._there(work, self._means.letters.retry(work.tenant, request), request)
        return DONE

    async def _discard(self, work: Work) -> Stepped:
        await self._means.letters.discard(work.tenant, work.execution_id, work.task.reason)
        return DONE

    async def _restore(self, work: Work) -> Stepped:
        await self._means.letters.restore(work.tenant, work.execution_id)
        return DONE

    async def _delete(self, work: Work) -> Stepped:
        try:
            await self._means.store.erase(work.tenant, work.execution_id)
        except NotFound:
            if not work.repeated:
                raise
        return DONE

    async def _rerun(self, work: Work) -> Stepped:
        request = RerunExecutionRequest(
            execution_id=work.execution_id,
            from_nodes=work.task.from_nodes,
            version=work.task.version,
            idempotency_key=f"operation:{work.operation_id}",
        )
        await self._there(work, self._rerun_here(work, request), request)
        return DONE

    async def _rerun_here(self, work: Work, request: RerunExecutionRequest) -> None:
        making = await self._means.reruns.rerun(work.tenant, request)
        await start_made(self._means.starts, work.tenant, making.request, making.prepare)


def _if_status(told: Any, wanted: ExecutionStatus) -> Stepped:
    """Done if the execution stands as wanted; told as a number, or in an answer."""
    status = ExecutionStatus(told if isinstance(told, int) else told.status)
    if status == wanted:
        return DONE
    return Stepped("skipped", "CONFLICT", f"the execution is {status.name}")
