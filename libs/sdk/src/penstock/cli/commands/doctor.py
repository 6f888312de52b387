"""`penstock doctor`: is the cluster well, and can it be mended?"""

from typing import Annotated, Any

from cyclopts import Parameter

from penstock.cli.call import CALL, Call
from penstock.cli.exit_codes import ExitCode
from penstock.cli.output import print_table
from penstock.cli.problems import with_exit_code
from penstock.sdk.audit import AuditReport, RepairReport


@with_exit_code
async def doctor(
    *,
    repair: Annotated[bool, Parameter(negative="", help="Mend what is found.")] = False,
    now: Annotated[
        bool, Parameter(help="Look at everything first; --no-now shows what is known.")
    ] = True,
    execution: Annotated[str, Parameter(help="Mend only what was found of this execution.")] = "",
    call: Call = CALL,
) -> ExitCode:
    """Check every execution that is in memory against its journal, and of those at rest that they
    are where they belong and woken in time; say what is wrong and what would mend it. Changes
    nothing without --repair. Ends with 1 if something is wrong and was not mended."""
    async with call.session() as client:
        health = await client.health()
        if health.get("status") == "down":
            call.show({"health": health}, _print_down)
            return ExitCode.EXECUTION_FAILED
        report = await client.audit.report(now=now)
        repairs = await client.audit.repair(execution, apply=repair)
    found = {"health": health, "audit": report, "repair": repairs}
    call.show(found, lambda _: _print(health, report, repairs))
    left = any(not each.mended for each in repairs.repairs)
    well = health.get("status") == "up" and not left
    return ExitCode.OK if well else ExitCode.EXECUTION_FAILED


def _print_down(found: dict[str, Any]) -> None:
    """What the gateway needs is away: nobody can look at anything."""
    _print_parts(found["health"])
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
