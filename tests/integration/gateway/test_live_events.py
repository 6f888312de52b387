"""Live events over SSE and WebSocket: one schema, every number once, whatever happens."""

import asyncio

import pytest
from aiohttp import WSServerHandshakeError

from penstock.gateway.http.requests import KEY_CHARS_MAX
from support.gateway.watchers import socket_messages, sse_messages, watching


async def started(gateway):
    async with gateway.http.post("/v1/workflows/slow/executions") as answer:
        body = await answer.json()
    return gateway.cluster.executions[body["id"]]


async def collected(messages):
    return [message async for message in messages]


def numbers(messages):
    return [message["seq"] for message in messages]


async def test_a_watcher_gets_a_snapshot_and_then_every_event_up_to_the_last(gateway):
    execution = await started(gateway)
    execution.complete(0, b'{"x":1}')
    async with watching(gateway.http, execution.id) as messages:
        number, snapshot = await anext(messages)
        assert (number, snapshot["type"], snapshot["seq"]) == (3, "snapshot", 3)
        assert snapshot["execution"]["status"] == "RUNNING"
        execution.complete(1, b"2")
        execution.end(b"3")
        rest = await collected(messages)
    assert [number for number, _ in rest] == [4, 5, 6]
    assert [message["event"]["type"] for _, message in rest] == [
        "NODE_STATE_CHANGED",
        "NODE_STATE_CHANGED",
        "EXECUTION_COMPLETED",
    ]
    assert rest[1][1]["event"]["nodes"] == [
        {"id": "second", "status": "COMPLETED", "attempt": 1, "output": 2}
    ]
    assert rest[2][1]["event"]["output"] == 3


async def test_a_socket_tells_the_same_as_a_stream(gateway):
    execution = await started(gateway)
    url = f"/v1/executions/{execution.id}/ws"
    async with (
        watching(gateway.http, execution.id) as stream,
        gateway.http.ws_connect(url, protocols=["penstock.v1.json"]) as socket,
    ):
        assert socket.protocol == "penstock.v1.json"
        async with asyncio.TaskGroup() as tasks:
            over_socket = tasks.create_task(collected(socket_messages(socket)))
            over_stream = tasks.create_task(collected(stream))
            execution.complete(0, b"1")
            execution.end(b"2")
        assert socket.close_code == 1000
    assert over_socket.result() == [message for _, message in over_stream.result()]
    assert over_socket.result()[-1]["event"]["status"] == "COMPLETED"


@pytest.mark.parametrize("after", range(8))
async def test_a_watcher_that_comes_back_misses_nothing_and_gets_nothing_twice(gateway, after):
    execution = await started(gateway)
    for node in (0, 1, 0):
        execution.complete(node, b"1")
    async with watching(gateway.http, execution.id, **{"Last-Event-ID": str(after)}) as messages:
        execution.end(b"2")
        got = await collected(messages)
    assert [number for number, _ in got] == list(range(after + 1, 9))
    assert {message["type"] for _, message in got} == {"event"}


async def test_a_watcher_may_resume_by_query_too(gateway):
    execution = await started(gateway)
    execution.end(b"2")
    url = f"/v1/executions/{execution.id}/ws?after=1"
    async with gateway.http.ws_connect(url) as socket:
        assert numbers(await collected(socket_messages(socket))) == [2]


async def test_an_ended_execution_gives_its_snapshot_and_ends(gateway):
    execution = await started(gateway)
    execution.end(b"2")
    async with watching(gateway.http, execution.id) as messages:
        ((number, message),) = await collected(messages)
    assert (number, message["execution"]["output"]) == (2, 2)


async def test_a_watcher_who_has_seen_everything_is_told_not_to_ask_again(gateway):
    execution = await started(gateway)
    execution.end(b"2")
    url = f"/v1/executions/{execution.id}/events?after=2"
    async with gateway.http.get(url) as answer:
        assert answer.status == 204


async def test_watchers_of_one_execution_share_one_feed_and_one_read(gateway):
    execution = await started(gateway)
    reads = gateway.cluster.reads
    streams = [watching(gateway.http, execution.id) for _ in range(20)]
    async with asyncio.TaskGroup() as tasks:

        async def watch(stream):
            async with stream as messages:
                assert (await anext(messages))[0] == 1
                opened.release()
                return [number for number, _ in await collected(messages)]

        opened = asyncio.Semaphore(0)
        watchers = [tasks.create_task(watch(stream)) for stream in streams]
        for _ in watchers:
            await opened.acquire()
        execution.complete(0, b"1")
        execution.end(b"2")
    assert [watcher.result() for watcher in watchers] == [[2, 3, 4]] * 20
    assert gateway.cluster.follows == 1
    assert gateway.cluster.reads == reads + 1


