"""Reads the top level of a file."""

from collections.abc import Mapping
from typing import Any, Literal, cast

from penstock.workflow import vocabulary as words
from penstock.workflow.definition import Defaults, FlowDefinition, NodeDefinition
from penstock.workflow.fields import Fields
from penstock.workflow.issues import IssueList, Place
from penstock.workflow.located import Located, join_path
from penstock.workflow.nearest import Names
from penstock.workflow.node_type import NodeType
from penstock.workflow.params import check_declarations
from penstock.workflow.plan import OnError
from penstock.workflow.policies import PRIORITY_USUAL, ScheduleTrigger
from penstock.workflow.read_lifecycle import read_on_failure, read_retention, read_schedule
from penstock.workflow.read_node import NodeReader
from penstock.workflow.read_policies import read_retry
from penstock.workflow.read_scheduling import read_concurrency, read_priority, read_rate_limit
from penstock.workflow.retry import RetryPolicy
from penstock.workflow.variables import encoded, first_flaws


def read_flow(root: Located, types: Mapping[str, NodeType], issues: IssueList) -> FlowDefinition:
    """Read a file's root mapping. What is wrong goes into `issues`; the rest is read on."""
    fields = Fields(root, "", issues)
    names = Names((*words.FLOW_KEYS, *words.FLOW_KEYS_LATER))
    fields.check_keys(words.FLOW_KEYS, words.FLOW_KEYS_LATER, names)
    _check_version(fields)
    flow_id = fields.name("id", words.FLOW_ID, words.FLOW_ID_RULE)
    if fields.get("id") is None:
        fields.missing("id", "name the workflow, such as `id: price-watch`")
    mode = fields.choice("mode", words.MODES, words.MODES_LATER)
    fields.text("version_note")
    priority = read_priority(fields)
    defaults = _read_defaults(fields)
    params = fields.mapping(
        "params", "one JSON Schema per parameter, such as `sku: {type: string}`"
    )
    return FlowDefinition(
        id=flow_id or "",
        nodes=_read_nodes(fields, NodeReader(types, defaults, issues)),
        description=fields.text("description") or "",
        params=check_declarations(params, issues) if params is not None else {},
        output=fields.get("output"),
        deadline_s=fields.duration_s("deadline") or 0.0,
        tags=fields.texts("tags", words.TAG, words.TAG_RULE, 50) or (),
        env=fields.texts("env", words.IDENTIFIER, words.IDENTIFIER_RULE, 200) or (),
        mode=cast('Literal["realtime", "debug"]', mode or "realtime"),
        priority=PRIORITY_USUAL if priority is None else priority,
        concurrency=read_concurrency(fields, words.ON_FULL),
        rate_limit=read_rate_limit(fields),
        retention=read_retention(fields),
        on_failure=read_on_failure(fields),
        schedules=_read_triggers(fields),
        vars=_read_vars(fields),
    )


def _read_vars(fields: Fields) -> Mapping[str, Any]:
    """The variables that executions begin with."""
    value = fields.mapping("vars", "write them as `name: value`")
    if value is None:
        return {}
    try:
        values = encoded(value.data)
    except (TypeError, ValueError):
        fields.wrong("vars", "values that JSON has", "put dates and the like into quotes")
        return {}
    for name, what, fix in first_flaws(values):
        place = value.key_place(name, "vars") if name else fields.place("vars")
        code = "BAD_VARIABLE" if name else "TOO_MANY_ENTRIES"
        fields.issues.error(code, place, f"{what[0].upper()}{what[1:]}.", fix)
    return dict(value.data)


def _check_version(fields: Fields) -> None:
    value = fields.get("flow")
    if value is None:
        fields.missing("flow", "start the file with `flow: 1`")
    elif type(value.data) is not int or value.data != 1:
        message = f"The format is {value.kind}, but only version 1 is known."
        fields.issues.error("UNKNOWN_FORMAT", fields.place("flow"), message, "write `flow: 1`")


def _read_triggers(fields: Fields) -> tuple[ScheduleTrigger, ...]:
    """The schedules among the triggers; the others are checked."""
    value = fields.get("triggers")
    if value is None:
        return ()
    path = join_path(fields.path, "triggers")
    if value.elements is None:
        found = [_read_trigger(value, path, fields.issues)]
    else:
        found = [
            _read_trigger(element, join_path(path, position), fields.issues)
            for position, element in enumerate(value.elements)
        ]
    schedules = tuple(schedule for schedule in found if schedule is not None)
    _check_schedules(schedules, fields)
    return schedules


