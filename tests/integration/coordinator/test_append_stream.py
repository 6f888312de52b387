"""The append stream against a server that breaks it."""

import asyncio

import pytest

from penstock.api.state.v1.state_service_pb2 import AppendRequest, AppendResponse
from penstock.api.state.v1.state_service_pb2_grpc import (
    JournalServiceServicer,
    add_JournalServiceServicer_to_server,
)
from penstock.common.errors import Unavailable
from penstock.common.rpc.channel import open_channel
from penstock.common.rpc.server import open_server
from penstock.coordinator.adapters.journal import AppendStream


class BreakingState(JournalServiceServicer):
    """Answers some requests of each stream, then breaks it; notes what came."""

    def __init__(self, answers_per_stream: list[int]) -> None:
        self._plan = answers_per_stream
        self.streams: list[list[int]] = []

    async def Append(self, request_iterator, context):
        seen: list[int] = []
        self.streams.append(seen)
        left = self._plan.pop(0) if self._plan else 1_000
        async for request in request_iterator:
            seen.append(request.batch_id)
            if not left:
                raise Unavailable("breaking")
            left -= 1
            yield AppendResponse(batch_id=request.batch_id)


@pytest.mark.parametrize("plan", [[], [0], [1, 0, 2], [0, 0, 1]])
async def test_every_append_is_answered_once_and_in_order(plan):
    state = BreakingState(list(plan))
    answers: list[int] = []
    async with (
        open_server(
            "127.0.0.1:0",
            lambda server: add_JournalServiceServicer_to_server(state, server),
            services=("penstock.api.state.v1.JournalService",),
        ) as server,
        open_channel(server.address) as channel,
    ):
        stream = AppendStream(channel)
        done = asyncio.Event()

        def on_answer(answer: AppendResponse) -> None:
            answers.append(answer.batch_id)
            if len(answers) == 5:
                done.set()

        for batch_id in range(1, 6):
            stream.send(AppendRequest(batch_id=batch_id))
        async with asyncio.timeout(20), asyncio.TaskGroup() as group:
            running = group.create_task(stream.run(on_answer))
            await done.wait()
            assert stream.connected
            running.cancel()
    assert answers == [1, 2, 3, 4, 5]
    assert state.streams[-1] == sorted(state.streams[-1])
