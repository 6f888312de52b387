"""`penstock queue ...`: what waits for workers."""

from cyclopts import App

from penstock.cli.call import CALL, Call
from penstock.cli.output import print_table
from penstock.cli.problems import with_exit_code
from penstock.cli.texts import duration_text
from penstock.sdk.scheduling import Queue, QueueReport

app = App(name="queue", help="Show what waits for workers.", help_format="plaintext")


@app.command(name="list")
@with_exit_code
async def list_(*, call: Call = CALL) -> None:
    """List what waits for workers, by pool and node type, and why."""
    async with call.session() as client:
        report = await client.scheduling.queues()
    call.show(report, _print_queues)


def _print_queues(report: QueueReport) -> None:
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


def _why(queue: Queue) -> str:
    return queue.why.removeprefix("Waits for ").removesuffix(".")
