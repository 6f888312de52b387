"""`penstock-coordinator`: owns shards of executions and decides what happens next."""

import asyncio

from penstock.common.logging import get_logger
from penstock.common.service import calm_garbage_collector, run_service
from penstock.coordinator.service import open_service
from penstock.coordinator.settings import Settings


async def serve(settings: Settings, stop: asyncio.Event) -> None:
    """Serve until told to stop."""
    async with open_service(settings) as (server, coordinator):
        calm_garbage_collector()
        await coordinator.settled_or(stop)
        get_logger("service").info("service_ready", role="coordinator", address=server.address)
        await stop.wait()


def main() -> None:
    """Entry point."""
    run_service("coordinator", Settings, serve)
