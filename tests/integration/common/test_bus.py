"""The bus on a real nats-server: stream, de-duplication, last message, subscription, gap-free
feed."""

import socket
import subprocess
import sys
from pathlib import Path

import nats
import pytest

from penstock.api.journal.v1.journal_pb2 import EventBatch
from penstock.common.bus import STREAM, event_subject, open_bus
from penstock.common.feed import follow_execution


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="session")
def nats_url(tmp_path_factory):
    port = free_port()
    store = tmp_path_factory.mktemp("nats")
    program = Path(sys.executable).with_name("nats-server")
    server = subprocess.Popen(
        [program, "-a", "127.0.0.1", "-p", str(port), "-js", "-sd", store],
        stderr=subprocess.DEVNULL,
    )
    yield f"nats://127.0.0.1:{port}"
    server.terminate()
    server.wait()


@pytest.fixture
async def bus(nats_url):
    async with open_bus(nats_url) as bus:
        await bus.ensure_stream()
        yield bus


def batch(execution_id: str, first_seq: int, count: int, *, last: bool = False) -> EventBatch:
    made = EventBatch(execution_id=execution_id, first_seq=first_seq)
    for _ in range(count):
        made.events.add().nodes_queued.nodes.append(1)
    if last:
        made.events[-1].execution_ended.status = 2
    return made


async def test_the_last_message_of_a_shard_is_known(bus):
    rows = [(event_subject("t", 7, f"E{n}"), f"7:{n}", b"x") for n in range(3)]
    await bus.publish_rows(rows)
    await bus.publish_rows(rows)
    assert await bus.last_message_id(event_subject("*", 7, "*")) == "7:2"
    assert await bus.last_message_id(event_subject("*", 8, "*")) is None


async def test_a_stream_of_an_older_version_gets_the_limits_of_this_one(bus, nats_url):
    client = await nats.connect(nats_url)
    stream = client.jetstream()
    config = (await stream.stream_info(STREAM)).config
    await stream.update_stream(config, max_bytes=1024 * 1024)
    await bus.ensure_stream()
    assert (await stream.stream_info(STREAM)).config.max_bytes > 1024 * 1024
    await client.close()


async def test_a_follower_gets_every_event_once_though_messages_repeat_and_get_lost(bus):
    subject = event_subject("t", 1, "E")
    journal = [batch("E", 1, 2)]
    seen: list[EventBatch] = []

    async def read_events(execution_id: str, after_seq: int) -> list[EventBatch]:
        return [b for b in journal if b.first_seq + len(b.events) > after_seq + 1]

    async for part in follow_execution("E", subject, 1, bus, read_events):
        seen.append(part)
        if part.first_seq == 2:
            journal += [batch("E", 3, 2), batch("E", 5, 1), batch("E", 6, 1, last=True)]
            await bus.publish_rows([(subject, "a", journal[0].SerializeToString())])
            await bus.publish_rows([(subject, "b", journal[2].SerializeToString())])
    assert [(p.first_seq, len(p.events)) for p in seen] == [(2, 1), (3, 2), (5, 1), (6, 1)]
