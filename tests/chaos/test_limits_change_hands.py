"""Coordinators stop and die while limits are in use: a slot waits for nobody who has stopped in
good order, and a breaker that is forgotten opens again."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from penstock.api.limits.v1.limits_service_pb2 import Limit, ListLimitsRequest
from penstock.api.limits.v1.limits_service_pb2_grpc import LimitsServiceStub
from penstock.common.rpc.channel import call, open_channel
from penstock.embedded import Cluster, ClusterSettings, open_cluster
from support.driving import Driver
from support.outside import open_outside
from support.points import driving

NARROW = """
flow: 1
id: narrow
params: {items: {type: array}, url: {type: string}}
nodes:
  call:
    for_each: "${{ params.items }}"
    concurrency: {key: outside, limit: 2}
    uses: http@1
    effects: idempotent
    with: {method: POST, url: "${{ params.url }}narrow"}
"""
ILL = """
flow: 1
id: ill
params: {key: {type: string}}
nodes:
  call:
    breaker: {key: "${{ params.key }}", failure_threshold: 2, timeout: 1h, on_open: fail}
    uses: http@1
    effects: idempotent
    retry: none
    with: {method: POST, url: "http://127.0.0.1:9/nobody"}
"""
OPEN = "CIRCUIT_OPEN"
ANEW = ["HTTP_CONNECTION", "HTTP_CONNECTION", OPEN]
"""Why runs fail whose breaker was closed: two find nobody, then it is open."""
KEYS = [f"side-{n}" for n in range(8)]
STEADY = {
    "PENSTOCK_COORDINATOR_LIMIT_FENCE_MS": "3000",
    "PENSTOCK_COORDINATOR_LEASE_TTL_MS": "15000",
}
"""A breaker is forgotten with every change of hands: on a loaded machine a coordinator that lives
must not lose its leases too, or a third run finds nobody."""


@pytest.mark.chaos
@pytest.mark.timeout(180)
async def test_after_an_orderly_stop_no_slot_waits_until_workers_must_have_stopped(tmp_path: Path):
    patient = {"PENSTOCK_COORDINATOR_LIMIT_FENCE_MS": "120000"}
    settings = ClusterSettings(data_dir=tmp_path, workers=2, service_env=patient)
    async with (
        open_cluster(settings) as cluster,
        open_outside() as outside,
        driving(cluster.file, NARROW) as driver,
    ):
        outside.takes_s = 0.2
        params = {"items": list(range(20)), "url": outside.url}
        both = [await driver.start("narrow", f"run-{n}", params) for n in range(2)]
        await outside.reached(6)
        os.kill(cluster.pids["coordinator"], signal.SIGTERM)
        async with asyncio.timeout(60):
            ended = [await driver.end_of(each) for each in both]
        assert [each["status"] for each in ended] == ["COMPLETED"] * 2
        assert outside.most["/narrow"] == 2
        assert cluster.restarts["coordinator"] == 1


@pytest.mark.chaos
@pytest.mark.timeout(240)
async def test_a_breaker_whose_owner_dies_counts_anew_and_opens_again(tmp_path: Path):
    settings = ClusterSettings(data_dir=tmp_path, coordinators=2, service_env=STEADY)
    async with open_cluster(settings) as cluster, driving(cluster.file, ILL) as driver:
        for key in KEYS:
            assert await reasons(driver, key, 3) == ANEW, key
        owner = await owner_of(cluster, KEYS[0])
        cluster.kill(owner)
        await cluster.wait_ready(owner)
        for key in KEYS:
            found = await reasons(driver, key, 3)
            assert found in (ANEW, [OPEN] * 3), key
            assert found == ANEW or key != KEYS[0], "nobody knew of it any more"
        assert (await breaker_at(cluster, KEYS[0])).state == "open"


async def reasons(driver: Driver, key: str, count: int) -> list[str]:
    """Why so many runs fail, one after the other."""
    found = []
    for _ in range(count):
        run = len(driver.told.started)
        body = await driver.run("ill", f"run-{run}", {"key": key})
        found.append(body["failure"]["reason"])
    return found


async def breakers(cluster: Cluster) -> list[tuple[str, Limit]]:
    """Every breaker, with the coordinator that owns it."""
    found = []
    names = [name for name in cluster.pids if name.startswith("coordinator")]
    for name, address in zip(names, cluster.coordinator_addresses, strict=True):
        async with open_channel(address) as channel:
            stub = LimitsServiceStub(channel)
            told = await call(stub.ListLimits, ListLimitsRequest(), tenant="default")
        found += [(name, each) for each in told.limits if each.kind == "breaker"]
    return found


async def owner_of(cluster: Cluster, key: str) -> str:
    return next(name for name, each in await breakers(cluster) if each.key == key)


async def breaker_at(cluster: Cluster, key: str) -> Limit:
    return next(each for _, each in await breakers(cluster) if each.key == key)
