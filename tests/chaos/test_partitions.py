"""Networks that break between two processes that are both alive, in both directions or in one."""

import asyncio
from pathlib import Path

import pytest

from penstock.embedded import ClusterSettings, open_cluster
from support.busy import FLOW, NAME, check_result
from support.load import faults_of, open_load
from support.partition import open_relay, port_of

APART_S = 8.0
"""Longer than every lease."""
DIRECTIONS = {
    "both ways": {},
    "answers only": {"there": False},
    "questions only": {"back": False},
}


@pytest.mark.chaos
@pytest.mark.timeout(240)
async def test_a_coordinator_cut_off_from_state_does_no_harm_and_comes_back(tmp_path: Path):
    async with open_relay(port_of(tmp_path, "state")) as relay:
        env = {"coordinator-2": {"PENSTOCK_COORDINATOR_STATE_ADDRESS": relay.address}}
        settings = ClusterSettings(data_dir=tmp_path, coordinators=2, workers=2, process_env=env)
        async with open_cluster(settings) as cluster:
            async with open_load(cluster.gateway_url, FLOW, NAME, check_result) as load:
                for direction in DIRECTIONS.values():
                    await load.more(20)
                    relay.cut(**direction)
                    await asyncio.sleep(APART_S)
                    relay.heal()
                await load.more(20)
            assert await faults_of(load, cluster.state_address) == []


@pytest.mark.chaos
@pytest.mark.timeout(240)
async def test_a_coordinator_that_nobody_reaches_goes_on_once_it_is_reached_again(tmp_path: Path):
    async with open_relay(port_of(tmp_path, "coordinator-2")) as relay:
        env = {"coordinator-2": {"PENSTOCK_COORDINATOR_ADVERTISE": relay.address}}
        settings = ClusterSettings(data_dir=tmp_path, coordinators=2, workers=2, process_env=env)
        async with open_cluster(settings) as cluster:
            async with open_load(cluster.gateway_url, FLOW, NAME, check_result) as load:
                for direction in DIRECTIONS.values():
                    await load.more(20)
                    relay.cut(**direction)
                    await asyncio.sleep(APART_S)
                    relay.heal()
                await load.more(20)
            assert await faults_of(load, cluster.state_address) == []


@pytest.mark.chaos
@pytest.mark.timeout(240)
@pytest.mark.parametrize("other", ["state", "sandbox"])
async def test_a_worker_cut_off_from_what_it_needs_loses_nothing(tmp_path: Path, other: str):
    async with open_relay(port_of(tmp_path, other)) as relay:
        env = {"worker-2": {f"PENSTOCK_WORKER_{other.upper()}_ADDRESS": relay.address}}
        settings = ClusterSettings(data_dir=tmp_path, workers=2, process_env=env)
        async with open_cluster(settings) as cluster:
            async with open_load(cluster.gateway_url, FLOW, NAME, check_result) as load:
                await load.more(20)
                relay.cut()
                await asyncio.sleep(APART_S)
                relay.heal()
                await load.more(20)
            assert await faults_of(load, cluster.state_address) == []
