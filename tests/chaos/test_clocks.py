"""Clocks that differ and jump: no timer goes off before its time, no lease is lost, all goes on."""

from pathlib import Path

import pytest

from penstock.embedded import ClusterSettings, open_cluster
from support.busy import FLOW, NAME, check_result
from support.clocks import ProcessClock
from support.load import faults_of, open_load

HOUR_S = 3600.0
SKEWS_S = {
    "coordinator": 3.0,
    "coordinator-2": -3.0,
    "worker": HOUR_S,
    "worker-2": -HOUR_S,
    "state": -HOUR_S,
    "gateway": HOUR_S,
}


@pytest.mark.chaos
@pytest.mark.timeout(180)
async def test_processes_with_different_clocks_work_together(tmp_path: Path):
    clocks = {name: ProcessClock(tmp_path / f"{name}.clock") for name in SKEWS_S}
    for name, seconds in SKEWS_S.items():
        clocks[name].turn(seconds)
    env = {name: clock.environment for name, clock in clocks.items()}
    settings = ClusterSettings(
        data_dir=tmp_path / "cluster", coordinators=2, workers=2, process_env=env
    )
    async with open_cluster(settings) as cluster:
        async with open_load(cluster.gateway_url, FLOW, NAME, check_result) as load:
            await load.more(40)
            cluster.kill("coordinator")
            await load.more(40)
            cluster.kill("coordinator-2")
            await load.more(40)
        assert await faults_of(load, cluster.state_address) == []


@pytest.mark.chaos
@pytest.mark.timeout(180)
async def test_a_clock_that_jumps_costs_no_lease_and_loses_nothing(tmp_path: Path):
    clock = ProcessClock(tmp_path / "clock")
    settings = ClusterSettings(data_dir=tmp_path / "cluster", service_env=clock.environment)
    async with open_cluster(settings) as cluster:
        async with open_load(cluster.gateway_url, FLOW, NAME, check_result) as load:
            for seconds in (HOUR_S, 2 * HOUR_S, HOUR_S - 2, 30 * 24 * HOUR_S):
                await load.more(20)
                clock.turn(seconds)
            await load.more(20)
        assert await faults_of(load, cluster.state_address) == []
        assert "shard_lost" not in cluster.log_of("coordinator").read_text()
        assert not any(cluster.restarts.values())
