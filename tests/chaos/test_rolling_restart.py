"""Everything is restarted, one after the other, while work keeps coming: nothing that was
acknowledged is lost, and what drains hands back what it cannot finish."""

import os
import signal
from pathlib import Path

import pytest

from penstock.embedded import ClusterSettings, open_cluster
from support.busy import FLOW, NAME, check_result
from support.load import faults_of, open_load
from support.record import open_record

ORDER = (
    "worker", "worker-2", "coordinator", "coordinator-2", "state", "state-2", "sandbox", "gateway",
)  # fmt: skip


@pytest.mark.chaos
@pytest.mark.timeout(240)
async def test_a_rolling_restart_fails_nothing_that_was_acknowledged(tmp_path: Path):
    settings = ClusterSettings(data_dir=tmp_path, states=2, coordinators=2, workers=2)
    async with open_cluster(settings) as cluster:
        async with open_load(cluster.gateway_url, FLOW, NAME, check_result) as load:
            for name in ORDER:
                await load.more(10)
                before = cluster.restarts[name]
                os.kill(cluster.pids[name], signal.SIGTERM)
                while cluster.restarts[name] == before:
                    await load.more(1)
                await cluster.wait_ready(name)
            await load.more(10)
        assert await faults_of(load, cluster.state_address) == []
        assert set(cluster.restarts.values()) - {0} == {1}


@pytest.mark.chaos
@pytest.mark.timeout(180)
async def test_workers_that_are_told_to_stop_lose_no_attempt(tmp_path: Path):
    async with open_cluster(ClusterSettings(data_dir=tmp_path, workers=2)) as cluster:
        async with open_load(cluster.gateway_url, FLOW, NAME, check_result) as load:
            for name in ("worker", "worker-2"):
                await load.more(30)
                before = cluster.restarts[name]
                os.kill(cluster.pids[name], signal.SIGTERM)
                while cluster.restarts[name] == before:
                    await load.more(1)
                await cluster.wait_ready(name)
            await load.more(30)
        assert await faults_of(load, cluster.state_address) == []
        async with open_record(cluster.state_address) as record:
            for execution_id in load.driver.told.ended:
                events = [e for b in await record.journal(execution_id) for e in b.events]
                causes = [e.attempt_lost.cause for e in events if e.HasField("attempt_lost")]
                assert not [cause for cause in causes if "silent" in cause or "gone" in cause]
