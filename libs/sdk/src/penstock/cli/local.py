"""A session on an embedded cluster that lives as long as the command."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from penstock.cli.news import NewsPrinter
from penstock.cli.problems import error_console
from penstock.embedded.cluster import Cluster, open_cluster
from penstock.embedded.settings import ClusterSettings, backends_from_environment


def stop_on_signals() -> None:
    """Let SIGTERM and SIGHUP cancel the current task, as SIGINT does, so that everything is left in
    order."""
    task = asyncio.current_task()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, lambda: task.cancel() if task else None)


@asynccontextmanager
async def open_local_cluster(settings: ClusterSettings) -> AsyncIterator[Cluster]:
    """An embedded cluster whose news go to standard error."""
    printer = NewsPrinter(error_console(), Path(settings.data_dir) / "logs")
    async with open_cluster(settings, tell=printer.tell) as cluster:
        printer.up = True
        yield cluster
        printer.up = False


def local_settings(data_dir: Path, port: int = 0, *, fixed: bool = False) -> ClusterSettings:
    """Settings of an embedded cluster; port 0 takes free ports for all. Servers that the
    environment names are not started."""
    database_url, nats_url = backends_from_environment()
    return ClusterSettings(
        data_dir=data_dir,
        gateway_port=port,
        gateway_port_fixed=fixed,
        usual_ports=port != 0,
        database_url=database_url,
        nats_url=nats_url,
    )
