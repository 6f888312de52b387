"""`penstock execution why`: why its nodes have not ended."""

from penstock.cli.call import CALL, Call
from penstock.cli.options import Id
from penstock.cli.output import print_table
from penstock.cli.problems import with_exit_code
from penstock.sdk.scheduling import Explanation


@with_exit_code
async def why(execution: Id, /, *, call: Call = CALL) -> None:
    """Say of every node that has not ended why it has not, in one sentence each."""
    async with call.session() as client:
        found = await client.scheduling.explain(execution)
    call.show(found, _print_reasons)


def _print_reasons(found: Explanation) -> None:
    if not found.nodes:
        print(f"{found.id} is {found.status}: nothing waits")
    else:
        rows = [(one.node, one.status, one.why) for one in found.nodes]
        print_table(("NODE", "STATUS", "WHY"), rows)
