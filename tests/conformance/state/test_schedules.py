"""Schedules: who may write what, who is due, and what a change does to a schedule's place."""

import asyncio

import pytest

from penstock.api.schedule.v1 import schedule_pb2 as pb
from penstock.api.state.v1.schedule_store_pb2 import DecidedBackfill, SaveScheduleRequest
from penstock.common.errors import Conflict, LimitExceeded, NotFound
from penstock.common.ids import schedule_ulid, shard_of
from support.schedule_rows import MINUTE, NOON, SHARDS, a_schedule, decided, due, record, save
from support.state_rows import an_id, batch_of, end, start, write


async def test_a_new_schedule_counts_from_the_moment_it_is_made(stores):
    stored, created = await save(stores, a_schedule(), NOON + 1)
    assert created
    assert stored.revision == 1
    assert stored.progress.cursor_unix_us == NOON + 1
    assert stored.progress.next_unix_us == NOON + 5 * MINUTE
    assert await stores.schedules.find("default", "nightly") == stored


async def test_the_same_content_again_changes_nothing(stores):
    first, _ = await save(stores, a_schedule())
    again, created = await save(stores, a_schedule(), NOON + MINUTE)
    assert not created
    assert again == first


async def test_another_timing_counts_from_now_other_changes_keep_the_place(stores, lease):
    await save(stores, a_schedule())
    at = NOON + 20 * MINUTE
    changed, _ = await save(stores, a_schedule(note="why"), at)
    assert changed.revision == 2
    assert changed.progress.cursor_unix_us == NOON
    assert changed.progress.next_unix_us == NOON + 5 * MINUTE
    retimed, _ = await save(stores, a_schedule(cron="0 * * * *", note="why"), at)
    assert retimed.progress.cursor_unix_us == at
    assert retimed.progress.next_unix_us == NOON + 60 * MINUTE


async def test_what_is_paused_is_never_due_and_resumes_from_the_moment_it_is_resumed(stores):
    await save(stores, a_schedule(paused=True))
    assert not (await due(stores, NOON + 60 * MINUTE)).due
    resumed, _ = await save(stores, a_schedule(), NOON + 21 * MINUTE)
    assert resumed.progress.next_unix_us == NOON + 25 * MINUTE


async def test_a_change_can_insist_on_what_it_was_made_for(stores):
    await save(stores, a_schedule())
    await save(stores, a_schedule(note="b"), expected=1)
    with pytest.raises(Conflict):
        await save(stores, a_schedule(note="c"), expected=1)
    with pytest.raises(Conflict):
        await save(stores, a_schedule("other"), expected=3)


async def test_of_many_who_make_the_same_schedule_at_once_one_makes_it(stores):
    async with asyncio.TaskGroup() as group:
        saving = [group.create_task(save(stores, a_schedule(note=str(n)))) for n in range(8)]
    saved = [each.result() for each in saving]
    assert [created for _, created in saved].count(True) == 1
    assert sorted(stored.revision for stored, _ in saved) == list(range(1, 9))


def pausing(paused, note="", name="nightly", now_us=NOON):
    only = pb.Schedule(id=name, paused=paused, note=note)
    return SaveScheduleRequest(schedule=only, only_pause=True, now_unix_us=now_us)


async def test_a_pause_changes_nothing_else_of_what_is_there(stores):
    await save(stores, a_schedule(note="why"))
    before, _ = await save(stores, a_schedule("other"))
    paused, _ = await stores.schedules.save("default", pausing(True))
    assert (paused.paused, paused.note, paused.revision) == (True, "why", 2)
    assert paused.timing == a_schedule().timing
    resumed, _ = await stores.schedules.save("default", pausing(False, "done"))
    assert (resumed.paused, resumed.note, resumed.revision) == (False, "done", 3)
    assert await stores.schedules.find("default", "other") == before


async def test_pauses_at_once_are_all_carried_out(stores):
    await save(stores, a_schedule())
    async with asyncio.TaskGroup() as group:
        for number in range(8):
            group.create_task(stores.schedules.save("default", pausing(number % 2 == 0)))


async def test_what_is_not_there_cannot_be_paused(stores):
    with pytest.raises(NotFound):
        await stores.schedules.save("default", pausing(True))
    assert await stores.schedules.find("default", "nightly") is None


