"""The load's side of a StartExecutions stream, as cheap as Python allows: requests are put together
from bytes that were made once, answers are read with two look-ups each."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import grpc

from penstock.api.journal.v1.journal_pb2 import EXECUTION_STATUS_COMPLETED, EXECUTION_STATUS_RUNNING
from penstock.api.workflow.v1 import workflow_service_pb2 as pb

_METHOD = "/penstock.api.workflow.v1.WorkflowService/StartExecutions"
_STARTS_FIELD, _ID_FIELD, _START_FIELD = 0x0A, 0x08, 0x12
_FIRST_ID, _LAST_ID = 1 << 14, (1 << 21) - 1
"""Correlation ids whose encoding has three bytes."""
_STARTS_MAX = 1_000
"""Starts of one message."""


class LoadFailed(Exception):
    """An execution was refused or ended badly: the figure would be a lie."""


class StartBytes:
    """Encodes starts of one workflow: only the correlation id differs from one to the next."""

    def __init__(self, start: pb.StartExecutionRequest) -> None:
        body = start.SerializeToString()
        self._tail = bytes((_START_FIELD, len(body))) + body
        size = 4 + len(self._tail)
        if len(body) > 127 or size > 127:
            raise ValueError("a start of the bench must be short")
        self._head = bytes((_STARTS_FIELD, size, _ID_FIELD))

    def message(self, first: int, count: int) -> bytes:
        """A StartExecutionsRequest with starts `first` to `first + count - 1`."""
        head, tail = self._head, self._tail
        return b"".join(
            [
                b"%b%c%c%c%b" % (head, i & 127 | 128, i >> 7 & 127 | 128, i >> 14, tail)
                for i in range(first, first + count)
            ]
        )


class Seen(NamedTuple):
    """What one message told: executions acknowledged as started, and ids of those that ended."""

    acknowledged: int
    ended: list[int]


def read_answers(message: bytes) -> Seen:
    """Take a StartExecutionsResponse apart. Raises `LoadFailed` at the first bad answer."""
    ended: list[int] = []
    acknowledged = 0
    for answer in pb.StartExecutionsResponse.FromString(message).answers:
        status = answer.response.status
        if status == EXECUTION_STATUS_COMPLETED:
            ended.append(answer.correlation_id)
        elif status == EXECUTION_STATUS_RUNNING:
            acknowledged += 1
        else:
            raise LoadFailed(_told(answer))
    return Seen(acknowledged, ended)


def _told(answer: pb.CorrelatedAnswer) -> str:
    if answer.WhichOneof("kind") == "refused":
        return f"refused: {answer.refused.reason}: {answer.refused.message}"
    response = answer.response
    return f"{response.execution_id} ended badly: {response.failure.message or response.status}"


class StartStream:
    """One stream: `launch` starts executions, `messages` tells what became of them.

    Ids count up from `first_id`; `launched` is how many were asked for.
    """

    def __init__(self, channel: grpc.aio.Channel, workflow: str, *, wait_for_end: bool) -> None:
        wait = pb.WAIT_FOR_ENDED if wait_for_end else pb.WAIT_FOR_ACCEPTED
        self._bytes = StartBytes(pb.StartExecutionRequest(workflow=workflow, wait_for=wait))
        self._method: Any = channel.stream_stream(
            _METHOD, request_serializer=None, response_deserializer=None
        )
        self._wanted = asyncio.Event()
        self._sent = 0
        self._closed = False
        self.first_id = _FIRST_ID
        self.launched = 0

    def launch(self, count: int) -> None:
        """Start so many more."""
        self.launched += count
        if self.first_id + self.launched > _LAST_ID:
            raise LoadFailed("more executions than one stream of the bench can number")
        self._wanted.set()

    async def _requests(self) -> AsyncIterator[bytes]:
        while not self._closed:
            await self._wanted.wait()
            count = min(self.launched - self._sent, _STARTS_MAX)
            if count:
                first = self.first_id + self._sent
                self._sent += count
                yield self._bytes.message(first, count)
            elif not self._closed:
                self._wanted.clear()

    async def messages(self) -> AsyncIterator[Seen]:
        """What each message of the other side tells, until `close`."""
        call = self._method(self._requests())
        try:
            async for message in call:
                yield read_answers(message)
                if self._closed:
                    return
        finally:
            self.close()
            call.cancel()

    def close(self) -> None:
        """Ask for nothing more."""
        self._closed = True
        self._wanted.set()
