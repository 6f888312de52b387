"""Executions at rest: which are loaded, and which are due."""

import pytest

from penstock.state.ports import Sleeper
from support.state_rows import an_id, batch_of, body, end, start, step, write

RESTS, ENDED = 1, 2
BEGINNING = Sleeper(0, "")


def asleep(number: int, wake_us: int, first_seq: int = 3):
    return step(number, first_seq, rest=RESTS, wake_unix_us=wake_us)


async def due(stores, until_us: int, shards=(1, 2), after=BEGINNING, limit=10):
    return await stores.reader.sleepers(list(shards), until_us, after, limit)


@pytest.fixture
async def sleeping(stores, lease):
    """1 and 2 sleep, 3 waits for a signal, 4 is at work, 5 sleeps in another shard."""
    await stores.journal.commit(
        batch_of(
            write(1, lease, 1, start(1), start(2), start(3), start(4)),
            write(2, lease, 1, start(5), asleep(5, 500)),
        )
    )
    await stores.journal.commit(
        batch_of(write(1, lease, 5, asleep(1, 900), asleep(2, 700), asleep(3, 0)))
    )
    return lease


async def test_sleepers_come_in_the_order_of_their_times_over_all_shards_asked_for(
    stores, sleeping
):
    assert await due(stores, 900) == [
        (500, an_id(5)),
        (700, an_id(2)),
        (900, an_id(1)),
    ]
    assert await due(stores, 899, shards=[1]) == [(700, an_id(2))]
    assert await due(stores, 900, shards=[3]) == []


async def test_sleepers_come_by_pages(stores, sleeping):
    first = await due(stores, 900, limit=2)
    assert await due(stores, 900, after=first[-1], limit=2) == [(900, an_id(1))]


async def test_what_is_at_rest_is_left_out_of_a_load_if_so_asked(stores, sleeping):
    awake = await stores.reader.load_awake(1, None, 10)
    assert awake.bodies == [body(an_id(4), 1, 2)]
    assert len((await stores.reader.load_live(1, None, 10)).bodies) == 7


async def test_only_what_is_at_rest_is_loaded_by_its_id_and_by_pages(stores, sleeping):
    wanted = [(2, an_id(5)), (1, an_id(3)), (1, an_id(4)), (1, an_id(8))]
    bodies, after = [], None
    while True:
        page = await stores.reader.load_resting(wanted, after, 1)
        bodies += page.bodies
        if page.after is None:
            break
        after = page.after
    assert bodies == [body(an_id(n), first, first + 1) for n in (3, 5) for first in (1, 3)]
    assert (await stores.reader.load_resting([], None, 1)).bodies == []


async def test_who_woke_up_or_ended_is_at_rest_no_more(stores, sleeping):
    await stores.journal.commit(batch_of(write(1, sleeping, 8, step(2, 5, rest=ENDED), end(1, 5))))
    assert await due(stores, 900) == [(500, an_id(5))]
    assert (await stores.reader.load_resting([(1, an_id(2))], None, 10)).bodies == []
    assert len((await stores.reader.load_awake(1, None, 10)).bodies) == 4


async def test_a_rest_that_goes_on_has_its_new_time(stores, sleeping):
    await stores.journal.commit(batch_of(write(1, sleeping, 8, asleep(1, 100, 5))))
    assert (await due(stores, 900))[0] == (100, an_id(1))


async def test_the_last_word_of_a_batch_counts(stores, sleeping):
    records = [
        step(1, 5, rest=ENDED),
        asleep(1, 300, 7),
        step(2, 5, rest=ENDED),
        step(2, 7),
        start(6),
        asleep(6, 200),
        start(7),
        asleep(7, 200),
        step(7, 5, rest=ENDED),
        step(7, 7),
    ]
    await stores.journal.commit(batch_of(write(1, sleeping, 8, *records)))
    assert await due(stores, 900, shards=[1]) == [(200, an_id(6)), (300, an_id(1))]


async def test_what_has_not_ended_is_listed_by_pages_and_says_whether_it_rests(stores, sleeping):
    await stores.journal.commit(batch_of(write(1, sleeping, 8, end(2, 5))))
    first = await stores.reader.live(1, "", 2)
    assert [(row.execution_id, row.rests, row.wake_us) for row in first] == [
        (an_id(1), True, 900),
        (an_id(3), True, 0),
    ]
    (last,) = await stores.reader.live(1, first[-1].execution_id, 2)
    assert (last.execution_id, last.rests, last.tenant) == (an_id(4), False, "default")
