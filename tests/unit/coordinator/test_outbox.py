"""The outbox: what is read from the table and what commits tell of are taken once; what takes long
holds nobody up."""

import asyncio

from prometheus_client import CollectorRegistry

from penstock.api.peer.v1.peer_service_pb2 import Arrived, Delivery, Notice, StartNotice
from penstock.common.clock import SystemClock
from penstock.common.value_codec import write_failure
from penstock.coordinator.shell.dues import Owed
from penstock.coordinator.shell.live import Phase, Shard
from penstock.coordinator.shell.notices.outbox import NoPeers, Outbox
from penstock.coordinator.shell.notices.outbox_metrics import OutboxMetrics
from penstock.coordinator.shell.notices.receiving import Receiving
from penstock.workflow.execution.values import Failure
from support.coordinator.desk import TurnedClock


class OnDisk:
    """One notice that was committed a moment ago."""

    async def page(self, shard, after_id, limit):
        return ([(5, Notice(target_id="x").SerializeToString())] if after_id < 5 else []), False

    async def settle(self, arrived, refused=()):
        raise AssertionError("nothing arrived")


async def test_a_notice_that_the_reader_found_first_is_not_taken_again():
    shard = Shard(1, 1, 0)
    shard.phase = Phase.OWNED
    outbox = Outbox(OnDisk(), None, NoPeers(), None, SystemClock())
    outbox.on_loaded(shard)
    reading = asyncio.create_task(outbox._read())
    while not len(outbox):
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    outbox.on_owed([Owed(shard, 5, Notice(target_id="x"))])
    assert len(outbox) == 1
    outbox.on_owed([Owed(shard, 6, Notice(target_id="x"))])
    assert len(outbox) == 2
    reading.cancel()


async def test_metrics_tell_how_much_is_owed_and_for_how_long():
    shard = Shard(1, 1, 0)
    shard.phase = Phase.OWNED
    clock = TurnedClock()
    outbox = Outbox(OnDisk(), None, NoPeers(), None, clock)
    registry = CollectorRegistry()
    registry.register(OutboxMetrics(outbox))

    def told(name):
        return registry.get_sample_value(f"penstock_coordinator_outbox_{name}")

    assert (told("notices"), told("oldest_seconds"), told("refused_total")) == (0, 0, 0)
    outbox.on_loaded(shard)
    reading = asyncio.create_task(outbox._read())
    while not len(outbox):
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    clock.now += 20
    outbox.on_owed([Owed(shard, 6, Notice(target_id="x")), Owed(shard, 7, Notice(target_id="y"))])
    clock.now += 10
    assert (told("notices"), told("oldest_seconds")) == (3, 30)
    refused = Delivery()
    write_failure(refused.refused, Failure("user", "NOT_FOUND", "gone"))
    first, _ = outbox._lines.next_portions(10)
    await outbox._conclude(first, [refused])
    assert (told("notices"), told("oldest_seconds"), told("refused_total")) == (2, 10, 1)
    reading.cancel()


class HereWithSettled:
    """Shards that are all here; the table, empty at first, tells when something arrived."""

    def __init__(self):
        self.settled = asyncio.Queue()

    def of(self, execution_id):
        return None

    async def page(self, shard, after_id, limit):
        return [], False

    async def settle(self, arrived, refused=()):
        for each in arrived:
            self.settled.put_nowait(each)


class OneHangs:
    """A receiver that never comes to an end with notices for `slow`."""

    async def receive(self, notices):
        if notices[0].target_id == "slow":
            await asyncio.Event().wait()
        return [Delivery(arrived=Arrived())] * len(notices)


async def test_a_notice_that_hangs_holds_up_none_of_those_delivered_beside_it():
    shard = Shard(1, 1, 0)
    shard.phase = Phase.OWNED
    here = HereWithSettled()
    outbox = Outbox(here, OneHangs(), NoPeers(), here, SystemClock())
    outbox.on_loaded(shard)
    running = asyncio.create_task(outbox.run())
    for _ in range(10):
        await asyncio.sleep(0)
    targets = ["slow", "quick", "quick"]
    outbox.on_owed([Owed(shard, n, Notice(target_id=t)) for n, t in enumerate(targets, 1)])
    async with asyncio.timeout(10):
        assert await here.settled.get() == (1, 2)
        assert await here.settled.get() == (1, 3)
    assert len(outbox) == 1
    running.cancel()


class NoPayloads:
    """A store that never answers."""

    async def get(self, tenant, digest):
        await asyncio.Event().wait()


async def test_a_notice_whose_payload_does_not_come_is_answered_with_later():
    receiving = Receiving(None, None, NoPayloads(), depth_max=3, patience_s=0.01)
    notice = Notice(target_id="x", start=StartNotice(workflow="w"))
    notice.start.params.ref.digest = "1" * 64
    notice.start.params.ref.size_bytes = 70_000
    answers = await receiving.deliver([notice])
    assert "longer than 0.01 s" in answers[0].later.cause