async def test_accounts_do_not_see_each_other_s_schedules(stores):
    await save(stores, a_schedule(), tenant="a")
    assert await stores.schedules.find("b", "nightly") is None
    assert await stores.schedules.page("b", "", "", 10) == []
    assert not await stores.schedules.remove("b", "nightly")
    assert await stores.schedules.backfills("b", "nightly") == []


async def test_schedules_come_by_pages_in_the_order_of_their_ids(stores):
    for name in ("c", "a", "b"):
        await save(stores, a_schedule(name))
    await save(stores, a_schedule("d", workflow="bills"))
    page = await stores.schedules.page("default", "orders", "", 2)
    assert [one.id for one in page] == ["a", "b"]
    page = await stores.schedules.page("default", "orders", "b", 2)
    assert [one.id for one in page] == ["c"]
    assert len(await stores.schedules.page("default", "", "", 9)) == 4


async def test_due_are_the_earliest_first_and_the_next_one_after_is_told(stores):
    await save(stores, a_schedule("hourly", "0 * * * *"))
    await save(stores, a_schedule("often", "* * * * *"))
    await save(stores, a_schedule("nightly"))
    found = await due(stores, NOON + 5 * MINUTE)
    assert [one.id for one in found.due] == ["often", "nightly"]
    assert found.next_unix_us == NOON + 60 * MINUTE
    one = await due(stores, NOON + 5 * MINUTE, limit=1)
    assert [each.id for each in one.due] == ["often"]
    nothing = await due(stores, NOON)
    assert not nothing.due
    assert nothing.next_unix_us == NOON + MINUTE
    assert (await due(stores, NOON, shards=[])).next_unix_us == 0


async def test_only_schedules_of_the_shards_asked_for_are_due(stores):
    await save(stores, a_schedule())
    own = shard_of(schedule_ulid("default", "nightly"), len(SHARDS))
    others = [shard for shard in SHARDS if shard != own]
    assert len((await due(stores, NOON + 5 * MINUTE, [own])).due) == 1
    assert not (await due(stores, NOON + 5 * MINUTE, others)).due


async def test_progress_is_written_under_the_lease_and_only_forward(stores, lease):
    await save(stores, a_schedule())
    there = {
        "cursor_unix_us": NOON + 5 * MINUTE,
        "next_unix_us": NOON + 10 * MINUTE,
        "fires": [pb.Fire(slot_unix_us=NOON + 5 * MINUTE, outcome=pb.OUTCOME_STARTED)],
    }
    assert await record(stores, decided(epoch=lease, **there)) == set()
    found = await stores.schedules.find("default", "nightly")
    assert found.progress == pb.Progress(writes=1, **there)
    assert await record(stores, decided(epoch=lease, cursor_unix_us=NOON)) == set()
    found = await stores.schedules.find("default", "nightly")
    assert found.progress.cursor_unix_us == NOON + 5 * MINUTE


async def test_progress_of_somebody_who_has_lost_the_shard_is_refused(stores, lease):
    await save(stores, a_schedule())
    shard = shard_of(schedule_ulid("default", "nightly"), len(SHARDS))
    await stores.leases.acquire("c1", [shard])
    assert await record(stores, decided(epoch=lease, cursor_unix_us=NOON + MINUTE)) == {shard}
    found = await stores.schedules.find("default", "nightly")
    assert found.progress.cursor_unix_us == NOON


async def test_progress_decided_upon_what_was_written_since_is_refused(stores, lease):
    await save(stores, a_schedule())
    shard = shard_of(schedule_ulid("default", "nightly"), len(SHARDS))
    first = decided(epoch=lease, cursor_unix_us=NOON + 1, open_executions=[an_id(1)])
    late = decided(epoch=lease, cursor_unix_us=NOON + 2, open_executions=[an_id(2)])
    first.decided_upon = late.decided_upon = 0
    assert await record(stores, first) == set()
    assert await record(stores, late) == {shard}
    there = await stores.schedules.find("default", "nightly")
    assert (there.progress.cursor_unix_us, there.progress.writes) == (NOON + 1, 1)
    late.decided_upon = 1
    assert await record(stores, late) == set()
    found = await stores.schedules.find("default", "nightly")
    assert (found.progress.cursor_unix_us, found.progress.writes) == (NOON + 2, 2)


