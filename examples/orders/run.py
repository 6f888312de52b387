"""Runs the orders example from nothing to the result: `make run` calls it.

Starts the pricing API and, if none runs on the data directory, an embedded cluster; applies the
workflow, starts it, shows every node until the end, prints the summary and how to check it, and
stops what it started. Run it from the repository's root, where the workers look for the CSV file.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from penstock.cli.exit_codes import ExitCode
from penstock.cli.files import apply_source
from penstock.cli.local import local_settings, open_local_cluster, stop_on_signals
from penstock.cli.problems import BadInput, error_console, with_exit_code
from penstock.cli.results import print_result
from penstock.cli.session import DATA_DIR
from penstock.cli.watching import watch_execution
from penstock.embedded import ClusterFile, find_live_cluster
from penstock.embedded.ports import PortPool
from penstock.embedded.probes import probe_http
from penstock.sdk import Client, open_client

HERE = Path(__file__).resolve().parent
FLOW = HERE / "orders.flow.yaml"
API_START_S = 20.0
HINT = """\
Check it by hand (see examples/orders/README.md):
  awk -F, 'NR>1 && $8=="paid"{g=$6*$7;d=($6>=10)?int(g/10):0;t=g-d;
    if(t<20000)t+=($3=="north")?500:($3=="south")?700:($3=="east")?600:($3=="west")?650:2500;
    if(t<=5000000){n++;c+=t}} END{print n, c}' examples/orders/orders.csv"""


@asynccontextmanager
async def open_cluster_file(data_dir: Path) -> AsyncIterator[ClusterFile]:
    """The cluster that runs already, else one for this run."""
    running = find_live_cluster(data_dir)
    if running is not None:
        yield running
        return
    async with open_local_cluster(local_settings(data_dir)) as cluster:
        yield cluster.file


@asynccontextmanager
async def open_pricing_api() -> AsyncIterator[str]:
    """The pricing API as a process of its own; gives its address."""
    port = PortPool(8_099).take((8_099,))
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(HERE / "pricing_api.py"), "--port", str(port)
    )
    try:
        async with asyncio.timeout(API_START_S):
            while await probe_http("127.0.0.1", port, "/health"):
                if process.returncode is not None:
                    raise BadInput("the pricing API does not start", fix="See its error above.")
                await asyncio.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def run_orders(client: Client, params: dict[str, str]) -> ExitCode:
    applied = await apply_source(client, str(FLOW), FLOW.read_text(encoding="utf-8"))
    started = await client.start(applied.name, params, version=applied.version)
    await watch_execution(client, started.id)
    code = await print_result(client, await client.get_execution(started.id), "table")
    if code is ExitCode.OK:
        error_console().print(HINT, markup=False)
    return code


@with_exit_code
async def main(data_dir: Path) -> ExitCode:
    stop_on_signals()
    async with (
        open_pricing_api() as api,
        open_cluster_file(data_dir) as cluster,
        open_client(cluster.gateway_url) as client,
    ):
        database = cluster.app_database_url or cluster.database_url
        archive = f"sqlite:///{data_dir}/files/orders.sqlite"
        return await run_orders(client, {"api": api, "database": database, "archive": archive})


if __name__ == "__main__":
    chosen = (Path(sys.argv[1]) if len(sys.argv) > 1 else DATA_DIR).resolve()
    sys.exit(main(chosen))
