"""Reads what a file says about its executions as a whole: how long they are kept, what to run when
one fails, when they start by themselves."""

from collections.abc import Mapping
from typing import Any, cast

from penstock.workflow import vocabulary as words
from penstock.workflow.durations import HELP, parse_duration_s
from penstock.workflow.fields import Fields
from penstock.workflow.issues import IssueList
from penstock.workflow.located import Located, join_path
from penstock.workflow.nearest import Names
from penstock.workflow.policies import CatchUp, OnFailure, Overlap, Retention, ScheduleTrigger
from penstock.workflow.schedules.cron import Cron, read_cron

_ON_FAILURE_HELP = "name a node of this file, or write `{workflow: name, params: {...}}`"


def read_retention(fields: Fields) -> Retention | None:
    """A duration for all ended executions, or `{completed, failed}`; `forever` keeps them."""
    value = fields.get("retention")
    if value is None:
        return None
    if value.items is None:
        kept_s = _kept_s(value, fields, "retention")
        return Retention(kept_s, kept_s)
    own = Fields(value, join_path(fields.path, "retention"), fields.issues)
    own.check_keys(words.RETENTION_KEYS, (), Names(words.RETENTION_KEYS))
    completed, failed = own.get("completed"), own.get("failed")
    return Retention(
        _kept_s(completed, own, "completed") if completed is not None else None,
        _kept_s(failed, own, "failed") if failed is not None else None,
    )


def _kept_s(value: Located, fields: Fields, key: str) -> float:
    if value.data == "forever":
        return 0.0
    seconds = parse_duration_s(value.data)
    if not seconds:
        message = f'"{key}" is {value.kind}: not a time to keep executions.'
        fix = f"write `forever`, or {HELP}"
        fields.issues.error("BAD_DURATION", fields.place(key), message, fix)
    return seconds or 0.0


def read_on_failure(fields: Fields) -> OnFailure | None:
    """A node's name, or `{workflow, params}`. Whether the node is there is checked with the
    edges."""
    value = fields.get("on_failure")
    if value is None:
        return None
    if isinstance(value.data, str):
        return OnFailure(node=value.data)
    if value.items is None:
        fields.wrong("on_failure", "a node's name or a mapping", _ON_FAILURE_HELP)
        return None
    own = Fields(value, join_path(fields.path, "on_failure"), fields.issues)
    own.check_keys(words.ON_FAILURE_KEYS, (), Names(words.ON_FAILURE_KEYS))
    workflow = own.name("workflow", words.FLOW_ID, words.FLOW_ID_RULE)
    if own.get("workflow") is None:
        own.missing("workflow", _ON_FAILURE_HELP)
    return OnFailure(workflow=workflow or "", params=_data(own, "params"))


def read_schedule(value: Located, path: str, issues: IssueList) -> ScheduleTrigger | None:
    """A trigger of the form `{schedule: "*/5 * * * *", ...}`."""
    fields = Fields(value, path, issues)
    fields.check_keys(words.SCHEDULE_KEYS, (), Names(words.SCHEDULE_KEYS))
    cron = fields.text("schedule")
    if fields.get("schedule") is None:
        fields.missing("schedule", 'give a cron expression such as "*/5 * * * *"')
    checked = _cron(fields, cron, fields.text("timezone", 100) or "UTC")
    catch_up, window_s = _catch_up(fields)
    jitter_s = fields.duration_s("jitter", zero=True) or 0.0
    if jitter_s > words.JITTER_S_MAX:
        message = '"jitter" is longer than a day.'
        fields.issues.error("BAD_DURATION", fields.place("jitter"), message, "write at most 1d")
    trigger = ScheduleTrigger(
        cron="" if checked is None else checked.text,
        timezone="UTC" if checked is None else checked.timezone,
        overlap=cast("Overlap", fields.choice("overlap", words.OVERLAP) or "allow"),
        catch_up=catch_up,
        catch_up_s=window_s,
        jitter_s=jitter_s,
        params=_data(fields, "params"),
        id=fields.name("id", words.FLOW_ID, words.FLOW_ID_RULE) or "",
    )
    return None if checked is None else trigger


def _cron(fields: Fields, expression: str | None, timezone: str) -> Cron | None:
    """The expression in its zone; tells what is wrong with either."""
    read = read_cron(expression or "* * * * *", timezone)
    if isinstance(read, Cron):
        return None if expression is None else read
    for problem in read:
        key = "timezone" if problem.code == "BAD_TIMEZONE" else "schedule"
        fields.issues.error(problem.code, fields.place(key), problem.message, problem.fix)
    return None


def _catch_up(fields: Fields) -> tuple[CatchUp, float]:
    """A policy by name, or how old the slots may be that are all made up for."""
    value = fields.get("catch_up")
    if value is None:
        return "latest", 0.0
    if value.data in words.CATCH_UP:
        return cast("CatchUp", value.data), 0.0
    seconds = parse_duration_s(value.data)
    if seconds is None:
        message = f'"catch_up" is {value.kind}: neither a policy nor a duration.'
        fix = f"write one of {', '.join(words.CATCH_UP)}, or {HELP.removeprefix('write ')}"
        fields.issues.error("BAD_DURATION", fields.place("catch_up"), message, fix)
    return ("all", seconds) if seconds else ("none", 0.0)


def _data(fields: Fields, key: str) -> Mapping[str, Any]:
    value = fields.mapping(key, "write them as `name: value`")
    return cast("Mapping[str, Any]", value.data) if value is not None else {}
