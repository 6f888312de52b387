"""Publication over a bus that keeps what it gets, and fails when told to."""

import asyncio
from contextlib import contextmanager

import pytest

from penstock.api.journal.v1.journal_pb2 import EventBatch, Publication
from penstock.common.errors import Internal, Unavailable
from penstock.common.publication import event_subject, mark_body, mark_subject, marked_position
from penstock.state.adapters.postgres.journal import plain_body
from penstock.state.journal.batch import CODEC_PLAIN
from penstock.state.journal.publisher import Publisher
from penstock.state.metrics import StateMetrics
from support.state_rows import an_id, batch_of, end, start, step, write
from support.state_twin import MemoryJournal

SHARDS = 4


class KeepingBus:
    """A JetStream of a list. What is sent while it is `deaf` is lost without a word, until a
    confirmation is asked for and does not come."""

    def __init__(self):
        self.messages: list[tuple[str, bytes]] = []
        self.down = False
        self.deaf = False
        self.losses = 0
        self.confirmations = 0
        self.changed = asyncio.Event()
        self.observer = None

    @contextmanager
    def observed(self, observer):
        self.observer = observer
        yield

    def lose_connection(self):
        self.losses += 1
        self.observer()

    async def ensure_stream(self):
        self._check()

    def _check(self):
        self.changed.set()
        if self.down:
            raise Unavailable("down")

    async def publish(self, messages):
        await asyncio.sleep(0)
        self._check()
        if not self.deaf:
            self.messages += messages

    async def publish_confirmed(self, messages):
        await self.publish(messages)
        if self.deaf:
            self.deaf = False
            raise Unavailable("no answer")
        self.confirmations += 1

    async def newest(self, subject):
        self._check()
        found = [body for of, body in self.messages if of == subject]
        return found[-1] if found else None

    def rows(self):
        found = []
        for subject, message in self.messages:
            if subject.startswith("penstock.events."):
                told = Publication.FromString(message)
                rows = zip(told.execution_ids, told.bodies, strict=True)
                found += [(subject, execution_id, body) for execution_id, body in rows]
        return found

    def told(self, n):
        """First sequences of what was told of an execution."""
        rows = [body for _, execution_id, body in self.rows() if execution_id == an_id(n)]
        return [EventBatch.FromString(body).first_seq for body in rows]

    def mark(self, shard):
        found = [body for of, body in self.messages if of == mark_subject(shard)]
        return marked_position(found[-1] if found else None)


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
    monkeypatch.setattr("penstock.state.journal.publisher._MARK_S", 0.001)
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
            await asyncio.sleep(0.0005)


async def test_the_rows_of_a_commit_go_together_and_in_order(journal, publisher, bus, run):
    await until(lambda: not publisher._lagging)
    writes = write(1, 1, 1, start(1), step(1, 3), end(1, 5)), write(2, 1, 1, start(5))
    await commit(journal, publisher, *writes)
    await until(lambda: len(bus.rows()) == 4)
    assert [subject for subject, _ in bus.messages if "events" in subject] == [
        event_subject("default", an_id(1))
    ]
    assert event_subject("default", an_id(5)) == event_subject("default", an_id(1))
    assert bus.told(1) == [1, 3, 5]
    assert bus.rows()[0][2] == start(1).body


async def test_a_mark_tells_how_far_a_shard_is_told_and_the_stream_confirms_it(
    journal, publisher, bus, run
):
    await commit(journal, publisher, write(1, 1, 1, start(1), step(1, 3)))
    await until(lambda: bus.mark(1) == 2)
    confirmed = bus.confirmations
    await commit(journal, publisher, write(1, 1, 3, end(1, 5)), write(2, 1, 1, start(2)))
    await until(lambda: bus.mark(1) == 3 and bus.mark(2) == 1)
    assert bus.confirmations > confirmed


async def test_what_was_committed_before_the_start_is_published_from_the_journal(
    journal, publisher, bus
):
    await commit(journal, publisher, write(1, 1, 1, start(1), start(2)), offered=False)
    bus.messages = [(mark_subject(1), mark_body(1))]
    task = asyncio.get_running_loop().create_task(publisher.publish_to(bus))
    await until(lambda: bus.mark(1) == 2)
    assert bus.told(1) == []
    assert bus.told(2) == [1]
    task.cancel()
    await asyncio.wait([task])


async def test_a_row_that_cannot_be_read_holds_up_nobody(journal, publisher, bus):
    first = write(1, 1, 1, start(1), start(2), step(2, 3))
    await commit(journal, publisher, first, write(3, 1, 1, start(3)), offered=False)
    execution, *rest, _ = journal.rows[1][1]
    journal.rows[1][1] = (execution, *rest, None)
    task = asyncio.get_running_loop().create_task(publisher.publish_to(bus))
    await until(lambda: bus.mark(1) == 3 and bus.mark(3) == 1)
    assert (bus.told(1), bus.told(2), bus.told(3)) == ([1], [3], [1])
    assert publisher._metrics.registry.get_sample_value("penstock_state_unreadable_rows_total") == 1
    await commit(journal, publisher, write(1, 1, 4, start(5)))
    await until(lambda: bus.told(5) == [1])
    task.cancel()
    await asyncio.wait([task])


