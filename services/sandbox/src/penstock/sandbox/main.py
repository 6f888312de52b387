"""`penstock-sandbox`: runs user JavaScript in jails."""

import asyncio

from penstock.common.logging import get_logger
from penstock.common.service import calm_garbage_collector, run_service
from penstock.sandbox.service import open_sandbox
from penstock.sandbox.settings import Settings


async def serve(settings: Settings, stop: asyncio.Event) -> None:
    """Serve until told to stop."""
    async with open_sandbox(settings) as server:
        calm_garbage_collector()
        get_logger("service").info("service_ready", role="sandbox", address=server.address)
        await stop.wait()


def main() -> None:
    """Entry point."""
    run_service("sandbox", Settings, serve)


if __name__ == "__main__":
    main()
