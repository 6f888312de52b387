"""Searches: what they find, in which order, in pages."""

import pytest

from penstock.api.state.v1.state_service_pb2 import Dues, PauseNews
from penstock.workflow.search.reading import read_query
from penstock.workflow.search.terms import delay_terms
from support.state_rows import (
    CANCELLED,
    COMPLETED,
    FAILED,
    RUNNING,
    an_id,
    batch_of,
    end,
    start,
    step,
    write,
)

TIMED_OUT = 5
PARENT = an_id(99)
RESTS, ENDED = 1, 2


@pytest.fixture
async def filled(stores, lease):
    """Eight executions of an account, two of another."""
    ends = {1: COMPLETED, 2: FAILED, 3: CANCELLED, 4: RUNNING, 5: COMPLETED, 6: FAILED,
            7: TIMED_OUT, 8: RUNNING}  # fmt: skip
    records = []
    for number, status in ends.items():
        customer = "acme" if number < 5 else "omni"
        records.append(
            start(
                number,
                workflow="orders" if number % 2 else "prices",
                version=1 + number % 3,
                tags=(["eu"] if number in (1, 2, 4) else [])
                + (["vip"] if number in (2, 7) else []),
                terms=[f"\x1dparams.customer={customer}"]
                + ([f"\x1dparent={PARENT}"] if number == 6 else []),
            )
        )
        if status != RUNNING:
            bad = status in (FAILED, TIMED_OUT)
            records.append(
                end(
                    number,
                    3,
                    status,
                    failure_reason=f"R{number}" if bad else "",
                    failed_node="quote" if status == FAILED else "",
                )
            )
    records += [start(n, tenant="other", tags=["eu"]) for n in (9, 10)]
    await stores.journal.commit(batch_of(write(1, lease, 1, *records[:5])))
    await stores.journal.commit(batch_of(write(1, lease, 6, *records[5:])))
    return stores


def read(text):
    query, issues = read_query(text, now_us=0)
    assert issues == ()
    return query


async def found(stores, text, *, tenant="default", newest=True, limit=100):
    page = await stores.search.page(tenant, read(text), None, limit, newest=newest)
    assert page.place is None or len(page.rows) == limit
    return [int(each.row.execution_id[3:]) for each in page.rows]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", [8, 7, 6, 5, 4, 3, 2, 1]),
        ("workflow:orders", [7, 5, 3, 1]),
        ("workflow:orders,prices", [8, 7, 6, 5, 4, 3, 2, 1]),
        ("workflow:orders version:2", [7, 1]),
        ("status:failed", [6, 2]),
        ("status:running", [8, 4]),
        ("status:completed", [5, 1]),
        ("status:failed,timed_out,cancelled", [7, 6, 3, 2]),
        ("status:running,failed workflow:prices", [8, 6, 4, 2]),
        ("tag:eu", [4, 2, 1]),
        ("tag:eu,vip", [7, 4, 2, 1]),
        ("tag:eu tag:vip", [2]),
        ("tag:eu status:running", [4]),
        ("tag:nowhere", []),
        ("params.customer:acme", [4, 3, 2, 1]),
        ("params.customer:acme status:failed", [2]),
        ("params.customer:acme,omni workflow:orders", [7, 5, 3, 1]),
        ("params.customer:acme tag:eu workflow:prices", [4, 2]),
        (f"parent:{PARENT}", [6]),
        ("reason:R6,R7", [7, 6]),
        ("failed_node:quote", [6, 2]),
        ("failed_node:quote tag:vip", [2]),
        ("dead_letter:open", [7, 6, 2]),
        ("dead_letter:open workflow:orders", [7]),
        ("dead_letter:retried", []),
        ("dead_letter:open status:running", []),
        ("dead_letter:retried status:completed", []),
        ("failed_node:quote status:completed", []),
        (f"id:{an_id(3)},{an_id(5)}", [5, 3]),
        ("started<1970-01-01T00:00:00.001003", [2, 1]),
        ("started>=1970-01-01T00:00:00.001003 started<1970-01-01T00:00:00.001005", [4, 3]),
        ("ended<1971-01-01 workflow:prices", [6, 2]),
        ("ended>1971-01-01", []),
        ("status:running ended<1971-01-01", []),
        ("status:completed dead_letter:open", []),
    ],
)
async def test_a_query_finds_what_fits_all_its_conditions(filled, text, expected):
    assert await found(filled, text) == expected
    assert await found(filled, text, newest=False) == expected[::-1]
    assert await filled.search.count("default", read(text), 100) == (len(expected), True)


