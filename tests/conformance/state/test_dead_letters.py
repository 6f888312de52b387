"""Dead letters: what was done about executions that failed."""

import asyncio

import pytest

from penstock.state.finding.ports import LetterRow
from penstock.workflow.search.reading import read_query
from support.state_rows import CANCELLED, FAILED, an_id, batch_of, end, start, write

RETRIED = LetterRow("retried", "", 77, an_id(50))
DISCARDED = LetterRow("discarded", "known", 78, "")


@pytest.fixture
async def dead(stores, lease):
    """1 and 2 failed, 3 was cancelled, 4 runs, 5 failed with its first record."""
    records = [start(n) for n in (1, 2, 3, 4)]
    records += [end(1, 3, FAILED), end(2, 3, FAILED), end(3, 3, CANCELLED)]
    records.append(start(5, status=FAILED, finished_unix_us=9, failed_node="first"))
    await stores.journal.commit(batch_of(write(1, lease, 1, *records)))
    return stores


async def listed(stores, state):
    query, _ = read_query(f"dead_letter:{state}", 0)
    page = await stores.search.page("default", query, None, 10, newest=True)
    return {int(each.row.execution_id[3:]): each.letter for each in page.rows}


async def test_what_failed_is_an_open_dead_letter(dead):
    assert list(await listed(dead, "open")) == [5, 2, 1]
    assert await dead.letters.find("default", an_id(1)) == LetterRow()


async def test_what_did_not_fail_is_none(dead):
    for number in (3, 4, 40):
        assert await dead.letters.find("default", an_id(number)) is None
        assert await dead.letters.settle("default", an_id(number), DISCARDED) is None


async def test_a_settled_letter_leaves_the_open_ones(dead):
    assert await dead.letters.settle("default", an_id(1), RETRIED) == RETRIED
    assert await dead.letters.settle("default", an_id(2), DISCARDED) == DISCARDED
    assert list(await listed(dead, "open")) == [5]
    assert await listed(dead, "retried") == {1: RETRIED}
    assert await listed(dead, "discarded") == {2: DISCARDED}


async def test_settling_again_changes_nothing(dead):
    await dead.letters.settle("default", an_id(2), DISCARDED)
    again = LetterRow("discarded", "another reason", 99, "")
    assert await dead.letters.settle("default", an_id(2), again) == DISCARDED


async def test_those_who_settle_a_letter_at_once_are_told_of_what_they_did(dead):
    for _ in range(5):
        async with asyncio.TaskGroup() as group:
            for wanted in (DISCARDED, LetterRow()) * 6:
                group.create_task(settled(dead, wanted))


async def settled(dead, wanted):
    assert await dead.letters.settle("default", an_id(2), wanted) == wanted


async def test_a_discarded_letter_can_be_put_back_and_retried(dead):
    await dead.letters.settle("default", an_id(2), DISCARDED)
    assert await dead.letters.settle("default", an_id(2), LetterRow()) == LetterRow()
    assert list(await listed(dead, "open")) == [5, 2, 1]
    assert await dead.letters.settle("default", an_id(2), RETRIED) == RETRIED


async def test_a_retried_letter_stays_retried(dead):
    await dead.letters.settle("default", an_id(1), RETRIED)
    assert await dead.letters.settle("default", an_id(1), DISCARDED) == RETRIED
    assert await dead.letters.settle("default", an_id(1), LetterRow()) == RETRIED


async def test_another_account_cannot_settle_it(dead):
    assert await dead.letters.settle("other", an_id(1), DISCARDED) is None
    assert await dead.letters.find("default", an_id(1)) == LetterRow()
