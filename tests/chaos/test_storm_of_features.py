"""Deaths of single processes, of pairs and of both coordinators while executions wait for
sub-workflows, slots and people: each gets what it waits for, once, and no limit is exceeded."""

import asyncio
from functools import partial
from pathlib import Path

import aiohttp
import pytest

from penstock.embedded import Cluster, ClusterSettings, open_cluster
from support.crowded import CHILD, FLOW, NAME, SLOTS, Person, check_result
from support.driving import Driver
from support.load import Load, faults_of, open_load
from support.outside import Outside, open_outside
from support.points import doctor, driving
from support.record import open_record

DEATHS = (
    ("worker",),
    ("coordinator",),
    ("state",),
    ("coordinator", "coordinator-2"),
    ("worker-2", "coordinator-2"),
)
FENCE = {"PENSTOCK_COORDINATOR_LIMIT_FENCE_MS": "3000"}
"""Slots come back sooner than usual after a death."""
GO_ON = 6
CLIENTS = 12


def with_url(url: str, n: int) -> dict[str, int | str]:
    return {"n": n, "url": url}


@pytest.mark.chaos
@pytest.mark.timeout(300)
async def test_who_waits_for_others_gets_it_once_whoever_dies(tmp_path: Path):
    settings = ClusterSettings(data_dir=tmp_path, coordinators=2, workers=2, service_env=FENCE)
    async with open_cluster(settings) as cluster, open_outside() as outside:
        outside.takes_s = 0.1
        async with driving(cluster.file, CHILD) as driver, asyncio.TaskGroup() as group:
            person = Person(driver, outside)
            group.create_task(person.keep_answering())
            load = await storm(cluster, outside)
            person.stopped.set()
        assert await faults_of(load, cluster.state_address) == []
        assert await family_faults(cluster, load) == []
        await doctor(cluster.file)
    assert outside.most["/narrow"] <= SLOTS
    for execution_id in load.driver.told.ended:
        assert outside.done[f"{execution_id}/pay/0"] == 1
        assert outside.done[f"{execution_id}/narrow/0"] >= 1


async def storm(cluster: Cluster, outside: Outside) -> Load:
    """Kill while work keeps coming; what it all came to."""
    params = partial(with_url, outside.url)
    async with open_load(
        cluster.gateway_url, FLOW, NAME, check_result, clients=CLIENTS, params=params
    ) as load:
        for victims in DEATHS:
            await load.more(GO_ON)
            for name in victims:
                cluster.kill(name)
        await load.more(GO_ON)
    return load


async def family_faults(cluster: Cluster, load: Load) -> list[str]:
    """What is wrong between executions and their sub-workflows, each of which must be one."""
    found: list[str] = []
    async with (
        aiohttp.ClientSession() as session,
        open_record(cluster.state_address) as record,
    ):
        driver = Driver(cluster.gateway_url, session)
        for parent in load.driver.told.ended:
            children = [each["execution"]["id"] for each in await driver.children_of(parent)]
            if len(children) != 1:
                found.append(f"{parent} has {len(children)} sub-workflows")
            found += [fault for each in children for fault in await record.faults(each)]
            found += await record.family_faults([parent, *children])
    return found
