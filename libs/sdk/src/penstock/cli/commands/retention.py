"""`penstock retention`."""

from penstock.cli.exit_codes import ExitCode
from penstock.cli.options import DataDir, Output, Url
from penstock.cli.output import print_table, print_value
from penstock.cli.problems import run_command
from penstock.cli.session import DATA_DIR, open_session
from penstock.cli.texts import duration_text


def retention(*, output: Output = "table", url: Url = "", data_dir: DataDir = DATA_DIR) -> int:
    """Show how long ended executions are kept and what would be removed now; removes nothing."""

    async def work() -> ExitCode:
        async with open_session(url, data_dir) as client:
            report = await client.retention.preview()
        if output != "table":
            print_value(report, output)
            return ExitCode.OK
        if report.workflows:
            rows = [
                (one.workflow, _kept(one.completed_s), _kept(one.failed_s), str(one.executions))
                for one in report.workflows
            ]
            print_table(("WORKFLOW", "COMPLETED KEPT", "OTHERS KEPT", "TO REMOVE"), rows)
        least = "" if report.exact else "at least "
        others = f"{report.operations} operations, {report.payloads} payloads"
        print(f"to remove: {least}{report.executions} executions, {others}")
        return ExitCode.OK

    return run_command(work)


def _kept(seconds: float | None) -> str:
    return "for ever" if seconds is None else duration_text(seconds)
