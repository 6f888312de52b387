"""`penstock queue ...`: what waits for workers."""

from cyclopts import App

from penstock.cli.exit_codes import ExitCode
from penstock.cli.options import DataDir, Output, Url
from penstock.cli.output import print_table, print_value
from penstock.cli.problems import run_command
from penstock.cli.session import DATA_DIR, open_session
from penstock.cli.texts import duration_text
from penstock.sdk.scheduling import Queue

app = App(name="queue", help="Show what waits for workers.", help_format="plaintext")


@app.command(name="list")
def list_(*, output: Output = "table", url: Url = "", data_dir: DataDir = DATA_DIR) -> int:
    """List what waits for workers, by pool and node type, and why."""

    async def work() -> ExitCode:
        async with open_session(url, data_dir) as client:
            report = await client.scheduling.queues()
        if output != "table":
            print_value(report, output)
            return ExitCode.OK
        pools = [
            (pool.pool, str(pool.workers), str(pool.waiting), duration_text(pool.oldest_s))
            for pool in report.pools
        ]
        print_table(("POOL", "WORKERS", "WAITING", "OLDEST"), pools)
        if report.queues:
            print()
            rows = [
                (queue.node_type, str(queue.waiting), duration_text(queue.oldest_s), _why(queue))
                for queue in report.queues
            ]
            print_table(("NODE TYPE", "WAITING", "OLDEST", "WHY"), rows, gives_way=("WHY",))
        return ExitCode.OK

    return run_command(work)


def _why(queue: Queue) -> str:
    return queue.why.removeprefix("Waits for ").removesuffix(".")
