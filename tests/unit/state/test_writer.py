"""The journal's writer over the database's twin."""

import asyncio

import pytest

from penstock.common.errors import Unavailable
from penstock.state.journal.batch import Compression
from penstock.state.journal.writer import JournalWriter
from penstock.state.metrics import StateMetrics
from support.state_rows import an_id, batch_of, end, request, start, step, write
from support.state_twin import MemoryJournal


class Caller:
    """Submits requests and notes the answers."""

    def __init__(self, writer: JournalWriter) -> None:
        self.writer = writer
        self.answers: list[tuple[int, list[int]]] = []

    def submit(self, batch_id, *writes):
        def note(answer):
            self.answers.append((answer.batch_id, list(answer.fenced_shards)))

        return self.writer.submit(request(batch_id, *writes), note)


@pytest.fixture
def journal():
    journal = MemoryJournal()
    journal.epochs = dict.fromkeys(journal.epochs, 1)
    return journal


@pytest.fixture
def committed():
    return []


@pytest.fixture
def writer(journal, committed, monkeypatch):
    monkeypatch.setattr("penstock.state.journal.writer._PAUSE_FIRST_S", 0.0)
    return JournalWriter(
        journal,
        Compression(1024),
        StateMetrics(),
        committed.append,
        rows_max=100,
        bytes_max=1_000_000,
    )


async def drain(writer):
    writer.close()
    await writer.run()


async def test_everything_that_waits_goes_into_one_commit(writer, journal):
    one, other = Caller(writer), Caller(writer)
    one.submit(1, write(1, 1, 1, start(1)))
    other.submit(7, write(2, 1, 1, start(2)))
    one.submit(2, write(1, 1, 2, step(1, 3)))
    await drain(writer)
    assert len(journal.commits) == 1
    assert one.answers == [(1, []), (2, [])]
    assert other.answers == [(7, [])]
    assert len(journal.rows[1]) == 2


async def test_a_commit_has_at_most_so_many_rows(writer, journal):
    caller = Caller(writer)
    for n in range(250):
        caller.submit(n, write(1, 1, n + 1, start(n)))
    await drain(writer)
    assert [len(batch) for batch in journal.commits] == [100, 100, 50]
    assert caller.answers == [(n, []) for n in range(250)]


async def test_a_fenced_shard_is_told_and_the_others_are_written(writer, journal):
    journal.epochs[1] = 2
    caller = Caller(writer)
    caller.submit(1, write(1, 1, 1, start(1)), write(2, 1, 1, start(2)))
    await drain(writer)
    assert caller.answers == [(1, [1])]
    assert journal.rows[1] == []
    assert len(journal.rows[2]) == 1


async def test_one_callers_fence_does_not_touch_another_caller(writer, journal):
    old, new = Caller(writer), Caller(writer)
    journal.epochs[1] = 2
    old.submit(1, write(1, 1, 1, start(1)))
    new.submit(1, write(1, 2, 1, start(2)))
    await drain(writer)
    assert old.answers == [(1, [1])]
    assert new.answers == [(1, [])]
    assert [row[0] for row in journal.rows[1]] == [an_id(2)]


async def test_a_batch_sent_again_is_answered_as_committed_and_not_written_twice(writer, journal):
    caller = Caller(writer)
    caller.submit(1, write(1, 1, 1, start(1), start(2)))
    caller.submit(1, write(1, 1, 1, start(1), start(2)))
    await drain(writer)
    assert caller.answers == [(1, []), (1, [])]
    assert len(journal.rows[1]) == 2


async def test_what_follows_a_batch_sent_again_is_written(writer, journal):
    await journal.commit(batch_of(write(1, 1, 1, start(1))))
    caller = Caller(writer)
    caller.submit(1, write(1, 1, 1, start(1)))
    caller.submit(2, write(1, 1, 2, step(1, 3)))
    caller.submit(3, write(1, 1, 3, end(1, 5)))
    await drain(writer)
    assert caller.answers == [(1, []), (2, []), (3, [])]
    assert len(journal.rows[1]) == 3


async def test_a_gap_in_positions_is_refused(writer, journal):
    caller = Caller(writer)
    caller.submit(1, write(1, 1, 5, start(1)))
    await drain(writer)
    assert caller.answers == [(1, [1])]
    assert journal.rows[1] == []


async def test_nothing_is_answered_until_the_database_takes_it(writer, journal):
    journal.faults = [Unavailable("down")] * 3
    caller = Caller(writer)
    caller.submit(1, write(1, 1, 1, start(1)))
    answered_when_stalled = []

    class Watch(list):
        def pop(self, *at):
            answered_when_stalled.append(list(caller.answers))
            return super().pop(*at)

    journal.faults = Watch(journal.faults)
    await drain(writer)
    assert answered_when_stalled == [[], [], []]
    assert caller.answers == [(1, [])]
    assert len(journal.commits) == 4
    assert writer.stalled is None


async def test_a_commit_whose_answer_was_lost_is_recognised(writer, journal):
    journal.faults = [Unavailable("the connection broke")]
    journal.loses_answers = True
    caller = Caller(writer)
    caller.submit(1, write(1, 1, 1, start(1)), write(2, 1, 1, start(2)))
    await drain(writer)
    assert caller.answers == [(1, [])]
    assert [len(journal.rows[shard]) for shard in (1, 2)] == [1, 1]


async def test_refused_data_fences_its_own_shard_only(writer, journal):
    await journal.commit(batch_of(write(1, 1, 1, start(1))))
    caller = Caller(writer)
    caller.submit(1, write(1, 1, 2, start(1)), write(2, 1, 1, start(2)))
    await drain(writer)
    assert caller.answers == [(1, [1])]
    assert len(journal.rows[1]) == 1
    assert len(journal.rows[2]) == 1


async def test_a_request_that_contradicts_itself_is_refused_where_it_does(writer, journal):
    caller = Caller(writer)
    caller.submit(1, write(1, 1, 1, start(1)), write(1, 1, 1, start(2)))
    await drain(writer)
    assert caller.answers == [(1, [1])]
    assert [row[0] for row in journal.rows[1]] == [an_id(1)]


async def test_what_a_vanished_caller_left_is_not_answered_nor_written_twice(writer, journal):
    gone, back = Caller(writer), Caller(writer)
    for n in range(1, 4):
        gone.submit(n, write(1, 1, 1, start(1))).abandoned = True
    back.submit(1, write(1, 1, 1, start(1)))
    await drain(writer)
    assert gone.answers == []
    assert back.answers == [(1, [])]
    assert len(journal.rows[1]) == 1
    assert len(journal.commits) == 2


async def test_only_what_is_on_disk_is_handed_on(writer, journal, committed):
    journal.epochs[1] = 2
    caller = Caller(writer)
    caller.submit(1, write(1, 1, 1, start(1)), write(2, 1, 1, start(2)))
    await drain(writer)
    assert [row[2] for batch in committed for row in batch.journal] == [an_id(2)]


async def test_an_idle_writer_commits_at_once(writer, journal):
    caller = Caller(writer)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(writer.run())
        await asyncio.sleep(0)
        caller.submit(1, write(1, 1, 1, start(1)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert caller.answers == [(1, [])]
        writer.close()
        await running
