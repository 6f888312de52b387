"""The schedules of a workflow's file live with its versions."""

import pytest

from penstock.api.schedule.v1 import schedule_pb2 as pb
from penstock.api.workflow.v1.workflow_service_pb2 import Workflow
from penstock.common.errors import Conflict
from penstock.state.ports import FileSchedules
from support.schedule_rows import MINUTE, NOON, a_schedule, save


def a_file(*schedules: pb.Schedule, now_us=NOON) -> FileSchedules:
    for one in schedules:
        one.from_file, one.tenant = True, "default"
    return FileSchedules(schedules, now_us)


async def apply(stores, content, file):
    workflow = Workflow(name="orders", definition_hash=content, source=content)
    return await stores.workflows.put("default", workflow, file)


async def test_the_schedules_of_a_file_follow_its_versions(stores):
    await save(stores, a_schedule("by-hand"))
    await apply(stores, "v1", a_file(a_schedule("a"), a_schedule("b", "0 * * * *")))
    found = await stores.schedules.page("default", "orders", "", 10)
    assert [(one.id, one.from_file) for one in found] == [
        ("a", True),
        ("b", True),
        ("by-hand", False),
    ]
    later = NOON + 17 * MINUTE
    await apply(stores, "v2", a_file(a_schedule("b", "0 * * * *"), now_us=later))
    found = await stores.schedules.page("default", "orders", "", 10)
    assert [one.id for one in found] == ["b", "by-hand"]
    assert found[0].progress.cursor_unix_us == NOON
    assert (await apply(stores, "v2", None))[0].version == 2
    assert len(await stores.schedules.page("default", "orders", "", 10)) == 2


async def test_a_file_s_schedule_is_changed_in_the_file_but_can_be_paused(stores):
    await apply(stores, "v1", a_file(a_schedule("a")))
    with pytest.raises(Conflict):
        await save(stores, a_schedule("a", "1 * * * *"))
    with pytest.raises(Conflict):
        await stores.schedules.remove("default", "a")
    paused, _ = await save(stores, a_schedule("a", paused=True, note="holidays"))
    assert paused.from_file
    await apply(stores, "v2", a_file(a_schedule("a", "1 * * * *")))
    found = await stores.schedules.find("default", "a")
    assert (found.paused, found.note, found.timing.cron) == (True, "holidays", "1 * * * *")


async def test_a_file_that_wants_somebody_else_s_schedule_is_not_stored(stores):
    await save(stores, a_schedule("a"))
    with pytest.raises(Conflict):
        await apply(stores, "v1", a_file(a_schedule("new"), a_schedule("a", "1 * * * *")))
    assert await stores.workflows.find("default", "orders", 0) is None
    assert [one.id for one in await stores.schedules.page("default", "", "", 9)] == ["a"]
