"""Restate: its server, the services in one process of Node, a client in another."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from bench.peers.driven import Driven, driven
from bench.peers.installing import NODE, locked, node_folder
from bench.peers.peer import Site, Unavailable, Way, WentWrong
from bench.peers.processes import Program, free_ports, serving

SDK = "@restatedev/restate-sdk"
SERVER = "@restatedev/restate-server"
ALL = "everything: each step in a log with fsync before the next"
PARTITIONS = "4"
"""Its default of 24 is for larger machines: a quarter more CPU per step on two cores."""
QUIET = {"NODE_ENV": "production", "RESTATE_LOGGING": "ERROR"}


def _server(folder: Path) -> Path:
    """The server for this machine."""
    found = sorted(folder.glob(f"node_modules/{SERVER}-*/bin/restate-server"))
    if not found:
        raise Unavailable("there is no restate-server for this kind of machine")
    return found[0]


class Restate:
    """Handlers whose steps the server journals."""

    name = "restate"
    ways = (
        Way(
            "restate-inside", "Restate, steps in one handler", ALL, ALL, (64, 256, 512), (1, 8, 32)
        ),
        Way("restate-calls", "Restate, a call for each step", ALL, ALL, (64, 256, 512), (1, 8, 32)),
    )

    async def prepare(self, site: Site) -> dict[str, str]:
        """Its packages, the server among them."""
        _server(await node_folder(self.name, site.cache))
        return locked(self.name, SERVER, SDK)

    @asynccontextmanager
    async def open(self, way: Way, site: Site) -> AsyncIterator[Driven]:
        """The server, the services made known to it, a client."""
        folder = await node_folder(self.name, site.cache)
        ingress, admin, node, services = free_ports(4)
        argv = [str(_server(folder)), "--no-logo", "--node-name", "bench"]
        env = {
            "RESTATE_BASE_DIR": str(site.scratch / "restate"),
            "RESTATE_BIND_IP": "127.0.0.1",
            "RESTATE_BIND_PORT": str(node),
            "RESTATE_INGRESS__BIND_PORT": str(ingress),
            "RESTATE_ADMIN__BIND_PORT": str(admin),
            "RESTATE_ADMIN__DISABLE_WEB_UI": "true",
            "RESTATE_DISABLE_TELEMETRY": "true",
            "RESTATE_DEFAULT_NUM_PARTITIONS": PARTITIONS,
            "RESTATE_LOG_FILTER": "warn",
        }
        server = Program(argv, site.log("server"), env, site.scratch)
        argv = [NODE, str(folder / "service.mjs")]
        service = Program(argv, site.log("service"), {**QUIET, "PEER_PORT": str(services)})
        async with serving(server, admin) as server_pid, serving(service, services) as service_pid:
            await _register(f"http://127.0.0.1:{admin}", f"http://127.0.0.1:{services}")
            env = {
                "PEER_INGRESS_URL": f"http://127.0.0.1:{ingress}",
                "PEER_WAY": way.name.split("-")[1],
            }
            client = Program([NODE, str(folder / "client.mjs")], site.log("client"), env)
            async with driven(client, [server_pid, service_pid]) as asked:
                yield asked


async def _register(admin_url: str, services_url: str) -> None:
    """Make the services known to the server."""
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{admin_url}/deployments", json={"uri": services_url}) as answer,
    ):
        if answer.status >= 300:
            raise WentWrong(f"its services were not taken: {await answer.text()}")