@pytest.mark.parametrize(
    "text", ["", "tag:eu,vip", "status:failed,timed_out", "params.customer:acme", "workflow:orders"]
)
@pytest.mark.parametrize("newest", [True, False])
async def test_pages_of_a_query_join_into_the_whole(filled, text, newest):
    whole = await found(filled, text, newest=newest)
    paged, place = [], None
    while True:
        page = await filled.search.page("default", read(text), place, 2, newest=newest)
        paged += [int(each.row.execution_id[3:]) for each in page.rows]
        place = page.place
        if place is None:
            break
    assert paged == whole


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("status:paused", [8]),
        ("status:Paused workflow:prices", [8]),
        ("status:paused workflow:orders", []),
        ("status:paused tag:eu", []),
        ("status:paused,failed", [8, 6, 2]),
        ("status:paused,running", [8, 4]),
        ("status:running", [8, 4]),
        ("status:paused ended<1971-01-01", []),
        ("status:paused dead_letter:open", []),
    ],
)
async def test_paused_executions_are_found_as_such_and_among_the_running_ones(
    filled, lease, text, expected
):
    news = [PauseNews(execution_id=an_id(n), tenant="default", paused=True) for n in (8, 6, 9)]
    pausing = write(2, lease, 1, start(20, tenant="other"))
    pausing.dues.CopyFrom(Dues(pauses=news))
    await filled.journal.commit(batch_of(pausing))
    assert await found(filled, text) == expected
    assert await filled.search.count("default", read(text), 100) == (len(expected), True)
    page = await filled.search.page("default", read("status:paused"), None, 9, newest=True)
    assert [each.row.status for each in page.rows] == [6]


async def test_a_count_that_is_cut_says_so(filled):
    assert await filled.search.count("default", read("workflow:orders"), 3) == (3, False)
    assert await filled.search.count("default", read("workflow:orders"), 4) == (4, True)


async def test_a_query_stays_within_its_account(filled):
    assert await found(filled, "tag:eu", tenant="other") == [10, 9]
    assert await found(filled, f"id:{an_id(1)}", tenant="other") == []
    assert await found(filled, "dead_letter:open", tenant="other") == []


async def test_a_label_is_never_taken_for_a_parameter(stores, lease):
    pretending = start(1, tags=["\x1dparams.customer=acme"])
    await stores.journal.commit(batch_of(write(1, lease, 1, pretending)))
    assert await found(stores, "params.customer:acme") == []


async def test_a_page_that_took_many_steps_ends_and_goes_on(stores, lease):
    """Both conditions fit many and together few: bounded steps, and nothing is lost."""
    records = [start(n, workflow="rare" if n in (1, 2_999) else "orders") for n in range(1, 4_500)]
    records += [end(n, 3) for n in range(1, 4_500)]
    await stores.journal.commit(batch_of(write(1, lease, 1, *records)))
    query = read("workflow:rare,orders version:1 status:completed workflow:rare")
    numbers, place, pages = [], None, 0
    while pages == 0 or place is not None:
        page = await stores.search.page("default", query, place, 10, newest=True)
        numbers += [int(each.row.execution_id[3:]) for each in page.rows]
        place, pages = page.place, pages + 1
    assert numbers == [2_999, 1]


async def test_delayed_ones_are_found_until_they_begin(stores, lease):
    def delayed(number, **more):
        terms = delay_terms(5_000 + number)
        return start(number, terms=terms, rest=RESTS, wake_unix_us=5_000 + number, **more)

    plain = start(3, rest=RESTS, wake_unix_us=5_003)
    records = [delayed(1), delayed(2), plain, delayed(4), start(5), delayed(6, tenant="other")]
    await stores.journal.commit(batch_of(write(1, lease, 1, *records)))
    assert await found(stores, "status:delayed") == [4, 2, 1]
    assert await found(stores, "status:delayed", tenant="other") == [6]
    assert (await stores.search.count("default", read("status:delayed"), 10))[0] == 3
    begun = [
        step(1, 3, rest=ENDED),
        step(2, 3, rest=RESTS, wake_unix_us=9_000),
    ]
    begun.append(end(4, 3, CANCELLED))
    await stores.journal.commit(batch_of(write(1, lease, 7, *begun)))
    assert await found(stores, "status:delayed workflow:orders") == []
    assert await found(stores, "status:running") == [5, 3, 2, 1]
