"""Coordinator, worker and state killed together in the middle of what an execution owes others:
sub-workflows, failure flows, people, debuggers, operations. Each time the point is on record, or
its answer was given; what must follow follows once, and `penstock doctor` finds all is well."""

from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from penstock.embedded import ClusterFile, find_live_cluster
from support.cluster import dev_cluster
from support.driving import Driver
from support.outside import Outside, open_outside
from support.point_flows import (
    ALARM,
    ASKS,
    CHAIN,
    FAILS,
    LEAF,
    NAPS,
    PARENT,
    PAYS,
    QUEUES,
    SHAKY,
    STOPS,
    TICKS,
    WAITS,
)
from support.points import doctor, driving, judged, kill, node_is, until

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where a cluster runs that all tests here use."""
    folder = tmp_path_factory.mktemp("features")
    with dev_cluster(folder):
        yield folder


@pytest.fixture
def cluster(folder: Path) -> ClusterFile:
    found = find_live_cluster(folder)
    assert found is not None
    return found


@pytest.fixture
async def outside() -> AsyncIterator[Outside]:
    async with open_outside() as world:
        yield world


async def status_of(driver: Driver, execution_id: str) -> str:
    return (await driver.ask("GET", f"/v1/executions/{execution_id}"))["status"]


async def tasks_of(driver: Driver, execution_id: str) -> list[dict[str, Any]]:
    return (await driver.ask("GET", f"/v1/tasks?execution={execution_id}"))["items"]


def ends_of(family: list[dict[str, Any]]) -> list[str]:
    return [each["execution"]["id"] for each in family if ended(each)]


def ended(child: dict[str, Any]) -> bool:
    return child["execution"]["status"] == "COMPLETED"


@pytest.mark.parametrize("point", ["asked for", "under way", "ended, its parent hardly told"])
async def test_a_sub_workflow_is_started_once_and_its_end_arrives_once(
    cluster: ClusterFile, folder: Path, point: str
):
    async with driving(cluster, LEAF, PARENT) as driver:
        parent = await driver.start("parent", point, {})

        async def is_there() -> bool:
            children = await driver.children_of(parent)
            least = {"asked for": 0, "under way": 1}.get(point, 2)
            return len(children) > 0 and sum(map(ended, children)) >= least

        await until(is_there)
        kill(folder)
        end = await driver.run("parent", point, {})
        assert (end["status"], end["output"]) == ("COMPLETED", 60)
        children = await driver.children_of(parent)
        assert [each["item"] for each in children] == [0, 1, 2, 3, 4]
        await doctor(cluster)
    assert await judged(cluster, parent, *ends_of(children)) == []


async def test_a_failure_flow_that_is_owed_is_started_once(cluster: ClusterFile, folder: Path):
    async with driving(cluster, ALARM, FAILS) as driver:
        execution_id = await driver.start("fails", "owed", {})

        async def is_over() -> bool:
            return await status_of(driver, execution_id) == "FAILED"

        await until(is_over)
        kill(folder)

        async def is_followed() -> bool:
            return bool(ends_of(await driver.children_of(execution_id)))

        await until(is_followed)
        (follower,) = await driver.children_of(execution_id)
        end = await driver.end_of(follower["execution"]["id"])
        assert (end["status"], end["output"]) == ("COMPLETED", execution_id)
        await doctor(cluster)
    assert await judged(cluster, execution_id, end["id"]) == []


async def test_a_delayed_start_that_was_acknowledged_begins_and_not_early(
    cluster: ClusterFile, folder: Path
):
    async with driving(cluster, CHAIN) as driver:
        options = {"delay": "5s", "id": "later"}
        execution_id = await driver.start("chain-of-two", "", {}, **options)
        kill(folder)
        await doctor(cluster)
        again = await driver.start("chain-of-two", "", {}, **options)
        assert again == execution_id
        end = await driver.end_of(execution_id)
        assert (end["status"], end["output"]) == ("COMPLETED", 2)
        began = min(datetime.fromisoformat(node["started_at"]) for node in end["nodes"])
        assert began >= datetime.fromisoformat(end["not_before"])
    assert await judged(cluster, execution_id) == []


async def test_a_pause_and_a_resume_that_were_acknowledged_hold(cluster: ClusterFile, folder: Path):
    async with driving(cluster, NAPS) as driver:
        execution_id = await driver.start("naps", "paused", {})
        await driver.ask("POST", f"/v1/executions/{execution_id}/pause", json={"by": "ann"})
        kill(folder)
        assert await status_of(driver, execution_id) == "PAUSED"
        await doctor(cluster)
        execution = await driver.ask("GET", f"/v1/executions/{execution_id}")
        assert node_is("after", "PENDING")(execution)
        await driver.ask("POST", f"/v1/executions/{execution_id}/resume", json={"by": "ann"})
        kill(folder)
        end = await driver.run("naps", "paused", {})
        assert (end["status"], end["output"]) == ("COMPLETED", "awake")
    assert await judged(cluster, execution_id) == []


async def test_a_node_that_was_completed_by_hand_stays_so(cluster: ClusterFile, folder: Path):
    async with driving(cluster, WAITS) as driver:
        execution_id = await driver.start("waits", "by hand", {})
        path = f"/v1/executions/{execution_id}/nodes/ask/interventions"
        body = {"operation": "complete", "output": 7, "id": "once"}
        await driver.ask("POST", path, json=body)
        kill(folder)
        await driver.ask("POST", path, json=body)
        end = await driver.run("waits", "by hand", {})
        assert (end["status"], end["output"]) == ("COMPLETED", 7)
    assert await judged(cluster, execution_id) == []


async def test_a_task_stays_open_and_its_answer_counts(cluster: ClusterFile, folder: Path):
    async with driving(cluster, ASKS) as driver:
        execution_id = await driver.start("asks", "asked", {})

        async def is_asked() -> bool:
            return bool(await tasks_of(driver, execution_id))

        await until(is_asked)
        (task,) = await tasks_of(driver, execution_id)
        kill(folder)
        assert await tasks_of(driver, execution_id) == [task]
        await doctor(cluster)
        answer = {"decision": "approved", "data": 5, "by": "ann"}
        await driver.ask("POST", f"/v1/tasks/{task['id']}/answer", json=answer)
        kill(folder)
        end = await driver.run("asks", "asked", {})
        assert (end["status"], end["output"]) == ("COMPLETED", 5)
        assert await tasks_of(driver, execution_id) == []
    assert await judged(cluster, execution_id) == []


async def test_an_effect_that_may_have_happened_is_asked_about_and_never_repeated(
    cluster: ClusterFile, folder: Path, outside: Outside
):
    outside.open.clear()
    async with driving(cluster, PAYS) as driver:
        execution_id = await driver.start("pays", "once", {"url": outside.url})
        await outside.reached(1)
        kill(folder)

        async def is_asked() -> bool:
            return bool(await tasks_of(driver, execution_id))

        await until(is_asked)
        outside.open.set()
        (task,) = await tasks_of(driver, execution_id)
        assert (task["kind"], task["node"]) == ("effect", "pay")
        await doctor(cluster)
        answer = {"decision": "happened", "data": "paid"}
        await driver.ask("POST", f"/v1/tasks/{task['id']}/answer", json=answer)
        end = await driver.run("pays", "once", {"url": outside.url})
        assert (end["status"], end["output"]) == ("COMPLETED", "paid")
    assert dict(outside.done) == {f"{execution_id}/pay/0": 1}
    assert await judged(cluster, execution_id) == []


async def test_who_waits_for_a_slot_gets_it_and_never_two_have_it(
    cluster: ClusterFile, folder: Path, outside: Outside
):
    outside.open.clear()
    async with driving(cluster, QUEUES) as driver:
        params = {"url": outside.url}
        runs = [await driver.start("queues", f"narrow {n}", params) for n in range(3)]
        await outside.reached(1)
        await doctor(cluster)
        kill(folder)
        outside.open.set()
        for n in range(3):
            end = await driver.run("queues", f"narrow {n}", params)
            assert (end["status"], end["output"]) == ("COMPLETED", 200)
        await doctor(cluster)
    assert outside.most["/"] == 1
    assert len(outside.done) == 3
    assert await judged(cluster, *runs) == []


async def test_what_a_debugger_holds_stays_held_and_goes_on_when_told(
    cluster: ClusterFile, folder: Path
):
    async with driving(cluster, STOPS) as driver:
        execution_id = await driver.start("stops", "held", {})
        path = f"/v1/executions/{execution_id}/debug"

        async def held() -> list[tuple[str, str]]:
            state = await driver.ask("GET", path)
            return [(each["node"], each["place"]) for each in state["held"]]

        async def is_held_at(node: str) -> bool:
            return [each for each, _ in await held()] == [node]

        await until(partial(is_held_at, "b"))
        kill(folder)
        await doctor(cluster)
        assert await held() == [("b", "after")]
        key = {"Idempotency-Key": "on from b"}
        await driver.ask("POST", f"{path}/continue", headers=key)
        kill(folder)
        await driver.ask("POST", f"{path}/continue", headers=key)
        await until(partial(is_held_at, "c"))
        await driver.ask("POST", f"{path}/continue", headers={"Idempotency-Key": "on from c"})
        end = await driver.run("stops", "held", {})
        assert (end["status"], end["output"]) == ("COMPLETED", 3)
    assert await judged(cluster, execution_id) == []


async def test_a_rerun_that_was_acknowledged_is_one_execution(cluster: ClusterFile, folder: Path):
    async with driving(cluster, CHAIN) as driver:
        past = (await driver.run("chain-of-two", "past", {}))["id"]
        path, key = f"/v1/executions/{past}/rerun", {"Idempotency-Key": "again"}
        made = (await driver.ask("POST", path, json={"from": ["b"]}, headers=key))["id"]
        kill(folder)
        again = await driver.ask("POST", path, json={"from": ["b"]}, headers=key)
        assert again["id"] == made
        end = await driver.end_of(made)
        assert (end["status"], end["output"]) == ("COMPLETED", 2)
        await doctor(cluster)
    assert await judged(cluster, past, made) == []


async def test_a_dead_letter_is_retried_once(cluster: ClusterFile, folder: Path):
    async with driving(cluster, SHAKY) as driver:
        dead = await driver.run("shaky", "dead", {})
        assert dead["status"] == "FAILED"
        path = f"/v1/dead-letters/{dead['id']}/retry"
        made = (await driver.ask("POST", path, json={"params": {"good": True}}))["retried_as"]
        kill(folder)
        again = await driver.ask("POST", path, json={"params": {"good": True}})
        assert again["retried_as"] == made
        past, end = await driver.end_of(dead["id"]), await driver.end_of(made)
        assert end["status"] == "COMPLETED"
        first = next(node for node in past["nodes"] if node["id"] == "first")
        assert end["output"] == first["output"]
    assert await judged(cluster, dead["id"], made) == []


async def test_an_operation_that_is_half_done_reaches_all_of_them(
    cluster: ClusterFile, folder: Path
):
    count = 30
    async with driving(cluster, WAITS) as driver:
        runs = [await driver.start("waits", f"many {n}", {"n": n}) for n in range(count)]
        asked = {"kind": "cancel", "ids": runs, "rate_per_s": 10}
        key = {"Idempotency-Key": "all of them"}
        made = await driver.ask("POST", "/v1/operations", json=asked, headers=key)
        path = f"/v1/operations/{made['id']}"

        async def is_half_done() -> bool:
            asked = {"q": f"id:{','.join(runs)} status:cancelled"}
            found = await driver.ask("GET", "/v1/executions/count", params=asked)
            return found["count"] >= count // 3

        await until(is_half_done)
        kill(folder)

        async def is_over() -> bool:
            return (await driver.ask("GET", path))["state"] == "COMPLETED"

        await until(is_over)
        counted = await driver.ask("GET", path)
        assert [counted[each] for each in ("done", "skipped", "failed")] == [count, 0, 0], counted
        assert {await status_of(driver, each) for each in runs} == {"CANCELLED"}
        again = await driver.ask("POST", "/v1/operations", json=asked, headers=key)
        assert (again["id"], again["existing"]) == (made["id"], True)
        await doctor(cluster)
    assert await judged(cluster, *runs) == []


async def test_each_slot_of_a_schedule_runs_once(cluster: ClusterFile, folder: Path):
    async with driving(cluster, TICKS) as driver:
        body = {"workflow": "ticks", "cron": "* * * * * *", "catch_up": "all"}
        await driver.ask("PUT", "/v1/schedules/ticking", json=body)
        query = "/v1/executions?tag=schedule:ticking&limit=500"

        async def runs(status: str = "") -> list[str]:
            page = await driver.ask("GET", query + (f"&status={status}" if status else ""))
            return [each["id"] for each in page["items"]]

        for _ in range(2):
            had = len(await runs())

            async def goes_on(more: int = had + 2) -> bool:
                return len(await runs()) >= more

            await until(goes_on)
            kill(folder)
        await driver.ask("POST", "/v1/schedules/ticking/pause", json={"note": "enough"})

        async def all_ended() -> bool:
            return len(await runs("COMPLETED")) == len(await runs())

        await until(all_ended)
        ids = await runs()
        ends = [await driver.end_of(each) for each in ids]
        slots = sorted(datetime.fromisoformat(end["output"]).timestamp() for end in ends)
        assert slots == [slots[0] + n for n in range(len(slots))]
        await driver.ask("DELETE", "/v1/schedules/ticking")
        await doctor(cluster)
    assert await judged(cluster, *ids) == []
