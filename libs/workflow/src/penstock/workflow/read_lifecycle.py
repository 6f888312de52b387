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
from penstock.workflow.policies import OnFailure, Overlap, Retention, ScheduleTrigger

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
        _kept_s(completed, own, "completed") if completed is not None else 0.0,
        _kept_s(failed, own, "failed") if failed is not None else 0.0,
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
    """A trigger of the form `{schedule: "*/5 * * * *", ...}`. Whether the expression and the time
    zone make sense is for whoever carries schedules out."""
    fields = Fields(value, path, issues)
    fields.check_keys(words.SCHEDULE_KEYS, (), Names(words.SCHEDULE_KEYS))
    cron = fields.text("schedule", 200)
    if fields.get("schedule") is None:
        fields.missing("schedule", 'give a cron expression such as "*/5 * * * *"')
    if cron is None:
        return None
    return ScheduleTrigger(
        cron=cron,
        timezone=fields.text("timezone", 100) or "UTC",
        overlap=cast("Overlap", fields.choice("overlap", words.OVERLAP) or "allow"),
        catch_up_s=fields.duration_s("catch_up", zero=True) or 0.0,
        params=_data(fields, "params"),
        id=fields.name("id", words.FLOW_ID, words.FLOW_ID_RULE) or "",
    )


def _data(fields: Fields, key: str) -> Mapping[str, Any]:
    value = fields.mapping(key, "write them as `name: value`")
    return cast("Mapping[str, Any]", value.data) if value is not None else {}
