"""Live events over a real nats-server."""

import asyncio
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from penstock.api.workflow.v1.workflow_service_pb2 import StartExecutionRequest
from penstock.common.bus import open_bus
from penstock.common.publication import Packer
from penstock.gateway.live.feeds import open_feeds
from support.gateway.fake_cluster import FakeCluster, FakeExecution


@pytest.fixture
def nats_url(tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    program = Path(sys.executable).with_name("nats-server")
    command = [program, "-a", "127.0.0.1", "-p", str(port), "-js", "-sd", tmp_path]
    server = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    yield f"nats://127.0.0.1:{port}"
    server.terminate()
    server.wait()


class JournalOf:
    """Reads of one execution; the rest of the port is not needed here."""

    def __init__(self, execution: FakeExecution) -> None:
        self._execution = execution

    async def events(self, execution_id, tenant, after_seq, events_max=0):
        assert (execution_id, tenant) == (self._execution.id, "default")
        rows = self._execution.batches
        return [row for row in rows if row.first_seq + len(row.events) > after_seq + 1], False


async def test_events_come_over_the_bus_and_what_it_lost_from_the_journal(nats_url):
    cluster = FakeCluster()
    execution, _ = cluster.begin(StartExecutionRequest(workflow="slow"))
    async with open_bus(nats_url) as bus, open_feeds(nats_url, JournalOf(execution)) as feeds:
        await bus.ensure_stream()
        async with asyncio.timeout(20):
            while not feeds.connected:
                await asyncio.sleep(0.01)
        seen: list[int] = []
        async for batch in feeds.follow(execution.id, "default", 0):
            seen += range(batch.first_seq, batch.first_seq + len(batch.events))
            if seen == [1]:
                execution.complete(0, b"1")
                execution.complete(1, b"2")
                await bus.publish(newest_of(execution))
            elif seen[-1] == 5:
                execution.end(b"3")
                await bus.publish(newest_of(execution))
    assert seen == [1, 2, 3, 4, 5, 6]


def newest_of(execution: FakeExecution) -> list[tuple[str, bytes]]:
    packer = Packer()
    packer.add("default", execution.id, execution.batches[-1].SerializeToString())
    return packer.messages()
