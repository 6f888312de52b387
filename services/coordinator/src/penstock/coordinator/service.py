"""The coordinator service put together: state's ports over gRPC, the shell, the server side."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from random import SystemRandom  # noqa: TID251 - the edge: jitter of retries

from penstock.common.clock import SystemClock
from penstock.common.metrics import open_metrics
from penstock.common.rpc.channel import open_channel
from penstock.common.rpc.server import Health, RunningServer, open_server
from penstock.coordinator.adapters.finding import StateFinding
from penstock.coordinator.adapters.history import StateHistory
from penstock.coordinator.adapters.journal import AppendStream
from penstock.coordinator.adapters.notices import StateChildren, StateNotices
from penstock.coordinator.adapters.operations import StateOperations
from penstock.coordinator.adapters.peers import open_peers
from penstock.coordinator.adapters.schedules import StateSchedules
from penstock.coordinator.adapters.state import StateLeases, StatePayloads, StateQueries
from penstock.coordinator.adapters.tasks import StateTasks
from penstock.coordinator.adapters.usage import StateUsage
from penstock.coordinator.adapters.watching import Watching
from penstock.coordinator.ports import State
from penstock.coordinator.rpc.dispatch import DispatchRpc
from penstock.coordinator.rpc.register import SERVICES, registration
from penstock.coordinator.rpc.workflows import WorkflowRpc
from penstock.coordinator.settings import Settings
from penstock.coordinator.shell.coordinator import Coordinator, open_coordinator
from penstock.nodes import catalog

_ALL_INTERFACES = ("", "0.0.0.0", "::", "[::]")


@asynccontextmanager
async def open_state(address: str) -> AsyncIterator[State]:
    """State's services; it need not be there yet."""
    async with open_channel(address) as channel:
        yield State(
            AppendStream(channel),
            StateLeases(channel),
            StatePayloads(channel),
            StateQueries(channel),
            StateHistory(channel),
            StateNotices(channel),
            StateChildren(channel),
            StateFinding(channel),
            StateSchedules(channel),
            StateOperations(channel),
            StateTasks(channel),
            StateUsage(channel),
        )


@asynccontextmanager
async def open_service(
    settings: Settings,
) -> AsyncIterator[tuple[RunningServer, Coordinator]]:
    """Serve until the block ends. The server listens at once, so that workers can introduce
    themselves; the health service says serving once the shards are here."""
    async with AsyncExitStack() as stack:
        state = await stack.enter_async_context(open_state(settings.state_address))
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        peers = await stack.enter_async_context(open_peers())
        coordinator = await stack.enter_async_context(
            open_coordinator(settings, state, catalog(), SystemClock(), peers)
        )
        stack.enter_context(open_metrics(settings.metrics_listen, coordinator.measures.registry))
        watching = Watching(settings.nats_url, state.queries)
        workflows = WorkflowRpc(coordinator, watching, tasks)
        health = Health()
        dispatch = DispatchRpc(coordinator, tasks, SystemRandom().random)
        server = await stack.enter_async_context(
            open_server(
                settings.listen,
                registration(coordinator, dispatch, workflows),
                services=SERVICES,
                health=health,
            )
        )
        beside = [
            tasks.create_task(watching.run()),
            tasks.create_task(_tell_when_settled(coordinator, health)),
        ]
        coordinator.join(settings.advertise or _reachable(server.address))
        try:
            yield server, coordinator
        finally:
            await coordinator.close()
            workflows.close()
            for task in beside:
                task.cancel()


async def _tell_when_settled(coordinator: Coordinator, health: Health) -> None:
    await coordinator.shards.settled.wait()
    await health.set_serving(SERVICES, True)


def _reachable(address: str) -> str:
    """An address that others can use: a server on all interfaces is known by its host's name."""
    host, _, port = address.rpartition(":")
    return f"{socket.gethostname()}:{port}" if host in _ALL_INTERFACES else address
