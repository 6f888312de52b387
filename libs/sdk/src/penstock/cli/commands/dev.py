"""`penstock dev`."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.text import Text

from penstock.cli.exit_codes import ExitCode
from penstock.cli.extras import load_extra
from penstock.cli.options import DataDir
from penstock.cli.problems import BadInput, error_console, with_exit_code
from penstock.cli.session import DATA_DIR
from penstock.embedded.cluster_file import ClusterFile
from penstock.embedded.settings import PROCESSES_MAX

_PORT = 8080
_PORT_MAX = 65_535

_States = Annotated[int, Parameter(help="How many processes of the state service, 1 to 16.")]
_Coordinators = Annotated[int, Parameter(help="How many coordinator processes, 1 to 16.")]
_Workers = Annotated[int, Parameter(help="How many worker processes, 1 to 16.")]


@with_exit_code
async def dev(
    *,
    port: Annotated[
        int | None,
        Parameter(
            help="Port of the gateway. Without it 8080, or the port of the last time, or any, "
            "whichever is free first; 0 takes new free ports for all services."
        ),
    ] = None,
    data_dir: DataDir = DATA_DIR,
    states: _States = 1,
    coordinators: _Coordinators = 1,
    workers: _Workers = 1,
) -> ExitCode:
    """Start an embedded cluster and keep serving until Ctrl-C.

    Starts PostgreSQL, NATS and the five services as processes of this machine; a service that dies
    is started again. State, coordinators and workers may run more than once. Servers named in
    PENSTOCK_STATE_DATABASE_URL and PENSTOCK_STATE_NATS_URL are used instead of own ones.
    """
    counts = {"states": states, "coordinators": coordinators, "workers": workers}
    return await _serve(port, data_dir, counts)


async def _serve(port: int | None, data_dir: Path, counts: Mapping[str, int]) -> ExitCode:
    _check(port, counts)
    embedded = load_extra("penstock.cli.local")
    embedded.stop_on_signals()
    settings = embedded.local_settings(
        data_dir, _PORT if port is None else port, fixed=port is not None
    )
    settings = replace(settings, **counts)
    console = error_console()
    loop = asyncio.get_running_loop()
    began = loop.time()
    try:
        async with embedded.open_local_cluster(settings) as cluster:
            console.print(_addresses(cluster.file, cluster.data_dir, loop.time() - began))
            await asyncio.Event().wait()
    except asyncio.CancelledError:
        console.print("stopped", style="dim")
    return ExitCode.OK


def _check(port: int | None, counts: Mapping[str, int]) -> None:
    """Refuse what cannot be, before anything is made. Raises `BadInput`."""
    if port is not None and not 0 <= port <= _PORT_MAX:
        raise BadInput(f"--port {port} is no port", fix=f"Give 0 to {_PORT_MAX}.")
    for name, count in counts.items():
        if not 1 <= count <= PROCESSES_MAX:
            raise BadInput(f"--{name} {count} is not possible", fix=f"Give 1 to {PROCESSES_MAX}.")


def _addresses(file: ClusterFile, data_dir: Path, took_s: float) -> Text:
    """What people need to reach the cluster."""
    rows = [
        ("REST", file.gateway_url),
        ("API docs", f"{file.gateway_url}/docs"),
        ("gRPC", file.coordinator_address),
        ("database for flows", file.app_database_url),
        ("logs", str(data_dir / "logs")),
    ]
    text = Text(f"\nPenstock is up after {took_s:.1f} s. Ctrl-C stops it.\n", style="bold")
    for name, value in rows:
        if value:
            text.append(f"  {name:<20}", style="not bold dim")
            text.append(f"{value}\n", style="not bold default")
    return text
