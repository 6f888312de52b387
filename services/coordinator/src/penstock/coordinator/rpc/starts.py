"""Starts over gRPC, many over a stream with batched answers."""

from collections.abc import AsyncIterator

import grpc

from penstock.api.journal.v1.journal_pb2 import EXECUTION_STATUS_RUNNING
from penstock.api.workflow.v1.workflow_service_pb2 import (
    WAIT_FOR_ENDED,
    CorrelatedAnswer,
    StartExecutionResponse,
    StartExecutionsRequest,
    StartExecutionsResponse,
    StartRefused,
)
from penstock.common.errors import PenstockError
from penstock.common.logging import get_logger
from penstock.common.rpc.status import encode_facts
from penstock.common.rpc.streams import Outbox
from penstock.coordinator.shell.starts.starts import Call, Starts

_ANSWERS_MAX = 200
"""Answers in one message: each may hold 64 KiB of output ..."""
_FACTS_BYTES_MAX = 64 * 1024
"""... or as much about what is wrong."""
_FACT_CHARS_MAX = 200


class CorrelatedListener:
    """One start of a stream: answers go into the stream's outbox."""

    __slots__ = ("_correlation_id", "_stream")

    def __init__(self, stream: "StartsStream", correlation_id: int) -> None:
        self._stream = stream
        self._correlation_id = correlation_id

    def on_answer(self, answer: StartExecutionResponse) -> None:
        """It was started, or has ended."""
        told = CorrelatedAnswer(correlation_id=self._correlation_id, response=answer)
        self._stream.tell(
            told, self._correlation_id, over=answer.status != EXECUTION_STATUS_RUNNING
        )

    def on_refused(self, error: PenstockError) -> None:
        """It was not started."""
        refused = StartRefused(
            reason=error.reason, message=error.message[:1000], grpc_code=error.grpc_code.value[0]
        )
        for name, value in error.facts.items():
            refused.metadata[name] = str(value)[:_FACT_CHARS_MAX]
        refused.metadata["facts"] = encode_facts(error, _FACTS_BYTES_MAX)
        told = CorrelatedAnswer(correlation_id=self._correlation_id, refused=refused)
        self._stream.tell(told, self._correlation_id, over=True)


class StartsStream:
    """The answers of one StartExecutions stream. It ends once the caller has closed its side and
    every start is answered for good."""

    def __init__(self, starts: Starts) -> None:
        self._starts = starts
        self._outbox: Outbox[CorrelatedAnswer] = Outbox()
        self._open: set[int] = set()
        self._waits: set[int] = set()
        self._reading = True
        self._log = get_logger("starts")

    def tell(self, answer: CorrelatedAnswer, correlation_id: int, *, over: bool) -> None:
        """Queue an answer; `over` if the execution has ended or was refused."""
        self._outbox.put(answer)
        if over or correlation_id not in self._waits:
            self._open.discard(correlation_id)
            self._waits.discard(correlation_id)
        self._close_if_done()

    def close(self) -> None:
        """End after what is known: the service stops."""
        self._outbox.close()

    def _close_if_done(self) -> None:
        if not self._reading and not self._open:
            self._outbox.close()

    async def read(self, requests: AsyncIterator[StartExecutionsRequest]) -> None:
        """Start what the caller asks for until it closes its side."""
        try:
            async for request in requests:
                self._start_all(request)
        except grpc.aio.BaseError as error:
            self._log.info("start_stream_broke", error=str(error)[:200])
        finally:
            self._reading = False
            self._close_if_done()

    def _start_all(self, request: StartExecutionsRequest) -> None:
        for asked in request.starts:
            correlation_id = asked.correlation_id
            self._open.add(correlation_id)
            if asked.start.wait_for == WAIT_FOR_ENDED:
                self._waits.add(correlation_id)
            listener = CorrelatedListener(self, correlation_id)
            tenant = asked.tenant or "default"
            self._starts.start(Call(tenant, asked.start, asked.traceparent, listener))

    async def answers(self) -> AsyncIterator[StartExecutionsResponse]:
        """Whatever is known since the last message."""
        async for batch in self._outbox.batches(_ANSWERS_MAX):
            yield StartExecutionsResponse(answers=batch)
