"""`penstock schema`."""

from penstock.cli.extras import load_extra
from penstock.cli.output import print_value
from penstock.cli.problems import with_exit_code


@with_exit_code
async def schema() -> None:
    """Print the JSON Schema of workflow files, with the node types installed here."""
    print_value(load_extra("penstock.cli.checking").schema_here(), "json")
