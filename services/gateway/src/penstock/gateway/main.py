"""The gateway process."""

import asyncio

from penstock.common.clock import SystemClock
from penstock.common.logging import get_logger
from penstock.common.metrics import open_metrics
from penstock.common.rpc.server import open_server
from penstock.common.service import calm_garbage_collector, run_service
from penstock.gateway.adapters.coordinators import open_coordinators
from penstock.gateway.adapters.doors import doors_to
from penstock.gateway.adapters.health import Health
from penstock.gateway.adapters.state import open_state
from penstock.gateway.http.app import build_app
from penstock.gateway.http.server import open_http
from penstock.gateway.live.feeds import open_feeds
from penstock.gateway.live.hub import open_hub
from penstock.gateway.metrics import Metrics
from penstock.gateway.settings import Settings


async def serve(settings: Settings, stop: asyncio.Event) -> None:
    """Serve until `stop`; then tell the watchers to go, finish the requests under way and leave."""
    metrics = Metrics()
    async with (
        open_state(settings.state_address) as reads,
        open_coordinators(settings.coordinators, reads) as coordinators,
        open_feeds(settings.nats_url, reads) as feeds,
        open_hub(reads, feeds.follow, metrics) as hub,
        open_server(settings.grpc_listen, lambda _: None, services=()),
    ):
        metrics.count_starts(lambda: coordinators.starts_in_flight)
        seeds = [await coordinators.link(each) for each in settings.coordinators]
        services = {
            "coordinator": [(seed.channel, seed.address) for seed in seeds],
            "state": [(reads.channel, settings.state_address)],
        }
        health = Health(services, feeds, SystemClock())
        doors = doors_to(coordinators, reads, hub, metrics, health.report)
        app = build_app(doors, access_log=settings.access_log)
        with open_metrics(settings.metrics_listen, metrics.registry):
            async with open_http(settings.listen, app) as address:
                calm_garbage_collector()
                get_logger("gateway").info("service_ready", address=address)
                await stop.wait()
                hub.close()
                coordinators.release()


def main() -> None:
    """Run the gateway."""
    run_service("gateway", Settings, serve)
