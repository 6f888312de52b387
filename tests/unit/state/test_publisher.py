"""Publication over a bus that keeps what it gets, and fails when told to."""

import asyncio

import pytest

from penstock.common.bus import event_subject
from penstock.common.errors import Unavailable
from penstock.state.journal.publisher import Publisher, position_of
from penstock.state.metrics import StateMetrics
from support.state_rows import an_id, batch_of, end, start, step, write
from support.state_twin import MemoryJournal

SHARDS = 4


class KeepingBus:
    """A JetStream of lists: drops what it got before, by message id."""

    def __init__(self):
        self.messages: list[tuple[str, str, bytes]] = []
        self.down = False
        self.changed = asyncio.Event()

    async def ensure_stream(self):
        self._check()

    def _check(self):
        self.changed.set()
        if self.down:
            raise Unavailable("down")

    async def publish_rows(self, rows):
        await asyncio.sleep(0)
        self._check()
        known = {message[1] for message in self.messages}
        self.messages += [row for row in rows if row[1] not in known]

    async def last_message_id(self, subject):
        self._check()
        shard = subject.split(".")[3]
        ids = [m[1] for m in self.messages if m[0].split(".")[3] == shard]
        return max(ids, key=position_of) if ids else None

    def ids(self, shard):
        return [position_of(m[1]) for m in self.messages if m[1].startswith(f"{shard}:")]


@pytest.fixture
def journal():
    journal = MemoryJournal(SHARDS)
    journal.epochs = dict.fromkeys(journal.epochs, 1)
    return journal


@pytest.fixture
def bus():
    return KeepingBus()


@pytest.fixture
def publisher(journal, monkeypatch):
    monkeypatch.setattr("penstock.state.journal.publisher._PAUSE_FIRST_S", 0.0)
    return Publisher(journal, StateMetrics(), shard_count=SHARDS, queue_rows_max=50, recent_rows=3)


@pytest.fixture
async def run(publisher, bus):
    task = asyncio.get_running_loop().create_task(publisher.publish_to(bus))
    yield
    task.cancel()
    await asyncio.wait([task])


async def commit(journal, publisher, *writes, offered=True):
    batch = batch_of(*writes)
    assert await journal.commit(batch) == set(batch.spans)
    if offered:
        publisher.offer(batch)


async def until(condition):
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0)


async def test_committed_rows_are_published_in_order_with_their_place(journal, publisher, bus, run):
    await commit(journal, publisher, write(1, 1, 1, start(1), step(1, 3)))
    await commit(journal, publisher, write(1, 1, 3, end(1, 5)), write(2, 1, 1, start(2)))
    await until(lambda: len(bus.messages) == 4)
    assert bus.ids(1) == [1, 2, 3]
    subject, _, body = bus.messages[0]
    assert subject == event_subject("default", 1, an_id(1))
    assert body == start(1).body


async def test_what_was_committed_before_the_start_is_published_from_the_journal(
    journal, publisher, bus
):
    await commit(journal, publisher, write(1, 1, 1, start(1), start(2)), offered=False)
    bus.messages = [(event_subject("default", 1, an_id(1)), "1:1", start(1).body)]
    task = asyncio.get_running_loop().create_task(publisher.publish_to(bus))
    await until(lambda: bus.ids(1) == [1, 2])
    task.cancel()
    await asyncio.wait([task])


async def test_nothing_is_missing_after_the_bus_was_away(journal, publisher, bus, run):
    await commit(journal, publisher, write(1, 1, 1, start(1)))
    await until(lambda: bus.ids(1) == [1])
    bus.down = True
    await commit(journal, publisher, write(1, 1, 2, start(2)))
    bus.changed.clear()
    await bus.changed.wait()
    await commit(journal, publisher, write(1, 1, 3, start(3)))
    bus.down = False
    await until(lambda: bus.ids(1) == [1, 2, 3])


async def test_an_overflowing_queue_falls_back_to_the_journal(journal, publisher, bus):
    for n in range(1, 81):
        await commit(journal, publisher, write(1, 1, n, start(n)))
    task = asyncio.get_running_loop().create_task(publisher.publish_to(bus))
    await until(lambda: bus.ids(1) == list(range(1, 81)))
    await commit(journal, publisher, write(1, 1, 81, start(81)))
    await until(lambda: bus.ids(1)[-1] == 81)
    task.cancel()
    await asyncio.wait([task])


async def test_rows_that_another_process_wrote_in_between_are_not_left_out(
    journal, publisher, bus, run
):
    await commit(journal, publisher, write(1, 1, 1, start(1)))
    await until(lambda: bus.ids(1) == [1])
    await commit(journal, publisher, write(1, 1, 2, start(2)), offered=False)
    await commit(journal, publisher, write(1, 1, 3, start(3)))
    await until(lambda: bus.ids(1) == [1, 2, 3])


async def test_after_the_bus_lost_everything_live_and_recent_rows_are_told_again(
    journal, publisher, bus, run
):
    rows = [start(1), start(2), end(2, 3), start(3), end(3, 3), start(4), end(4, 3)]
    await commit(journal, publisher, write(1, 1, 1, *rows))
    await until(lambda: bus.ids(1) == list(range(1, 8)) or bus.ids(1) == [1, 5, 6, 7])
    bus.messages = []
    bus.down = True
    await commit(journal, publisher, write(2, 1, 1, start(5)))
    bus.changed.clear()
    await bus.changed.wait()
    bus.down = False
    await until(lambda: bus.ids(2) == [1])
    await until(lambda: bus.ids(1) == [1, 5, 6, 7])


def test_a_message_id_tells_its_position():
    assert position_of("7:42") == 42
    assert position_of(None) == 0
    assert position_of("rubbish") == 0