def _check_schedules(schedules: tuple[ScheduleTrigger, ...], fields: Fields) -> None:
    """There are not too many, and no two that would be one: the same `id`, or none and the same
    expression."""
    place = fields.place("triggers")
    if len(schedules) > words.SCHEDULES_MAX:
        message = f"The file has {len(schedules)} schedules; {words.SCHEDULES_MAX} are possible."
        fields.issues.error("TOO_MANY_ENTRIES", place, message, "split the workflow")
    keys = [schedule.id or schedule.cron for schedule in schedules]
    for key in sorted({key for key in keys if keys.count(key) > 1}):
        fix = "give each an `id` of its own"
        fields.issues.error("DUPLICATE_ENTRY", place, f'Two schedules are "{key}".', fix)


def _read_trigger(value: Located, path: str, issues: IssueList) -> ScheduleTrigger | None:
    if value.data == "manual":
        return None
    if value.items is None or not value.items:
        word = value.data if isinstance(value.data, str) else ""
        if word in words.TRIGGER_KEYS_LATER:
            _trigger_later(word, value.place(path), issues)
            return None
        message = f"A trigger must be a mapping, not {value.kind}."
        issues.error("WRONG_TYPE", value.place(path), message, "such as `triggers: [manual]`")
        return None
    later = [key for key in value.items if key in words.TRIGGER_KEYS_LATER]
    if later:
        _trigger_later(later[0], value.key_place(later[0], path), issues)
        return None
    if "schedule" in value.items:
        return read_schedule(value, path, issues)
    fields = Fields(value, path, issues)
    fields.check_keys(("manual",), (), Names(("manual", "schedule", *words.TRIGGER_KEYS_LATER)))
    manual = fields.get("manual")
    if manual is not None and manual.data not in (True, {}):
        fields.wrong("manual", "`true` or `{}`", "a manual trigger has no settings")
    return None


def _trigger_later(key: str, place: Place, issues: IssueList) -> None:
    message = f"{key} triggers are not supported yet."
    fix = "use `triggers: [manual]` and start it through the API"
    issues.error("NOT_SUPPORTED_YET", place, message, fix)


def _read_defaults(fields: Fields) -> Defaults:
    value = fields.mapping("defaults", "such as `defaults: {retry: standard, timeout: 30s}`")
    if value is None:
        return Defaults()
    own = Fields(value, join_path(fields.path, "defaults"), fields.issues)
    later = (*words.NODE_KEYS_LATER,)
    own.check_keys(words.DEFAULTS_KEYS, later, Names((*words.DEFAULTS_KEYS, *later)))
    standard = Defaults()
    retry = own.get("retry")
    return Defaults(
        retry=RetryPolicy() if retry is None else read_retry(retry, own),
        timeout_s=own.duration_s("timeout") or standard.timeout_s,
        pool=own.name("pool", words.POOL, words.POOL_RULE) or standard.pool,
        on_error=cast("OnError", own.choice("on_error", words.ON_ERROR) or standard.on_error),
    )


def _read_nodes(fields: Fields, reader: NodeReader) -> tuple[NodeDefinition, ...]:
    issues = fields.issues
    value = fields.mapping("nodes", "a mapping of node ids to nodes: `nodes: {first: {run: ...}}`")
    if value is None or not value.items:
        if fields.get("nodes") is None or value is not None:
            fields.missing("nodes", "give at least one node")
        return ()
    if len(value.items) > words.NODES_MAX:
        message = f"There are {len(value.items)} nodes; {words.NODES_MAX} are possible."
        fix = "use `for_each` for many pieces of the same work, or split the workflow"
        issues.error("TOO_MANY_NODES", fields.place("nodes"), message, fix)
        return ()
    found: list[NodeDefinition] = []
    for node_id, item in value.items.items():
        if not words.NODE_ID.fullmatch(node_id) or node_id in words.ON_ERROR:
            reserved = node_id in words.ON_ERROR
            message = f'"{node_id[:80]}" is not a valid node id.'
            fix = "it has a meaning in `on_error`" if reserved else words.NODE_ID_RULE
            issues.error("BAD_NAME", value.key_place(node_id, "nodes"), message, fix)
        node = reader.read(node_id, item, join_path("nodes", node_id))
        if node is not None:
            found.append(node)
    return tuple(found)
