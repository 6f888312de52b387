"""The bus on a real nats-server: stream, newest message, reception, gap-free feed."""

import asyncio
import socket
import subprocess
import sys
from pathlib import Path

import nats
import pytest

from penstock.api.journal.v1.journal_pb2 import EventBatch
from penstock.common.bus import STREAM, open_bus
from penstock.common.feed import follow_execution
from penstock.common.publication import LANES, Packer, mark_subject
from penstock.common.reception import INBOX_ROWS_MAX, open_reception


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def serve_nats(port: int, store: Path) -> subprocess.Popen[bytes]:
    program = Path(sys.executable).with_name("nats-server")
    command = [program, "-a", "127.0.0.1", "-p", str(port), "-js", "-sd", store]
    return subprocess.Popen(command, stderr=subprocess.DEVNULL)


@pytest.fixture(scope="session")
def nats_url(tmp_path_factory):
    port = free_port()
    server = serve_nats(port, tmp_path_factory.mktemp("nats"))
    yield f"nats://127.0.0.1:{port}"
    server.terminate()
    server.wait()


@pytest.fixture
async def bus(nats_url):
    async with open_bus(nats_url) as bus:
        await bus.ensure_stream()
        yield bus


@pytest.fixture
async def reception(bus):
    async with open_reception(bus) as reception:
        yield reception


def packed(*rows: tuple[str, str, bytes]) -> list[tuple[str, bytes]]:
    packer = Packer()
    for row in rows:
        packer.add(*row)
    return packer.messages()


def batch(execution_id: str, first_seq: int, count: int, *, last: bool = False) -> EventBatch:
    made = EventBatch(execution_id=execution_id, first_seq=first_seq)
    for _ in range(count):
        made.events.add().nodes_queued.nodes.append(1)
    if last:
        made.events[-1].execution_ended.status = 2
    return made


async def test_the_newest_mark_of_a_shard_is_known(bus):
    marks = [(mark_subject(7), b"1"), (mark_subject(8), b"5"), (mark_subject(7), b"2")]
    await bus.publish_confirmed(marks)
    assert await bus.newest(mark_subject(7)) == b"2"
    assert await bus.newest(mark_subject(9)) is None


async def test_followers_of_one_lane_share_a_subscription_and_get_their_own_rows(bus, reception):
    lane_of = "AEIMQ"  # ids that end so are in one lane
    assert len({ord(last) % LANES for last in lane_of}) == 1
    async with (
        reception.inbox("t", "x-A") as first,
        reception.inbox("t", "x-E") as second,
        reception.inbox("t", "x-E") as third,
        reception.inbox("other", "x-A") as elsewhere,
    ):
        assert len(reception._lanes) == 2
        rows = [("t", "x-A", b"1"), ("t", "x-I", b"2"), ("t", "x-E", b"3"), ("t", "x-A", b"4")]
        await bus.publish(packed(*rows, ("other", "x-A", b"5")))
        async with asyncio.timeout(10):
            assert [await first.next(), await first.next()] == [b"1", b"4"]
            assert [await second.next(), await third.next()] == [b"3", b"3"]
            assert await elsewhere.next() == b"5"
    assert not reception._lanes


async def test_a_follower_that_takes_nothing_is_sent_to_the_journal(bus, reception):
    async with reception.inbox("t", "E") as inbox:
        rows = [("t", "E", b"%d" % n) for n in range(INBOX_ROWS_MAX + 2)]
        await bus.publish(packed(*rows))
        async with reception.inbox("t", "A") as other, asyncio.timeout(10):
            await bus.publish(packed(("t", "A", b"x")))
            assert await other.next() == b"x"
        assert await inbox.next() is None
        assert await inbox.next() == b"%d" % (INBOX_ROWS_MAX + 1)


async def test_silence_sends_followers_to_the_journal(bus, reception, monkeypatch):
    monkeypatch.setattr("penstock.common.reception.SILENCE_S", 0.01)
    async with reception.inbox("t", "E") as inbox, asyncio.timeout(10):
        assert await inbox.next() is None


async def test_a_stream_of_an_older_version_gets_the_limits_of_this_one(bus, nats_url):
    client = await nats.connect(nats_url)
    stream = client.jetstream()
    config = (await stream.stream_info(STREAM)).config
    await stream.update_stream(config, max_bytes=1024 * 1024)
    await bus.ensure_stream()
    assert (await stream.stream_info(STREAM)).config.max_bytes > 1024 * 1024
    await client.close()


async def test_a_follower_gets_every_event_once_though_messages_repeat_and_get_lost(bus, reception):
    journal = [batch("E", 1, 2)]
    seen: list[EventBatch] = []

    async def read_events(execution_id: str, after_seq: int) -> list[EventBatch]:
        return [b for b in journal if b.first_seq + len(b.events) > after_seq + 1]

    async for part in follow_execution("t", "E", 1, reception, read_events):
        seen.append(part)
        if part.first_seq == 2:
            journal += [batch("E", 3, 2), batch("E", 5, 1), batch("E", 6, 1, last=True)]
            told = [("t", "E", row.SerializeToString()) for row in journal]
            await bus.publish(packed(told[0], told[0]))
            await bus.publish(packed(told[2]))
    assert [(p.first_seq, len(p.events)) for p in seen] == [(2, 1), (3, 2), (5, 1), (6, 1)]


async def test_a_follower_reads_the_journal_while_the_bus_is_away_and_goes_on_after(
    tmp_path, monkeypatch
):
    monkeypatch.setattr("penstock.common.reception.SILENCE_LOST_S", 0.05)
    port, journal, seen = free_port(), [batch("E", 1, 1)], []

    async def read_events(execution_id: str, after_seq: int) -> list[EventBatch]:
        return [b for b in journal if b.first_seq + len(b.events) > after_seq + 1]

    server = serve_nats(port, tmp_path)
    async with open_bus(f"nats://127.0.0.1:{port}") as bus, open_reception(bus) as reception:
        async with asyncio.timeout(30):
            async for part in follow_execution("t", "E", 0, reception, read_events):
                seen.append(part.first_seq)
                if part.first_seq == 1:
                    server.kill()
                    server.wait()
                    journal.append(batch("E", 2, 1))
                elif part.first_seq == 2:
                    server = serve_nats(port, tmp_path)
                    while not bus.connected or bus.losses == 0:
                        await asyncio.sleep(0.01)
                    await bus.publish(packed(("t", "E", batch("E", 3, 1).SerializeToString())))
                    journal += [batch("E", 3, 1), batch("E", 4, 1, last=True)]
        assert bus.losses == 1
    server.terminate()
    server.wait()
    assert seen == [1, 2, 3, 4]
