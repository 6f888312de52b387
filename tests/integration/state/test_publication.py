"""Publication to a real JetStream."""

import asyncio
from dataclasses import replace

import pytest

from penstock.common.bus import STREAM, open_bus
from penstock.common.publication import mark_body, mark_subject
from penstock.common.reception import open_reception
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


@pytest.fixture
async def reception(bus):
    async with open_reception(bus) as reception:
        yield reception


async def told(inbox):
    """The next row, whatever the inbox doubts."""
    async with asyncio.timeout(20):
        while (body := await inbox.next()) is None:
            pass
        return body


async def append(client, shard, *records, position=1):
    epoch = await client.lease()
    stream = client.journal.Append()
    await stream.write(request(1, write(shard, epoch, position, *records)))
    assert not (await stream.read()).fenced_shards
    stream.cancel()


async def test_committed_rows_reach_who_watches_the_execution(reception, client):
    async with reception.inbox("default", an_id(1)) as inbox:
        await append(client, 1, start(1), start(2), step(1, 3))
        assert await told(inbox) == start(1).body
        assert await told(inbox) == step(1, 3).body


async def marked(bus, shard, position):
    async with asyncio.timeout(20):
        while await bus.newest(mark_subject(shard)) != mark_body(position):
            await asyncio.sleep(0.02)


async def test_a_restart_publishes_what_the_last_process_did_not(
    settings, bus, reception, open_client
):
    mute = replace(settings, nats_url="")
    async with open_state(mute, asyncio.Event()) as server, open_client(server.address) as client:
        await append(client, 5, *(start(n) for n in range(1, 8)))
    assert await bus.newest(mark_subject(5)) is None
    async with reception.inbox("default", an_id(7)) as inbox, open_state(settings, asyncio.Event()):
        await marked(bus, 5, 7)
        assert await told(inbox) == start(7).body


async def test_a_restart_tells_again_only_what_came_after_the_newest_mark(
    settings, bus, reception, open_client
):
    async with (
        open_state(settings, asyncio.Event()) as server,
        open_client(server.address) as client,
    ):
        await append(client, 4, start(1))
        await marked(bus, 4, 1)
    mute = replace(settings, nats_url="")
    async with open_state(mute, asyncio.Event()) as server, open_client(server.address) as client:
        await append(client, 4, step(1, 3), position=2)
    async with reception.inbox("default", an_id(1)) as inbox, open_state(settings, asyncio.Event()):
        assert await told(inbox) == step(1, 3).body
        await marked(bus, 4, 2)


async def test_a_row_too_large_for_the_bus_is_told_without_its_body(reception, client):
    async with reception.inbox("default", an_id(1)) as inbox:
        await append(client, 1, start(1, padding=600_000))
        async with asyncio.timeout(20):
            assert await inbox.next() is None
        await append(client, 1, step(1, 3), position=2)
        assert await told(inbox) == step(1, 3).body


async def test_the_service_serves_while_nats_is_away(settings, open_client):
    away = replace(settings, nats_url="nats://127.0.0.1:1")
    async with open_state(away, asyncio.Event()) as server, open_client(server.address) as client:
        await append(client, 6, start(1))


async def test_after_jetstream_lost_everything_live_executions_are_told_again(
    bus, reception, client
):
    await append(client, 2, start(11), start(12), end(12, 3))
    await marked(bus, 2, 3)
    await bus._stream.delete_stream(STREAM)
    async with reception.inbox("default", an_id(11)) as inbox:
        await append(client, 3, start(13))
        await marked(bus, 3, 1)
        assert await told(inbox) == start(11).body
        await marked(bus, 2, 3)
