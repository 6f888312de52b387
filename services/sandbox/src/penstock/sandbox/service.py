"""The sandbox put together: pool, gRPC server, health, metrics."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from prometheus_client import CollectorRegistry

from penstock.api.sandbox.v1 import sandbox_service_pb2_grpc
from penstock.common.errors import Unavailable
from penstock.common.logging import get_logger
from penstock.common.metrics import open_metrics
from penstock.common.rpc.server import Health, RunningServer, open_server
from penstock.sandbox.front.pool import Pool
from penstock.sandbox.front.process import JailNotStarted
from penstock.sandbox.metrics import Metrics
from penstock.sandbox.rpc import SERVICE, SandboxServicer
from penstock.sandbox.settings import Settings


def _report_confinement(settings: Settings, confinement: dict[str, str]) -> None:
    """Log once what holds; refuse to go on if confinement is required and something is missing."""
    missing = {name: state for name, state in confinement.items() if state != "on"}
    log = get_logger("sandbox")
    log.info("jails_confined", active=sorted(set(confinement) - set(missing)), missing=missing)
    if missing and settings.confinement == "required":
        raise Unavailable(
            f"jails cannot be confined as required: {missing}",
            fix="Run where this is permitted, or set PENSTOCK_SANDBOX_CONFINEMENT=best-effort.",
        )


@asynccontextmanager
async def open_pool(
    settings: Settings, group: asyncio.TaskGroup, metrics: Metrics
) -> AsyncIterator[Pool]:
    """A pool with at least one warm jail. Raises `Unavailable` if none can be started."""
    if not settings.ses_bundle().exists():
        raise Unavailable(
            f"{settings.ses_bundle()} is missing",
            fix="Run `python -m penstock.sandbox.install`, or set PENSTOCK_SANDBOX_NODE_MODULES.",
        )
    pool = Pool(settings, group, metrics)
    try:
        try:
            await pool.start()
        except (JailNotStarted, TimeoutError) as error:
            raise Unavailable(f"no jail could be started: {error}") from error
        _report_confinement(settings, pool.confinement)
        yield pool
    finally:
        pool.close()


@asynccontextmanager
async def open_sandbox(settings: Settings) -> AsyncIterator[RunningServer]:
    """The running service; it serves while at least one jail is warm."""
    health = Health()
    metrics = Metrics(CollectorRegistry())
    async with asyncio.TaskGroup() as group, open_pool(settings, group, metrics) as pool:

        def say_warm(is_warm: bool) -> None:
            group.create_task(health.set_serving([SERVICE], is_warm))

        servicer = SandboxServicer(settings, pool, group, metrics)
        with open_metrics(settings.metrics_listen, metrics.registry):
            async with open_server(
                settings.listen,
                lambda server: sandbox_service_pb2_grpc.add_SandboxServiceServicer_to_server(
                    servicer, server
                ),
                services=[SERVICE],
                health=health,
            ) as server:
                await health.set_serving([SERVICE], pool.is_warm)
                pool.on_warm_changed = say_warm
                yield server
                pool.on_warm_changed = lambda is_warm: None