async def test_progress_of_a_backfill_decided_upon_what_was_written_since_is_refused(stores, lease):
    await save(stores, a_schedule())
    await stores.schedules.add_backfill(a_backfill())
    shard = shard_of(schedule_ulid("default", "nightly"), len(SHARDS))
    progress = pb.BackfillProgress(status=pb.BACKFILL_STATUS_RUNNING, started=1)
    one = DecidedBackfill(
        tenant="default", schedule_id="nightly", id=an_id(9), shard=shard, epoch=lease,
        progress=progress, decided_upon=0,
    )  # fmt: skip
    assert await record(stores, backfills=[one]) == set()
    one.progress.started = 2
    assert await record(stores, backfills=[one]) == {shard}
    (there,) = await stores.schedules.backfills("default", "nightly")
    assert (there.progress.started, there.progress.writes) == (1, 1)


async def test_progress_decided_upon_an_older_revision_leaves_the_next_time_alone(stores, lease):
    await save(stores, a_schedule())
    await save(stores, a_schedule(cron="0 * * * *"))
    late = decided(epoch=lease, revision=1, cursor_unix_us=NOON + MINUTE, next_unix_us=NOON + 2)
    await record(stores, late)
    found = await stores.schedules.find("default", "nightly")
    assert found.progress.next_unix_us == NOON + 60 * MINUTE
    assert found.progress.cursor_unix_us == NOON + MINUTE


async def test_a_start_by_hand_that_begins_is_kept_and_looked_at_whatever_people_change(
    stores, lease
):
    await save(stores, a_schedule())
    begins = pb.Fire(slot_unix_us=NOON, execution_id=an_id(1), by_hand=True)
    progress = {"cursor_unix_us": NOON, "next_unix_us": 1, "beginning": [begins]}
    await save(stores, a_schedule(note="changed meanwhile"))
    assert await record(stores, decided(**progress)) == set()
    (found,) = (await due(stores, NOON)).due
    assert list(found.progress.beginning) == [begins]
    await save(stores, a_schedule(note="changed again"))
    (found,) = (await due(stores, NOON)).due
    assert list(found.progress.beginning) == [begins]


async def test_progress_of_a_removed_schedule_is_dropped(stores, lease):
    await save(stores, a_schedule())
    assert await stores.schedules.remove("default", "nightly")
    assert await record(stores, decided(epoch=lease, cursor_unix_us=NOON + MINUTE)) == set()
    assert await stores.schedules.find("default", "nightly") is None


async def test_progress_of_a_schedule_that_was_made_anew_is_dropped(stores, lease):
    was, _ = await save(stores, a_schedule())
    assert await stores.schedules.remove("default", "nightly")
    made, _ = await save(stores, a_schedule(cron="0 * * * *"), NOON + 1)
    late = {"cursor_unix_us": NOON + MINUTE, "next_unix_us": NOON + 2, "queued_unix_us": NOON}
    await record(stores, decided(epoch=lease, created=was.created_unix_us, **late))
    assert await stores.schedules.find("default", "nightly") == made
    await record(stores, decided(epoch=lease, created=made.created_unix_us, **late))
    assert (await stores.schedules.find("default", "nightly")).progress.next_unix_us == NOON + 2


async def test_progress_of_a_backfill_that_was_begun_anew_is_dropped(stores, lease):
    for at_us in (NOON, NOON + 1):
        await save(stores, a_schedule(), at_us)
        begun = a_backfill()
        begun.created_unix_us = at_us
        await stores.schedules.add_backfill(begun)
        if at_us == NOON:
            assert await stores.schedules.remove("default", "nightly")
    shard = shard_of(schedule_ulid("default", "nightly"), len(SHARDS))
    late = DecidedBackfill(
        tenant="default", schedule_id="nightly", id=an_id(9), shard=shard, epoch=lease,
        created_unix_us=NOON, progress=pb.BackfillProgress(status=2, started=3),
    )  # fmt: skip
    await record(stores, backfills=[late])
    (there,) = await stores.schedules.backfills("default", "nightly")
    assert there.progress.started == 0
    late.created_unix_us = NOON + 1
    await record(stores, backfills=[late])
    (there,) = await stores.schedules.backfills("default", "nightly")
    assert there.progress.started == 3


