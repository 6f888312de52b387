"""`penstock schema`."""

from penstock.cli.exit_codes import ExitCode
from penstock.cli.extras import load_extra
from penstock.cli.output import print_value
from penstock.cli.problems import run_command


def schema() -> int:
    """Print the JSON Schema of workflow files, with the node types installed here."""

    async def work() -> ExitCode:
        print_value(load_extra("penstock.cli.checking").schema_here(), "json")
        return ExitCode.OK

    return run_command(work)
