"""Deaths and stalls of every process, of every pair and of all at once, while work keeps coming.

After each fault work must go on by itself; at the end every acknowledged execution has ended well,
once, and the checker agrees with every journal.
"""

import asyncio
import itertools
from pathlib import Path

import psutil
import pytest

from penstock.embedded import Cluster, ClusterSettings, open_cluster
from support.busy import FLOW, NAME, check_result
from support.load import faults_of, open_load

ROLES = ("worker", "sandbox", "coordinator", "state", "gateway", "postgres", "nats")
DEATHS = (*itertools.combinations(ROLES, 1), *itertools.combinations(ROLES, 2), ROLES)
STALL_S = 7.0
"""Longer than any lease: whoever stalls is taken for dead by the others, and comes back."""
GO_ON = 10


@pytest.mark.chaos
@pytest.mark.timeout(400)
async def test_work_goes_on_after_every_death_every_pair_and_all_at_once(tmp_path: Path):
    async with open_cluster(ClusterSettings(data_dir=tmp_path)) as cluster:
        async with open_load(cluster.gateway_url, FLOW, NAME, check_result) as load:
            for victims in DEATHS:
                await load.more(GO_ON)
                for name in victims:
                    cluster.kill(name)
            await load.more(GO_ON)
        assert await faults_of(load, cluster.state_address) == []
        deaths = {name: sum(name in victims for victims in DEATHS) for name in ROLES}
        assert all(cluster.restarts[name] >= count // 2 for name, count in deaths.items())


@pytest.mark.chaos
@pytest.mark.timeout(400)
async def test_who_stalls_longer_than_its_lease_does_no_harm_when_it_wakes_up(tmp_path: Path):
    settings = ClusterSettings(data_dir=tmp_path, states=2, coordinators=2, workers=2)
    async with open_cluster(settings) as cluster:
        async with open_load(cluster.gateway_url, FLOW, NAME, check_result) as load:
            for name in ("coordinator", "worker", "state", "sandbox", "coordinator-2", "nats"):
                await load.more(GO_ON)
                await stall(cluster, name)
            await load.more(GO_ON)
            await asyncio.gather(*(stall(cluster, name) for name in ("coordinator", "worker-2")))
            await load.more(GO_ON)
            await asyncio.gather(*(stall(cluster, name) for name in cluster.pids))
            await load.more(GO_ON)
        assert await faults_of(load, cluster.state_address) == []


async def stall(cluster: Cluster, name: str) -> None:
    """SIGSTOP a process and its children for longer than its lease."""
    process = psutil.Process(cluster.pids[name])
    family = [process, *process.children(recursive=True)]
    for each in family:
        each.suspend()
    try:
        await asyncio.sleep(STALL_S)
    finally:
        for each in family:
            each.resume()