async def test_a_quiet_execution_sends_signs_of_life(gateway):
    execution = await started(gateway)
    url = f"/v1/executions/{execution.id}"
    async with (
        gateway.http.get(f"{url}/events") as answer,
        gateway.http.ws_connect(f"{url}/ws") as socket,
    ):
        lines = []
        while b": ping\n" not in lines:
            lines.append(await answer.content.readline())
        assert (await socket.receive_json())["type"] == "snapshot"
        assert await socket.receive_json() == {
            "type": "heartbeat",
            "seq": 1,
            "execution_id": execution.id,
        }


async def test_a_slow_watcher_gets_a_snapshot_and_holds_up_nobody(gateway, monkeypatch):
    monkeypatch.setattr("penstock.gateway.live.topic.EVENTS_MAX", 8)
    execution = await started(gateway)
    url = f"/v1/executions/{execution.id}/events"
    text = b'"' + b"x" * 60_000 + b'"'
    async with gateway.http.get(url) as slow, watching(gateway.http, execution.id) as fast:
        lazy = sse_messages(slow)
        assert (await anext(lazy))[0] == 1
        assert (await anext(fast))[0] == 1
        for _ in range(300):
            execution.complete(0, text)
            assert (await anext(fast))[1]["event"]["kind"] == "nodes_queued"
            assert (await anext(fast))[1]["event"]["kind"] == "node_completed"
        execution.end(b"2")
        assert [number for number, _ in await collected(fast)] == [602]
        got = await collected(lazy)
    kinds = [message["type"] for _, message in got]
    assert "snapshot" in kinds
    assert [number for number, _ in got] == sorted({number for number, _ in got})
    assert got[-1][0] == 602


async def test_a_watcher_who_leaves_ends_the_feed(gateway):
    execution = await started(gateway)
    async with watching(gateway.http, execution.id) as messages:
        await anext(messages)
        assert gateway.metrics.topics._value.get() == 1
    execution.complete(0, b"1")
    async with asyncio.timeout(10):
        while gateway.metrics.topics._value.get():
            await asyncio.sleep(0.01)


async def test_watchers_are_told_when_the_gateway_goes_away(gateway):
    execution = await started(gateway)
    url = f"/v1/executions/{execution.id}/ws"
    async with (
        watching(gateway.http, execution.id) as stream,
        gateway.http.ws_connect(url) as socket,
    ):
        await anext(stream)
        assert (await socket.receive_json())["type"] == "snapshot"
        async with asyncio.timeout(2):
            gateway.hub.close()
            assert await collected(stream) == []
            assert await collected(socket_messages(socket)) == []
        assert socket.close_code == 1001
    async with gateway.http.get(f"/v1/executions/{execution.id}/events") as answer:
        assert answer.status == 503


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/executions/{id}/ws?after=x", 400),
        ("/v1/executions/abc/ws", 404),
        (f"/v1/executions/{256 * 'x'}/ws", 400),
        ("/v1/executions/01JD0000000000000000000000/ws", 404),
        ("/v1/nowhere/ws", 404),
    ],
)
async def test_a_socket_that_cannot_be_served_is_refused_with_a_status(gateway, path, status):
    execution = await started(gateway)
    with pytest.raises(WSServerHandshakeError) as refused:
        await gateway.http.ws_connect(path.format(id=execution.id))
    assert refused.value.status == status


async def test_a_socket_that_speaks_something_else_is_refused(gateway):
    execution = await started(gateway)
    url = f"/v1/executions/{execution.id}/ws"
    with pytest.raises(WSServerHandshakeError) as refused:
        await gateway.http.ws_connect(url, protocols=["soap"])
    assert refused.value.status == 400


async def test_what_a_client_says_on_a_socket_is_taken_and_ignored(gateway):
    execution = await started(gateway)
    async with gateway.http.ws_connect(f"/v1/executions/{execution.id}/ws") as socket:
        for _ in range(KEY_CHARS_MAX):
            await socket.send_str("hello")
        execution.end(b"2")
        assert numbers(await collected(socket_messages(socket))) == [1, 2]