async def test_open_runs_are_those_that_have_not_ended(stores, lease):
    shard = shard_of(schedule_ulid("default", "nightly"), len(SHARDS))
    await stores.journal.commit(batch_of(write(shard, lease, 1, start(1), start(2))))
    await save(stores, a_schedule())
    await record(
        stores,
        decided(
            epoch=lease,
            cursor_unix_us=NOON,
            queued_unix_us=NOON,
            open_executions=[an_id(1), an_id(2), an_id(3)],
        ),
    )
    (queued,) = (await due(stores, NOON)).queued
    assert queued.progress.open_executions == [an_id(1), an_id(2)]
    assert not (await due(stores, NOON, waiting=False)).queued
    await stores.journal.commit(batch_of(write(shard, lease, 3, end(1, 3))))
    found = await stores.schedules.find("default", "nightly")
    assert found.progress.open_executions == [an_id(2)]


async def test_every_change_by_people_is_counted(stores, lease):
    async def number():
        return (await stores.leases.join("c1", "h:1", 60_000)).schedules_changed

    seen = [await number()]
    await save(stores, a_schedule())
    seen.append(await number())
    await stores.schedules.add_backfill(a_backfill())
    seen.append(await number())
    await stores.schedules.stop_backfill("default", "nightly", an_id(9), NOON)
    seen.append(await number())
    await stores.schedules.remove("default", "nightly")
    seen.append(await number())
    assert len({*seen}) == 5
    assert seen == sorted(seen)
    await save(stores, a_schedule())
    last = await number()
    await save(stores, a_schedule())
    await record(stores, decided(epoch=lease, cursor_unix_us=NOON + 1))
    assert await number() == last


def a_backfill(number=9, **fields) -> pb.Backfill:
    return pb.Backfill(
        id=an_id(number),
        schedule_id="nightly",
        tenant="default",
        from_unix_us=NOON - 60 * MINUTE,
        to_unix_us=NOON,
        concurrency=2,
        slots_total=13,
        created_unix_us=NOON + number,
        progress=pb.BackfillProgress(status=pb.BACKFILL_STATUS_RUNNING),
        **fields,
    )


async def test_a_backfill_runs_until_it_is_done_or_stopped(stores, lease):
    assert await stores.schedules.add_backfill(a_backfill()) is None
    await save(stores, a_schedule())
    stored = await stores.schedules.add_backfill(a_backfill())
    assert stored == a_backfill()
    assert await stores.schedules.add_backfill(a_backfill()) == stored
    await stores.schedules.add_backfill(a_backfill(10))
    found = (await due(stores, NOON)).backfills
    assert [one.backfill.id for one in found] == [an_id(9), an_id(10)]
    assert found[0].schedule.id == "nightly"
    progress = pb.BackfillProgress(
        status=pb.BACKFILL_STATUS_COMPLETED, started=3, cursor_unix_us=NOON
    )
    shard = shard_of(schedule_ulid("default", "nightly"), len(SHARDS))
    done = DecidedBackfill(
        tenant="default",
        schedule_id="nightly",
        id=an_id(9),
        shard=shard,
        epoch=lease,
        progress=progress,
    )
    await record(stores, backfills=[done])
    stopped = await stores.schedules.stop_backfill("default", "nightly", an_id(10), NOON + 5)
    assert stopped.progress.status == pb.BACKFILL_STATUS_CANCELLED
    assert stopped.progress.finished_unix_us == NOON + 5
    assert not (await due(stores, NOON)).backfills
    newest, older = await stores.schedules.backfills("default", "nightly")
    assert (newest.id, older.progress.started) == (an_id(10), 3)
    done.id = an_id(10)
    await record(stores, backfills=[done])
    newest, _ = await stores.schedules.backfills("default", "nightly")
    assert newest.progress.status == pb.BACKFILL_STATUS_CANCELLED
    assert await stores.schedules.stop_backfill("default", "nightly", an_id(1), NOON) is None


async def test_not_too_many_backfills_of_a_schedule_run_at_once(stores):
    await save(stores, a_schedule())
    for number in range(10):
        await stores.schedules.add_backfill(a_backfill(number))
    with pytest.raises(LimitExceeded):
        await stores.schedules.add_backfill(a_backfill(10))
