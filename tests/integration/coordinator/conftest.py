"""A coordinator over real gRPC, with state in memory."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from penstock.api.workflow.v1.workflow_service_pb2_grpc import WorkflowServiceStub
from penstock.common.clock import Clock, SystemClock
from penstock.common.rpc.channel import open_channel
from penstock.common.rpc.server import open_server
from penstock.coordinator.adapters.peers import open_peers
from penstock.coordinator.adapters.watching import Watching
from penstock.coordinator.rpc.dispatch import DispatchRpc
from penstock.coordinator.rpc.register import SERVICES, registration
from penstock.coordinator.rpc.workflows import WorkflowRpc
from penstock.coordinator.settings import Settings
from penstock.coordinator.shell.coordinator import open_coordinator
from penstock.nodes import catalog
from support.coordinator.memory_state import MemoryJournal, MemoryState


class Running:
    """A coordinator that serves."""

    def __init__(self, coordinator, journal, channel, address) -> None:
        self.shell = coordinator
        self.journal: MemoryJournal = journal
        self.channel = channel
        self.address = address
        self.stub = WorkflowServiceStub(channel)


@asynccontextmanager
async def open_running(
    state: MemoryState, *, address: str | None = None, clock: Clock | None = None, **settings
) -> AsyncIterator[Running]:
    ports = state.ports()
    async with AsyncExitStack() as stack:
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        peers = await stack.enter_async_context(open_peers())
        shell = await stack.enter_async_context(
            open_coordinator(
                Settings(**{"audit_period_ms": 0, **settings}),
                ports,
                catalog(),
                clock or SystemClock(),
                peers,
            )
        )
        workflows = WorkflowRpc(shell, Watching("", ports.queries), tasks)
        dispatch = DispatchRpc(shell, tasks, lambda: 0.5)
        server = await stack.enter_async_context(
            open_server("127.0.0.1:0", registration(shell, dispatch, workflows), services=SERVICES)
        )
        shell.join(address or server.address)
        async with asyncio.timeout(10):
            await shell.shards.settled.wait()
        channel = await stack.enter_async_context(open_channel(server.address))
        try:
            yield Running(shell, ports.journal, channel, server.address)
        finally:
            await shell.close()
            workflows.close()


@pytest.fixture
def state() -> MemoryState:
    return MemoryState()


@pytest.fixture
async def running(state: MemoryState) -> AsyncIterator[Running]:
    async with open_running(state) as coordinator:
        yield coordinator


@pytest.fixture
def opened():
    """Open a coordinator over a given state."""
    return open_running
