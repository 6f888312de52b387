"""A gateway for each test."""

from collections.abc import AsyncIterator

import pytest

from penstock.gateway.live.hub import Timing
from support.gateway.fake_cluster import FakeCluster, open_fake
from support.gateway.running import Running, run_gateway


@pytest.fixture
def cluster() -> FakeCluster:
    return FakeCluster()


@pytest.fixture
def timing() -> Timing:
    return Timing(heartbeat_s=0.05, gather_s=0.001)


@pytest.fixture
async def gateway(cluster: FakeCluster, timing: Timing) -> AsyncIterator[Running]:
    async with (
        open_fake(cluster) as fake,
        run_gateway(cluster, fake.address, fake.address, timing) as running,
    ):
        yield running