@pytest.mark.parametrize("codec", [CODEC_PLAIN + 1, 99])
def test_a_damaged_row_is_told_as_such_to_whoever_reads_its_execution(codec):
    with pytest.raises(Internal):
        plain_body(codec, b"not what was written")


async def test_nothing_is_missing_after_the_bus_was_away(journal, publisher, bus, run):
    await commit(journal, publisher, write(1, 1, 1, start(1)))
    await until(lambda: bus.mark(1) == 1)
    bus.down = True
    await commit(journal, publisher, write(1, 1, 2, start(2)))
    bus.changed.clear()
    await bus.changed.wait()
    await commit(journal, publisher, write(1, 1, 3, start(3)))
    bus.down = False
    await until(lambda: bus.told(2) and bus.told(3))
    assert bus.told(1) == [1]


async def test_what_got_lost_without_a_word_is_told_again_when_no_confirmation_comes(
    journal, publisher, bus, run
):
    await commit(journal, publisher, write(1, 1, 1, start(1)))
    await until(lambda: bus.mark(1) == 1)
    bus.deaf = True
    await commit(journal, publisher, write(1, 1, 2, start(2)))
    await until(lambda: not bus.deaf)
    await until(lambda: bus.told(2) == [1])


async def test_what_was_sent_before_the_connection_broke_is_told_again(
    journal, publisher, bus, run, monkeypatch
):
    await commit(journal, publisher, write(1, 1, 1, start(1)))
    await until(lambda: bus.mark(1) == 1)
    monkeypatch.setattr("penstock.state.journal.publisher._MARK_S", 3600.0)
    await commit(journal, publisher, write(1, 1, 2, start(2)))
    await until(lambda: bus.told(2) == [1])
    del bus.messages[-1]
    assert bus.told(2) == []
    bus.lose_connection()
    await until(lambda: bus.told(2) == [1])


async def test_an_overflowing_queue_falls_back_to_the_journal(journal, publisher, bus):
    for n in range(1, 81):
        await commit(journal, publisher, write(1, 1, n, start(n)))
    task = asyncio.get_running_loop().create_task(publisher.publish_to(bus))
    await until(lambda: all(bus.told(n) == [1] for n in range(1, 81)))
    await commit(journal, publisher, write(1, 1, 81, start(81)))
    await until(lambda: bus.told(81) == [1])
    task.cancel()
    await asyncio.wait([task])


async def test_rows_that_another_process_wrote_in_between_are_not_left_out(
    journal, publisher, bus, run
):
    await commit(journal, publisher, write(1, 1, 1, start(1)))
    await until(lambda: bus.mark(1) == 1)
    await commit(journal, publisher, write(1, 1, 2, start(2)), offered=False)
    await commit(journal, publisher, write(1, 1, 3, start(3)))
    await until(lambda: bus.told(2) == [1] and bus.told(3) == [1])


async def test_what_a_dead_process_left_untold_is_told_when_its_coordinator_comes(
    journal, publisher, bus, run
):
    await commit(journal, publisher, write(1, 1, 1, start(1)))
    await until(lambda: bus.mark(1) == 1)
    await commit(journal, publisher, write(1, 1, 2, start(2)), offered=False)
    publisher.look_again()
    await until(lambda: bus.told(2) == [1] and bus.mark(1) == 2)


async def test_after_the_bus_lost_everything_live_and_recent_rows_are_told_again(
    journal, publisher, bus, run
):
    rows = [start(1), start(2), end(2, 3), start(3), end(3, 3), start(4), end(4, 3)]
    await commit(journal, publisher, write(1, 1, 1, *rows))
    await until(lambda: bus.mark(1) == 7)
    bus.messages = []
    bus.lose_connection()
    await commit(journal, publisher, write(2, 1, 1, start(5)))
    await until(lambda: bus.mark(1) == 7 and bus.told(5) == [1])
    assert [bus.told(n) for n in (1, 2, 3, 4)] == [[1], [], [3], [1, 3]]


async def test_a_mark_beyond_the_end_of_the_journal_counts_for_nothing(journal, publisher, bus):
    bus.messages = [(mark_subject(1), mark_body(7))]
    await commit(journal, publisher, write(1, 1, 1, start(1)), offered=False)
    task = asyncio.get_running_loop().create_task(publisher.publish_to(bus))
    await until(lambda: bus.mark(1) == 1)
    assert bus.told(1) == [1]
    task.cancel()
    await asyncio.wait([task])


def test_marks_that_cannot_be_read_count_as_none():
    assert marked_position(mark_body(42)) == 42
    assert marked_position(None) == 0
    assert marked_position(b"rubbish") == 0
