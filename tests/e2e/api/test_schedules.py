"""Schedules through REST, on the shipped cluster: each slot runs once, whoever dies."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest

from penstock.embedded import ClusterFile, find_live_cluster

pytestmark = pytest.mark.e2e

FLOW = """
flow: 1
id: tick
params: {n: {type: integer, default: 0}}
nodes:
  work: {run: "return {slot: run.trigger.scheduled_at, n: params.n}"}
output: ${{ nodes.work.output }}
"""


class Api:
    """REST, as told by a problem or an answer."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self._url = url
        self._session = session

    async def __call__(self, method: str, path: str, **more: Any) -> tuple[int, Any]:
        async with self._session.request(method, self._url + path, **more) as answer:
            return answer.status, await answer.json(content_type=None)

    async def runs(self, tag: str) -> list[dict[str, Any]]:
        """Executions of a schedule that have ended, oldest first."""
        query = f"tag={quote(tag, safe='')}&limit=500&status=COMPLETED"
        _, page = await self("GET", f"/v1/executions?{query}")
        found = []
        for item in reversed(page["items"]):
            _, execution = await self("GET", f"/v1/executions/{item['id']}")
            found.append(execution)
        return found


@pytest.fixture
async def api(cluster: ClusterFile) -> AsyncIterator[Api]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as session:
        api = Api(cluster.gateway_url, session)
        yaml = {"Content-Type": "application/yaml"}
        status, _ = await api("POST", "/v1/workflows", data=FLOW.encode(), headers=yaml)
        assert status in (200, 201)
        yield api


def on(schedule: str, *rest: str) -> str:
    return "/".join(("/v1/schedules", quote(schedule, safe=""), *rest))


async def last_fire(api: Api, name: str, after: str = "") -> dict[str, Any]:
    """The newest decision of a schedule, once there is one for a slot later than another."""
    async with asyncio.timeout(45):
        while True:
            status, found = await api("GET", on(name))
            if status == 200 and found["fires"] and found["fires"][0]["slot"] > after:
                return found["fires"][0]
            await asyncio.sleep(0.1)


async def test_a_schedule_of_every_second_runs_each_slot_once_though_the_coordinator_is_killed(
    api: Api, data_dir: Path
):
    body = {"workflow": "tick", "cron": "* * * * * *", "params": {"n": 3}, "catch_up": "all"}
    status, made = await api("PUT", on("each/second"), json=body)
    assert status == 201, made
    for _ in range(2):
        seen = await last_fire(api, "each/second", made["next_slots"][0])
        kill_coordinator(data_dir)
        seen = await last_fire(api, "each/second", seen["slot"])
    async with asyncio.timeout(30):
        while (await api("POST", on("each/second", "pause"), json={"note": "enough"}))[0] != 200:
            await asyncio.sleep(0.1)
    _, known = await api("GET", on("each/second"))
    assert known["why"] == "It is paused and fires no slot: enough."
    seconds = seconds_of(known["fires"][0]["slot"]) - seconds_of(made["next_slots"][0]) + 1
    async with asyncio.timeout(30):
        while len(runs := await api.runs("schedule:each/second")) < seconds:
            await asyncio.sleep(0.2)
    slots = sorted(seconds_of(run["output"]["slot"]) for run in runs)
    first = seconds_of(made["next_slots"][0])
    assert slots == list(range(first, first + len(slots)))
    assert {run["output"]["n"] for run in runs} == {3}
    assert (await api("DELETE", on("each/second")))[0] == 200


def seconds_of(slot: str) -> int:
    return round(datetime.fromisoformat(slot).timestamp())


def kill_coordinator(data_dir: Path) -> None:
    cluster = find_live_cluster(data_dir)
    assert cluster is not None
    os.kill(cluster.processes["coordinator"].pid, signal.SIGKILL)


async def test_a_backfill_runs_every_slot_of_a_range_and_none_twice(api: Api):
    body = {"workflow": "tick", "cron": "0 * * * *", "timezone": "Europe/Madrid"}
    status, _ = await api("PUT", on("hours"), json=body)
    assert status == 201
    spring = {"from": "2026-03-29T00:00:00+01:00", "to": "2026-03-29T06:00:00+02:00"}
    for key in ("first", "first", "second"):
        status, begun = await api(
            "POST",
            on("hours", "backfills"),
            json=spring | {"concurrency": 3},
            headers={"Idempotency-Key": key},
        )
        assert status == 201, begun
    async with asyncio.timeout(30):
        while True:
            _, listed = await api("GET", on("hours", "backfills"))
            if {one["status"] for one in listed["items"]} == {"COMPLETED"}:
                break
            await asyncio.sleep(0.1)
    assert [one["slots"] for one in listed["items"]] == [6, 6]
    assert sum(one["started"] for one in listed["items"]) == 6
    runs = await api.runs("schedule:hours")
    hours = [datetime.fromisoformat(run["output"]["slot"]) for run in runs]
    assert sorted(hours) == [
        datetime(2026, 3, 28, 23, tzinfo=UTC) + timedelta(hours=n) for n in range(6)
    ]


