"""Quotas and rates that operators set, as clients meet them over REST."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import pytest

from support.cluster import dev_cluster

pytestmark = pytest.mark.e2e

LIVE, STARTS, RATE = 2, 3, 2
SET = {
    "PENSTOCK_COORDINATOR_QUOTAS": f"tenant.live={LIVE}, workflow.starts={STARTS}/h",
    "PENSTOCK_COORDINATOR_RATE_LIMITS": f"type:js@1={RATE}/h",
}
WAITS = """
flow: 1
id: waits
nodes:
  later: {uses: wait@1, with: {signal: go}}
"""
BRIEF = """
flow: 1
id: brief
nodes:
  nap: {uses: wait@1, with: {duration: 1ms}}
"""
CALLS = """
flow: 1
id: calls
params: {n: {type: array}}
nodes:
  call: {for_each: "${{ params.n }}", run: "return item"}
"""


class Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: Any


class Api:
    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self.url = url
        self.session = session

    async def __call__(self, method: str, path: str, **more: Any) -> Answer:
        async with self.session.request(method, self.url + path, **more) as answer:
            body = await answer.json(content_type=None)
            return Answer(answer.status, answer.headers, body)

    async def apply(self, source: str) -> None:
        headers = {"Content-Type": "application/yaml"}
        applied = await self("POST", "/v1/workflows", data=source.encode(), headers=headers)
        assert applied.status in (200, 201), applied.body

    async def start(self, workflow: str, key: str = "", **params: Any) -> Answer:
        headers = {"Idempotency-Key": key} if key else {}
        path = f"/v1/workflows/{workflow}/executions"
        return await self("POST", path, json={"params": params}, headers=headers)


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    with dev_cluster(tmp_path / "cluster", **SET) as cluster:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
            yield Api(cluster.gateway_url, session)


async def test_quotas_refuse_starts_until_there_is_room_and_rates_let_attempts_wait(api: Api):
    await too_many_alive_are_refused(api)
    await too_many_in_an_hour_are_refused_for_the_rest_of_it(api)
    await a_rate_refuses_nothing_and_says_who_waits(api)


async def too_many_alive_are_refused(api: Api) -> None:
    await api.apply(WAITS)
    begun = [await api.start("waits", f"key-{n}") for n in range(LIVE)]
    assert [each.status for each in begun] == [201] * LIVE
    refused = await api.start("waits", "key-new")
    assert_refused(refused)
    assert refused.headers["Retry-After"] == "1"
    assert refused.body["detail"] == (
        "this account has 2 executions that have not ended; its quota tenant.live allows 2"
    )
    again = await api.start("waits", "key-0")
    assert (again.status, again.body["id"]) == (200, begun[0].body["id"]), "known: not refused"
    for each in begun:
        cancelled = await api("POST", f"/v1/executions/{each.body['id']}/cancel")
        assert cancelled.status < 300, cancelled.body


def assert_refused(refused: Answer) -> None:
    assert refused.status == 429, refused.body
    assert refused.headers["Content-Type"].startswith("application/problem+json")
    assert (refused.body["code"], refused.body["retryable"]) == ("LIMIT_EXCEEDED", True)
    assert refused.body["fix"]


async def too_many_in_an_hour_are_refused_for_the_rest_of_it(api: Api) -> None:
    """What was refused before has not been counted as a start."""
    await api.apply(BRIEF)
    for _ in range(STARTS):
        await started(api, "brief")
    async with asyncio.timeout(20):
        while True:
            refused = await api.start("brief")
            assert_refused(refused)
            if int(refused.headers["Retry-After"]) > 1:
                break
            await asyncio.sleep(0.2)
    assert "'brief' has started 3 executions within the last hour" in refused.body["detail"]
    assert 3_500 < int(refused.headers["Retry-After"]) <= 3_600


async def started(api: Api, workflow: str, **params: Any) -> str:
    """The id of an execution that was started as soon as there was room for it."""
    async with asyncio.timeout(20):
        while (answer := await api.start(workflow, **params)).status == 429:
            await asyncio.sleep(int(answer.headers["Retry-After"]))
    assert answer.status == 201, answer.body
    return answer.body["id"]


async def a_rate_refuses_nothing_and_says_who_waits(api: Api) -> None:
    await api.apply(CALLS)
    execution_id = await started(api, "calls", n=[1, 2, 3])
    sentence = f"Waits for the cluster's rate limit for js@1 ({RATE} in 3600 s)."
    async with asyncio.timeout(20):
        while True:
            told = (await api("GET", f"/v1/executions/{execution_id}/why")).body
            whys = [each["why"] for each in told["nodes"]]
            if any(sentence in why for why in whys):
                break
            await asyncio.sleep(0.1)
    limits = (await api("GET", "/v1/limits")).body["limits"]
    (rate,) = [each for each in limits if each["kind"] == "type_rate"]
    assert (rate["key"], rate["limit"], rate["used"], rate["waiting"]) == ("js@1", RATE, RATE, 1)
