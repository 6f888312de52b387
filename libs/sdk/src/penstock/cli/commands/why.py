"""`penstock execution why`: why its nodes have not ended."""

from penstock.cli.exit_codes import ExitCode
from penstock.cli.options import DataDir, Id, Output, Url
from penstock.cli.output import print_table, print_value
from penstock.cli.problems import run_command
from penstock.cli.session import DATA_DIR, open_session


def why(
    execution: Id, /, *, output: Output = "table", url: Url = "", data_dir: DataDir = DATA_DIR
) -> int:
    """Say of every node that has not ended why it has not, in one sentence each."""

    async def work() -> ExitCode:
        async with open_session(url, data_dir) as client:
            found = await client.scheduling.explain(execution)
        if output != "table":
            print_value(found, output)
        elif not found.nodes:
            print(f"{found.id} is {found.status}: nothing waits")
        else:
            rows = [(one.node, one.status, one.why) for one in found.nodes]
            print_table(("NODE", "STATUS", "WHY"), rows)
        return ExitCode.OK

    return run_command(work)
