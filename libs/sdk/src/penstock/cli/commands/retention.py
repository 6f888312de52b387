"""`penstock retention`."""

from penstock.cli.call import CALL, Call
from penstock.cli.output import print_table
from penstock.cli.problems import with_exit_code
from penstock.cli.texts import duration_text
from penstock.sdk.retention import RetentionReport


@with_exit_code
async def retention(*, call: Call = CALL) -> None:
    """Show how long ended executions are kept and what would be removed now; removes nothing."""
    async with call.session() as client:
        report = await client.retention.preview()
    call.show(report, _print_retention)


def _print_retention(report: RetentionReport) -> None:
    if report.workflows:
        rows = [
            (one.workflow, _kept(one.completed_s), _kept(one.failed_s), str(one.executions))
            for one in report.workflows
        ]
        print_table(("WORKFLOW", "COMPLETED KEPT", "OTHERS KEPT", "TO REMOVE"), rows)
    least = "" if report.exact else "at least "
    others = f"{report.operations} operations, {report.payloads} payloads"
    print(f"to remove: {least}{report.executions} executions, {others}")


def _kept(seconds: float | None) -> str:
    return "for ever" if seconds is None else duration_text(seconds)
