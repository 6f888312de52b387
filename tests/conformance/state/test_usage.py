"""What quotas are held against: counts by account and workflow, of what is on disk."""

import pytest

from support.state_rows import COMPLETED, an_id, batch_of, end, start, write


@pytest.fixture
async def filled(stores, lease):
    """Five executions of two workflows and two accounts; two have ended."""
    records = [start(number, workflow="orders") for number in (1, 2, 3)]
    records += [start(4, workflow="prices"), start(5, workflow="orders", tenant="other")]
    records += [end(1, 3, COMPLETED), end(4, 3, COMPLETED)]
    await stores.journal.commit(batch_of(write(1, lease, 1, *records)))
    return stores


async def test_only_what_has_not_ended_is_live(filled):
    usage = filled.usage
    assert await usage.live("default", "") == 2
    assert await usage.live("default", "orders") == 2
    assert await usage.live("default", "prices") == 0
    assert await usage.live("other", "") == 1
    assert await usage.live("nobody", "") == 0


async def test_starts_are_counted_from_an_instant_on(filled):
    usage = filled.usage
    rows = [await filled.executions.find("default", an_id(n)) for n in (1, 2, 3, 4)]
    at_us = [row.started_us for row in rows]
    assert await usage.started("default", "", min(at_us) - 1) == 4
    assert await usage.started("default", "orders", min(at_us) - 1) == 3
    assert await usage.started("default", "", max(at_us)) == 0
    later = sorted(at_us, reverse=True)
    assert [await usage.nth_start("default", "", n) for n in (1, 2, 3, 4, 5)] == [*later, 0]
    assert await usage.nth_start("default", "prices", 1) == at_us[3]
