"""A whole cluster in one event loop: several coordinators, workers, state processes and gateways,
all of them the shipped code, brought up by their own entry points over a simulated network,
database and event bus. Places are where processes run; when one dies its successor comes up there.
"""

import asyncio
from collections.abc import Callable, Coroutine
from random import Random
from typing import Any

from penstock.api.sandbox.v1.sandbox_service_pb2_grpc import add_SandboxServiceServicer_to_server
from penstock.common.ids import shard_of
from penstock.coordinator.main import serve as serve_coordinator
from penstock.coordinator.settings import Settings as CoordinatorSettings
from penstock.gateway.main import serve as serve_gateway
from penstock.gateway.settings import Settings as GatewaySettings
from penstock.state.main import serve as serve_state
from penstock.state.settings import Settings as StateSettings
from penstock.worker.service import run_worker
from penstock.worker.settings import Settings as WorkerSettings
from simulate.script import Script
from support.simulated.bus import EventServer
from support.simulated.database import Database
from support.simulated.fabric import CURRENT, Fabric, Process
from support.simulated.outside import Outside
from support.simulated.sandbox import SandboxService
from support.simulated.server import SimulatedServer

Serve = Callable[[asyncio.Event], Coroutine[Any, Any, None]]
_HOSTS = {"coordinator": 1, "state": 2, "sandbox": 3, "gateway": 4, "worker": 5}


def address_of(place: str) -> str:
    """Where a place's server listens."""
    role, _, number = place.partition(":")
    return f"10.0.{_HOSTS[role]}.{number}:7000"


class Cluster:
    """All processes and what is between them."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.fabric = Fabric(Random(f"cluster {script.seed}"))
        self.fabric.twice = script.twice
        self.database = self.fabric.database = Database(self.fabric, script.shards)
        self.bus = self.fabric.bus = EventServer(self.fabric)
        self.bus.drops = script.drops
        self.outside = self.fabric.outside = Outside(self.fabric)
        self.here: dict[str, Process] = {}
        self.skews_us = dict(script.skews_us)
        self.over = False
        self.database.process.skew_us = self.skews_us.get("database", 0)

    def _addresses(self, role: str, first: str = "") -> str:
        """Addresses of a role's places, comma-separated, beginning with another for each asker."""
        places = [one for one in self.script.places if one.startswith(role)]
        shift = int(first.partition(":")[2] or 1) % len(places)
        return ",".join(address_of(one) for one in places[shift:] + places[:shift])

    def begin(self, place: str) -> None:
        """Bring up a process, unless there is one or the world has ended."""
        if self.over or (place in self.here and self.here[place].alive):
            return
        role = place.partition(":")[0]
        process = self.here[place] = self.fabric.born(role, place)
        process.skew_us = self.skews_us.get(place, 0)
        stop = process.inside["stop"] = asyncio.Event()
        process.spawn(self._life(process, stop))

    async def _life(self, process: Process, stop: asyncio.Event) -> None:
        """From start to end; a process that has ended by itself is gone."""
        serve: Serve = getattr(self, f"_{process.role}")
        await serve(stop)
        asyncio.get_running_loop().call_soon(process.kill)

    async def _state(self, stop: asyncio.Event) -> None:
        place = self._place()
        settings = StateSettings(
            listen=address_of(place),
            shard_count=self.script.shards,
            nats_url="nats",
            payload_url="",
            metrics_listen="",
        )
        await serve_state(settings, stop)

    async def _coordinator(self, stop: asyncio.Event) -> None:
        place = self._place()
        settings = CoordinatorSettings(
            listen=address_of(place),
            state_address=self._addresses("state", place),
            metrics_listen="",
            **self.script.settings,
        )
        await serve_coordinator(settings, stop)

    async def _worker(self, stop: asyncio.Event) -> None:
        settings = WorkerSettings(
            coordinators=self._addresses("coordinator"),
            state_address=self._addresses("state", self._place()),
            sandbox_address=self._addresses("sandbox"),
            credits=self.script.credits,
            drain_s=1.0,
            metrics_listen="",
        )
        await run_worker(settings, stop)

    async def _sandbox(self, stop: asyncio.Event) -> None:
        server: Any = SimulatedServer(address_of(self._place()))
        add_SandboxServiceServicer_to_server(SandboxService(self.fabric), server)
        await stop.wait()

    async def _gateway(self, stop: asyncio.Event) -> None:
        place = self._place()
        settings = GatewaySettings(
            coordinator_address=self._addresses("coordinator", place),
            state_address=self._addresses("state", place),
            nats_url="nats",
            grpc_listen=address_of(place),
            metrics_listen="",
        )
        await serve_gateway(settings, stop)

    def _place(self) -> str:
        return CURRENT.get().place

    def living(self, role: str) -> list[Process]:
        """The processes of a role that are alive."""
        return [one for one in self.here.values() if one.alive and one.role == role]

    @property
    def shells(self) -> list[Any]:
        """What coordinators hold in memory, of those that are up."""
        found = (one.inside.get("shell") for one in self.living("coordinator"))
        return [shell for shell in found if shell is not None]

    def owns(self, coordinator: Process, execution: str) -> bool:
        """True if the lease on an execution's shard is a coordinator's, as the database has it."""
        shell: Any = coordinator.inside.get("shell")
        owner = self.database.stores.leases.owner_of(shard_of(execution, self.script.shards))
        return shell is not None and bool(owner == shell.id)

    async def end(self) -> None:
        """Kill everybody and wait until nothing of them is left."""
        self.over = True
        self.fabric.on_point = None
        for process in self.fabric.processes:
            process.kill()
        while any(process.tasks for process in self.fabric.processes):
            await asyncio.sleep(0.001)