async def test_schedules_of_a_file_follow_it_and_a_start_by_hand_is_theirs(api: Api):
    yaml = {"Content-Type": "application/yaml"}
    flow = FLOW.replace("id: tick", "id: filed") + 'triggers: [{schedule: "0 0 29 2 *"}]\n'
    await api("POST", "/v1/workflows", data=flow.encode(), headers=yaml)
    name = "schedule:filed:0 0 29 2 *"
    status, found = await api("GET", on(name) + "?next=2")
    assert status == 200, found
    assert found["from_file"]
    assert [slot[:10] for slot in found["next_slots"]] == ["2028-02-29", "2032-02-29"]
    status, refused = await api("DELETE", on(name))
    assert (status, refused["code"]) == (409, "CONFLICT")
    status, started = await api("POST", on(name, "trigger"))
    assert status == 201, started
    async with asyncio.timeout(20):
        while not await api.runs(name):
            await asyncio.sleep(0.1)
    fire = await last_fire(api, name)
    assert (fire["by_hand"], fire["execution_id"]) == (True, started["execution_id"])
    without = FLOW.replace("id: tick", "id: filed")
    await api("POST", "/v1/workflows", data=without.encode(), headers=yaml)
    assert (await api("GET", on(name)))[0] == 404


BAD = [
    ({"workflow": "tick", "cron": "61 * * * *"}, 422, "INVALID_SCHEDULE", "cron"),
    ({"workflow": "tick", "cron": "@daily", "timezone": "Mars"}, 422, "INVALID_SCHEDULE", "zone"),
    ({"workflow": "", "cron": "@daily"}, 422, "INVALID_SCHEDULE", "workflow"),
    ({"workflow": "no-such", "cron": "@daily"}, 404, "NOT_FOUND", ""),
    ({"workflow": "tick", "cron": "@daily", "params": {"n": "x"}}, 422, "INVALID_PARAMS", ""),
    ({"workflow": "tick", "cron": "@daily", "jitter_s": 10**9}, 422, "INVALID_SCHEDULE", "jitter"),
    ({"workflow": "tick", "cron": "@daily", "jitter_s": -1}, 400, "INVALID_ARGUMENT", "jitter"),
    ({"workflow": "tick", "cron": "@daily", "overlap": "maybe"}, 400, "INVALID_ARGUMENT", "over"),
    ({"workflow": "tick", "cron": "@daily", "start_at": "noon"}, 400, "INVALID_ARGUMENT", "start"),
    ({"workflow": "tick", "cron": "@daily", "revision": 7}, 409, "CONFLICT", ""),
    ({"workflow": "tick", "corn": "@daily"}, 400, "INVALID_ARGUMENT", "corn"),
]


@pytest.mark.parametrize(("body", "status", "code", "path"), BAD)
async def test_a_bad_schedule_is_refused_with_its_place_and_not_kept(
    api: Api, body, status, code, path
):
    answered, problem = await api("PUT", on("bad"), json=body)
    assert (answered, problem["code"]) == (status, code), problem
    assert path in str(problem)
    assert (await api("GET", on("bad")))[0] == 404


async def test_all_that_is_wrong_is_told_at_once(api: Api):
    body = {"workflow": "tick", "cron": "61 25 * * *", "timezone": "Mars", "jitter_s": 10**9}
    _, problem = await api("PUT", on("bad"), json=body)
    assert len(problem["errors"]) == 4


async def test_the_next_slots_of_an_expression_are_told_without_keeping_it(api: Api):
    body = {"cron": "30 2 * * *", "timezone": "Europe/Madrid", "count": 2,
            "after": "2026-03-28T12:00:00Z"}  # fmt: skip
    status, preview = await api("POST", "/v1/schedules/preview", json=body)
    assert status == 200, preview
    assert preview["slots"] == ["2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"]
    status, problem = await api("POST", "/v1/schedules/preview", json={"cron": "* *"})
    assert (status, problem["code"]) == (422, "INVALID_SCHEDULE")
    assert (await api("POST", "/v1/schedules/preview", json={"cron": "@daily", "count": 10**6}))[
        0
    ] == 400


@pytest.mark.parametrize(
    ("range_", "path"),
    [
        ({"from": "2026-01-02T00:00:00Z", "to": "2026-01-01T00:00:00Z"}, "to"),
        ({"from": "2026-01-02T00:00:00Z", "to": "2126-01-01T00:00:00Z"}, "to"),
        ({"from": "2000-01-01T00:00:00Z", "to": "2026-01-01T00:00:00Z"}, "to"),
        ({"from": "yesterday", "to": "2026-01-01T00:00:00Z"}, "from"),
        ({"from": "2025-12-31T00:00:00Z", "to": "2026-01-01T00:00:00Z", "concurrency": 101},
         "concurrency"),
    ],
)  # fmt: skip
async def test_a_bad_range_is_refused_and_nothing_is_begun(api: Api, range_, path):
    await api("PUT", on("ranges"), json={"workflow": "tick", "cron": "0 * * * *"})
    status, problem = await api("POST", on("ranges", "backfills"), json=range_)
    assert status == 400, problem
    assert problem["errors"][0]["path"] == path
    assert (await api("GET", on("ranges", "backfills")))[1] == {"items": []}
