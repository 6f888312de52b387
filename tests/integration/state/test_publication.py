"""Publication to a real JetStream."""

import asyncio
from dataclasses import replace

import pytest

from penstock.common.bus import STREAM, event_subject, open_bus
from penstock.state.service import open_state
from support.state_rows import an_id, end, request, start, step, write


@pytest.fixture
def settings(settings, nats_url):
    return replace(settings, nats_url=nats_url)


@pytest.fixture
async def bus(nats_url):
    async with open_bus(nats_url) as bus:
        await bus.ensure_stream()
        yield bus


async def append(client, shard, *records, position=1):
    epoch = await client.lease()
    stream = client.journal.Append()
    await stream.write(request(1, write(shard, epoch, position, *records)))
    assert not (await stream.read()).fenced_shards
    stream.cancel()


async def test_committed_rows_reach_who_watches_the_execution(bus, client):
    async with bus.subscribe(event_subject("default", 1, an_id(1))) as messages:
        await append(client, 1, start(1), start(2), step(1, 3))
        assert await messages.next(10) == start(1).body
        assert await messages.next(10) == step(1, 3).body


async def newest(bus, shard, expected):
    async with asyncio.timeout(20):
        while await bus.last_message_id(event_subject("*", shard, "*")) != expected:
            await asyncio.sleep(0.02)


async def test_a_restart_publishes_what_the_last_process_did_not(settings, bus, open_client):
    mute = replace(settings, nats_url="")
    async with open_state(mute, asyncio.Event()) as server, open_client(server.address) as client:
        await append(client, 5, *(start(n) for n in range(1, 8)))
    assert await bus.last_message_id(event_subject("*", 5, "*")) is None
    async with open_state(settings, asyncio.Event()):
        await newest(bus, 5, "5:7")


async def test_the_service_serves_while_nats_is_away(settings, open_client):
    away = replace(settings, nats_url="nats://127.0.0.1:1")
    async with open_state(away, asyncio.Event()) as server, open_client(server.address) as client:
        await append(client, 6, start(1))


async def test_after_jetstream_lost_everything_live_executions_are_told_again(bus, client):
    await append(client, 2, start(11), start(12), end(12, 3))
    await newest(bus, 2, "2:3")
    await bus._stream.delete_stream(STREAM)
    async with bus.subscribe(event_subject("default", 2, an_id(11))) as messages:
        await append(client, 3, start(13))
        await newest(bus, 3, "3:1")
        assert await messages.next(10) == start(11).body
        await newest(bus, 2, "2:3")
