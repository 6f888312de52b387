"""Watchers of live events, as a client would write them."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp


async def sse_messages(answer: aiohttp.ClientResponse) -> AsyncIterator[tuple[int, dict[str, Any]]]:
    """Id and data of each server-sent event; comments are left out."""
    number = 0
    async for raw in answer.content:
        line = raw.decode().rstrip("\n")
        if line.startswith("id: "):
            number = int(line[4:])
        elif line.startswith("data: "):
            yield number, json.loads(line[6:])


@asynccontextmanager
async def watching(
    http: aiohttp.ClientSession, execution_id: str, query: str = "", **headers: str
) -> AsyncIterator[AsyncIterator[tuple[int, dict[str, Any]]]]:
    """Messages of one execution over SSE."""
    url = f"/v1/executions/{execution_id}/events{query}"
    async with http.get(url, headers=headers, timeout=aiohttp.ClientTimeout(60)) as answer:
        assert answer.status == 200
        assert answer.content_type == "text/event-stream"
        yield sse_messages(answer)


async def socket_messages(socket: aiohttp.ClientWebSocketResponse) -> AsyncIterator[dict[str, Any]]:
    """Messages of one execution over WebSocket, heartbeats left out."""
    async for frame in socket:
        message = json.loads(frame.data)
        if message["type"] != "heartbeat":
            yield message
