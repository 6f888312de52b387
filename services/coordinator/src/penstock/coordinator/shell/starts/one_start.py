"""Starts whose caller waits for the answer."""

import asyncio
from collections.abc import Awaitable, Callable

from penstock.api.journal.v1.journal_pb2 import EXECUTION_STATUS_RUNNING
from penstock.api.workflow.v1.workflow_service_pb2 import (
    WAIT_FOR_ENDED,
    StartExecutionRequest,
    StartExecutionResponse,
)
from penstock.common.errors import PenstockError
from penstock.common.tracing import current_traceparent
from penstock.coordinator.shell.starts.starts import Call, Prepared, Starts


class OneStart:
    """The caller of a unary start: hears the first answer that it waits for."""

    def __init__(self, *, waits: bool) -> None:
        self._waits = waits
        self.done: asyncio.Future[StartExecutionResponse] = (
            asyncio.get_running_loop().create_future()
        )

    def on_answer(self, answer: StartExecutionResponse) -> None:
        """It was started, or has ended."""
        if self._waits and answer.status == EXECUTION_STATUS_RUNNING:
            return
        if not self.done.done():
            self.done.set_result(answer)

    def on_refused(self, error: PenstockError) -> None:
        """It was not started."""
        if not self.done.done():
            self.done.set_exception(error)


async def start_made(
    starts: Starts,
    tenant: str,
    request: StartExecutionRequest,
    prepare: Callable[[], Awaitable[Prepared]],
) -> StartExecutionResponse:
    """Start one whose parts are made when they are needed, and wait for the answer."""
    listener = OneStart(waits=False)
    starts.start(Call(tenant, request, current_traceparent.get(), listener, prepare))
    return await listener.done


async def start_one(
    starts: Starts, tenant: str, request: StartExecutionRequest
) -> StartExecutionResponse:
    """Start one and wait for the answer."""
    listener = OneStart(waits=request.wait_for == WAIT_FOR_ENDED)
    starts.start(Call(tenant, request, current_traceparent.get(), listener))
    return await listener.done
