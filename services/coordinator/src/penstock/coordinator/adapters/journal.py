"""Appends to state over one stream, re-sent in order whenever the stream breaks.

State recognises a batch that was committed before (same epoch, same positions), so sending again
is harmless; answers come in the order of the requests.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

import grpc

from penstock.api.state.v1.state_service_pb2 import AppendRequest, AppendResponse
from penstock.api.state.v1.state_service_pb2_grpc import JournalServiceStub
from penstock.common.cancellation import insist_on_cancel
from penstock.common.invariant import invariant
from penstock.common.logging import get_logger

_BACKOFF_FIRST_S = 0.05
_BACKOFF_MAX_S = 1.0


class AppendStream:
    """The journal's port over gRPC."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._channel = channel
        self._stub: Any = JournalServiceStub(channel)
        self._unanswered: deque[AppendRequest] = deque()
        self._written = 0
        self._filled = asyncio.Event()
        self._connected = False
        self._log = get_logger("journal")

    @property
    def connected(self) -> bool:
        """False while state cannot be reached."""
        return self._connected

    def send(self, request: AppendRequest) -> None:
        """Queue an append."""
        self._unanswered.append(request)
        self._filled.set()

    async def run(self, on_answer: Callable[[AppendResponse], None]) -> None:
        """Keep a stream open for ever."""
        backoff_s = _BACKOFF_FIRST_S
        while True:
            await self._channel.channel_ready()
            if await self._session(on_answer):
                backoff_s = _BACKOFF_FIRST_S
            self._connected = False
            await asyncio.sleep(backoff_s)
            backoff_s = min(_BACKOFF_MAX_S, backoff_s * 2)

    async def _session(self, on_answer: Callable[[AppendResponse], None]) -> bool:
        """One stream from opening to loss; True if it carried any answer."""
        self._written = 0
        answered = False
        call = self._stub.Append()
        self._connected = True
        try:
            async with asyncio.TaskGroup() as group:
                writer = group.create_task(self._write(call))
                async for answer in call:
                    answered = True
                    self._take(answer)
                    on_answer(answer)
                writer.cancel()
        except* (grpc.aio.AioRpcError, asyncio.InvalidStateError) as broken:
            self._log.warning(
                "append_stream_lost",
                unanswered=len(self._unanswered),
                error=str(broken.exceptions[0]).partition("\n")[0][:200],
            )
        finally:
            call.cancel()
        insist_on_cancel()
        return answered

    def _take(self, answer: AppendResponse) -> None:
        request = self._unanswered.popleft()
        self._written -= 1
        invariant(
            request.batch_id == answer.batch_id,
            "state answered out of order",
            expected=request.batch_id,
            got=answer.batch_id,
        )

    async def _write(self, call: Any) -> None:
        while True:
            while self._written < len(self._unanswered):
                request = self._unanswered[self._written]
                self._written += 1
                await call.write(request)
            self._filled.clear()
            await self._filled.wait()
