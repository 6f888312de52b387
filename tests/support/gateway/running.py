"""A whole gateway on a loopback port in front of a cluster in memory."""

import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

from penstock.common.clock import SystemClock
from penstock.gateway.adapters.coordinators import Coordinators, open_coordinators
from penstock.gateway.adapters.doors import doors_to
from penstock.gateway.adapters.health import Health
from penstock.gateway.adapters.state import open_state
from penstock.gateway.http.app import build_app
from penstock.gateway.http.server import open_http
from penstock.gateway.live.feeds import Feeds
from penstock.gateway.live.hub import Hub, Timing, open_hub
from penstock.gateway.metrics import Metrics
from support.gateway.fake_cluster import FakeCluster


@dataclasses.dataclass(frozen=True)
class Running:
    """What a test can reach."""

    cluster: FakeCluster
    http: aiohttp.ClientSession
    hub: Hub
    coordinators: Coordinators
    metrics: Metrics
    feeds: Feeds
    address: str


@asynccontextmanager
async def run_gateway(
    cluster: FakeCluster, coordinator: str | list[str], state: str, timing: Timing
) -> AsyncIterator[Running]:
    seeds = [coordinator] if isinstance(coordinator, str) else coordinator
    metrics = Metrics()
    async with (
        open_state(state) as reads,
        open_coordinators(seeds, reads) as coordinators,
        open_hub(reads, cluster.follow, metrics, timing) as hub,
    ):
        links = [(await coordinators.link(seed)).channel for seed in seeds]
        channels = {
            "coordinator": list(zip(links, seeds, strict=True)),
            "state": [(reads.channel, state)],
        }
        feeds = Feeds("nats://nowhere", reads)
        health = Health(channels, feeds, SystemClock())
        doors = doors_to(coordinators, reads, hub, metrics, health.report)
        app = build_app(doors)
        async with (
            open_http("127.0.0.1:0", app) as address,
            aiohttp.ClientSession(f"http://{address}") as http,
        ):
            yield Running(cluster, http, hub, coordinators, metrics, feeds, address)
            hub.close()
