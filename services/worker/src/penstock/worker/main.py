"""Entry point of the worker: settings, health service, worker."""

import asyncio

from penstock.common.logging import get_logger
from penstock.common.rpc.server import open_server
from penstock.common.service import calm_garbage_collector, run_service
from penstock.worker.service import run_worker
from penstock.worker.settings import Settings


async def serve(settings: Settings, stop: asyncio.Event) -> None:
    """Run the worker, with health and reflection beside it."""
    async with open_server(settings.listen, lambda _: None, services=[]) as server:
        get_logger("worker").info("service_ready", address=server.address)
        calm_garbage_collector()
        await run_worker(settings, stop)


def main() -> None:
    """Run the worker service."""
    run_service("worker", Settings, serve)


if __name__ == "__main__":
    main()
