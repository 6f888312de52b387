"""`penstock doctor`: is the cluster well, and can it be mended?"""

from typing import Annotated, Any

from cyclopts import Parameter

from penstock.cli.exit_codes import ExitCode
from penstock.cli.options import DataDir, Output, Url
from penstock.cli.output import print_table, print_value
from penstock.cli.problems import run_command
from penstock.cli.session import DATA_DIR, open_session
from penstock.sdk.audit import AuditReport, RepairReport


def doctor(
    *,
    repair: Annotated[bool, Parameter(negative="", help="Mend what is found.")] = False,
    now: Annotated[
        bool, Parameter(help="Look at everything first; --no-now shows what is known.")
    ] = True,
    execution: Annotated[str, Parameter(help="Mend only what was found of this execution.")] = "",
    output: Output = "table",
    url: Url = "",
    data_dir: DataDir = DATA_DIR,
) -> int:
    """Check every execution that is in memory against its journal, and of those at rest that they
    are where they belong and woken in time; say what is wrong and what would mend it. Changes
    nothing without --repair. Ends with 1 if something is wrong and was not mended."""

    async def work() -> ExitCode:
        async with open_session(url, data_dir) as client:
            health = await client.health()
            if health.get("status") == "down":
                _print_down(health, output)
                return ExitCode.EXECUTION_FAILED
            report = await client.audit.report(now=now)
            repairs = await client.audit.repair(execution, apply=repair)
        if output != "table":
            print_value({"health": health, "audit": report, "repair": repairs}, output)
        else:
            _print(health, report, repairs)
        left = any(not each.mended for each in repairs.repairs)
        well = health.get("status") == "up" and not left
        return ExitCode.OK if well else ExitCode.EXECUTION_FAILED

    return run_command(work)


def _print_down(health: dict[str, Any], output: Output) -> None:
    """What the gateway needs is away: nobody can look at anything."""
    if output != "table":
        print_value({"health": health}, output)
        return
    _print_parts(health)
    print("nothing was looked at; try again when these are back")


def _print_parts(health: dict[str, Any]) -> None:
    for name, part in sorted(health.get("components", {}).items()):
        if part.get("status") != "up":
            print(f"{name} is down: {part.get('detail') or part.get('address', '')}")


def _print(health: dict[str, Any], report: AuditReport, repairs: RepairReport) -> None:
    _print_parts(health)
    print(
        f"looked at {report.executions} executions in memory and {report.resting} at rest in "
        f"{report.shards} shards of "
        f"{report.coordinators} coordinator{'s' if report.coordinators != 1 else ''}: "
        + ("all is well" if report.healthy else f"{len(report.findings)} findings")
    )
    if report.dropped:
        print(f"{report.dropped} more findings were not kept")
    if not repairs.repairs:
        return
    rows = [
        (
            each.invariant,
            each.execution_id,
            each.message,
            f"{each.repair}: done" if each.mended else f"{each.repair}: {each.why_not}",
        )
        for each in repairs.repairs
    ]
    print_table(("INVARIANT", "EXECUTION", "FINDING", "REPAIR"), rows)
    if not repairs.applied:
        print("nothing was changed; mend it with `penstock doctor --repair`")
