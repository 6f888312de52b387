"""Checks the parameters that a file's schedules start with against those that the file declares."""

from penstock.workflow.issues import IssueList, Place
from penstock.workflow.located import Located
from penstock.workflow.params import ParamsChecker
from penstock.workflow.plan import Plan


def check_schedule_params(plan: Plan, root: Located, issues: IssueList) -> None:
    """Tell what no slot could be started with: refused at each of them otherwise."""
    if not plan.schedules:
        return
    triggers = (root.items or {})["triggers"]
    checker = ParamsChecker(plan)
    for schedule in plan.schedules:
        _, found = checker.check(dict(schedule.params))
        at = triggers.place("triggers")
        for issue in found:
            if issue.severity == "error":
                place = Place(at.line, at.column, f"triggers.{issue.path}")
                name = schedule.id or schedule.cron
                message = f'The schedule "{name}" could not start anything: {issue.message}'
                issues.error(issue.code, place, message, issue.fix)
