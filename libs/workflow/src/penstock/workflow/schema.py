"""The JSON Schema of workflow files, for editors: generated from the vocabulary and the node types.

Draft-07. It is looser than `check`: references, cycles and JavaScript are beyond a schema.
"""

import copy
import re
from collections.abc import Mapping
from typing import Any

from penstock.workflow import vocabulary as words
from penstock.workflow.node_type import NodeType
from penstock.workflow.retry import ERROR_CLASSES, NAMED_POLICIES
from penstock.workflow.schema_limits import breaker_schema, limit_properties
from penstock.workflow.schema_scheduling import placement_properties, priority_schema
from penstock.workflow.variables import METHODS

_DYNAMIC = {"type": "string", "pattern": r"\$\{\{"}
_DURATION = {"$ref": "#/definitions/duration"}
_RETRY = {"$ref": "#/definitions/retry"}
_KEYWORDS_WITH_SCHEMA = ("additionalProperties", "items", "contains", "additionalItems", "not")
_KEYWORDS_WITH_SCHEMAS = ("anyOf", "oneOf", "allOf")
_KEYWORDS_WITH_NAMED_SCHEMAS = ("properties", "patternProperties", "definitions")


def flow_schema(types: Mapping[str, NodeType]) -> dict[str, Any]:
    """The schema of a whole file, with the settings of each of these node types."""
    offered = {name: types[name] for name in sorted(types) if name != words.OUTPUT_TYPE}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": "https://penstock.dev/flow.v1.schema.json",
        "title": "Penstock workflow",
        "type": "object",
        "required": ["flow", "id", "nodes"],
        "additionalProperties": False,
        "properties": _flow_properties(),
        "definitions": {
            "duration": _duration(),
            "retry": _retry(),
            "need": _need(),
            "node": _node(offered),
        },
    }


def _text(description: str, pattern: re.Pattern[str] | None = None) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string", "description": description}
    return schema if pattern is None else {**schema, "pattern": _anchored(pattern)}


def _anchored(pattern: re.Pattern[str]) -> str:
    return f"^(?:{pattern.pattern})$"


def _on_failure() -> dict[str, Any]:
    """A node of the file, or another workflow."""
    workflow = {
        "type": "object",
        "properties": {
            "workflow": _text("Its name.", words.FLOW_ID),
            "params": {"type": "object", "description": "Its parameters, without expressions."},
        },
        "required": ["workflow"],
        "additionalProperties": False,
    }
    return {
        "description": "What runs when an execution fails: a node of this file, or a workflow.",
        "anyOf": [_text("A node's id.", words.NODE_ID), workflow],
    }


def _retention() -> dict[str, Any]:
    """One time for all ended executions, or one for each way to end."""
    kept = {"anyOf": [{"const": "forever"}, _DURATION]}
    return {
        "description": "How long ended executions are kept; the latest version's holds for all.",
        "anyOf": [
            {"const": "forever"},
            _DURATION,
            {
                "type": "object",
                "properties": dict.fromkeys(words.RETENTION_KEYS, kept),
                "additionalProperties": False,
            },
        ],
    }


def _flow_properties() -> dict[str, Any]:
    return {
        "flow": {"const": 1, "description": "Version of the format."},
        "id": _text("Name of the workflow.", words.FLOW_ID),
        "description": _text("What it is for."),
        "params": {
            "type": "object",
            "description": "JSON Schema per parameter; one without `default` is required.",
            "propertyNames": {"pattern": _anchored(words.IDENTIFIER)},
            "additionalProperties": {"$ref": "http://json-schema.org/draft-07/schema#"},
        },
        "defaults": {
            "type": "object",
            "description": "For nodes that say nothing themselves.",
            "additionalProperties": False,
            "properties": {
                "retry": _RETRY,
                "timeout": _DURATION,
                "pool": _text("Worker pool.", words.POOL),
                "on_error": {"enum": list(words.ON_ERROR)},
            },
        },
        "nodes": {
            "type": "object",
            "description": "The nodes by id.",
            "minProperties": 1,
            "maxProperties": words.NODES_MAX,
            "propertyNames": {"pattern": _anchored(words.NODE_ID)},
            "additionalProperties": {"$ref": "#/definitions/node"},
        },
        "output": {"description": "The run's output; expressions in ${{ }}."},
        "vars": {
            "type": "object",
            "description": "Execution variables and their first values.",
            "propertyNames": {"pattern": _anchored(words.IDENTIFIER), "not": {"enum": [*METHODS]}},
        },
        "mode": {"enum": list(words.MODES)},
        "deadline": {**_DURATION, "description": "The whole run ends by then."},
        "tags": {"type": "array", "items": _text("A label.", words.TAG), "uniqueItems": True},
        "env": {
            "type": "array",
            "description": "Names of variables whose values come from the server's settings.",
            "items": {"type": "string", "pattern": _anchored(words.IDENTIFIER)},
            "uniqueItems": True,
        },
        **limit_properties(_DURATION, words.ON_FULL),
        "version_note": _text("What is new in this version."),
        "priority": priority_schema(),
        "on_failure": _on_failure(),
        "retention": _retention(),
        "triggers": {
            "description": 'How runs start; "manual" is through the API.',
            "anyOf": [_trigger(), {"type": "array", "items": _trigger()}],
        },
    }


def _trigger() -> dict[str, Any]:
    return {
        "anyOf": [
            {"const": "manual"},
            {"type": "object", "properties": {"manual": {}}, "required": ["manual"]},
            {
                "type": "object",
                "required": ["schedule"],
                "additionalProperties": False,
                "properties": {
                    "schedule": {
                        "type": "string",
                        "description": 'A cron expression, such as "*/5 * * * *" or "@hourly".',
                    },
                    "id": _text("Id of the schedule.", words.FLOW_ID),
                    "timezone": {"type": "string", "description": "An IANA name; UTC without it."},
                    "overlap": {"enum": list(words.OVERLAP)},
                    "catch_up": {"anyOf": [{"enum": list(words.CATCH_UP)}, _DURATION]},
                    "jitter": _DURATION,
                    "params": {"type": "object"},
                },
            },
        ]
    }


def _duration() -> dict[str, Any]:
    return {
        "description": 'Such as "500ms", "30s", "5m", "1h30m"; a number means seconds.',
        "anyOf": [
            {"type": "number", "minimum": 0},
            {"type": "string", "pattern": r"^\s*(\d+(\.\d+)?(ms|s|m|h|d))+\s*$"},
        ],
    }


def _retry() -> dict[str, Any]:
    classes = {"type": "array", "items": {"enum": list(ERROR_CLASSES)}, "uniqueItems": True}
    return {
        "description": "A policy by name, or its numbers.",
        "anyOf": [
            {"enum": list(NAMED_POLICIES)},
            {
                "type": "object",
                "additionalProperties": False,
                "properties": {
                    "max_attempts": {"type": "integer", "minimum": 1, "maximum": 1000},
                    "initial_delay": _DURATION,
                    "max_delay": _DURATION,
                    "multiplier": {"type": "number", "minimum": 1, "maximum": 100},
                    "jitter": {"type": "number", "minimum": 0, "maximum": 1},
                    "on": classes,
                    "hook": _text("A workflow to start before each repeat.", words.FLOW_ID),
                },
            },
        ],
    }


def _need() -> dict[str, Any]:
    return {
        "anyOf": [
            {"type": "string"},
            {
                "type": "object",
                "required": ["node"],
                "additionalProperties": False,
                "properties": {
                    "node": _text("Id of the parent."),
                    "on": {"enum": list(words.EDGE_ON)},
                    "action": _text("Output chosen by the router."),
                },
            },
        ]
    }


def _node(types: Mapping[str, NodeType]) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            **_node_properties(),
            **placement_properties(),
            **_kind_properties(types),
        },
        "anyOf": [{"required": ["run"]}, {"required": ["uses"]}],
        "allOf": [_settings(name, node_type) for name, node_type in types.items()],
    }


def _kind_properties(types: Mapping[str, NodeType]) -> dict[str, Any]:
    described = [
        {"const": name, "description": f"{node_type.title}. {node_type.description}"}
        for name, node_type in types.items()
    ]
    return {
        "uses": {"description": "Node type.", "oneOf": described or [{"type": "string"}]},
        "run": _text("Body of an async JavaScript function."),
        "with": {"type": "object", "description": "Settings of the node type."},
    }


def _settings(name: str, node_type: NodeType) -> dict[str, Any]:
    schema = with_expressions(node_type.config_schema)
    then: dict[str, Any] = {"properties": {"with": schema}}
    if node_type.config_schema.get("required"):
        then["required"] = ["with"]
    return {"if": {"required": ["uses"], "properties": {"uses": {"const": name}}}, "then": then}


def with_expressions(schema: Any) -> Any:
    """A schema that also accepts texts with `${{ }}` in place of any scalar, list or mapping below
    its top."""
    return _loosened(copy.deepcopy(dict(schema)), top=True)


def _loosened(schema: Any, *, top: bool = False) -> Any:
    if not isinstance(schema, dict):
        return schema
    for key in _KEYWORDS_WITH_NAMED_SCHEMAS:
        for name, inner in schema.get(key, {}).items():
            schema[key][name] = _loosened(inner)
    for key in _KEYWORDS_WITH_SCHEMA:
        if isinstance(schema.get(key), dict):
            schema[key] = _loosened(schema[key])
    for key in _KEYWORDS_WITH_SCHEMAS:
        if key in schema:
            schema[key] = [_loosened(inner, top=True) for inner in schema[key]]
    is_plain = schema.keys() <= {"description", "title", "examples", "default"}
    if top or is_plain or (schema.get("type") == "string" and "pattern" not in schema):
        return schema
    description = {"description": schema["description"]} if "description" in schema else {}
    return {**description, "anyOf": [schema, _DYNAMIC]}


def _node_properties() -> dict[str, Any]:
    need = {"$ref": "#/definitions/need"}
    count = {"type": "integer", "minimum": 1, "maximum": words.ITEMS_MAX}
    return {
        "needs": {"description": "Parents.", "anyOf": [need, {"type": "array", "items": need}]},
        "when": {
            "description": "Run only if true.",
            "anyOf": [{"type": "boolean"}, _DYNAMIC],
        },
        "for_each": {
            "description": "List to run over, once per element.",
            "anyOf": [{"type": "array", "maxItems": words.ITEMS_MAX}, _DYNAMIC],
        },
        "item": _text("Name of the element in expressions.", words.IDENTIFIER),
        "max_parallel": {**count, "description": "Elements at once."},
        "batch": {**count, "description": "Elements per item."},
        "retry": _RETRY,
        "timeout": {**_DURATION, "description": "Per attempt."},
        "deadline": {**_DURATION, "description": "For the whole node, retries included."},
        "on_error": _text("fail, continue, skip, or the id of a node that handles it."),
        "effects": {"enum": list(words.EFFECTS)},
        "on_uncertain": {
            "type": ["string", "number"],
            "description": "ask, fail, or how long to ask a person before it fails.",
        },
        "pool": _text("Worker pool.", words.POOL),
        "egress": {
            "type": "array",
            "description": "Hosts the node may reach.",
            "items": {"type": "string", "pattern": _anchored(words.HOST)},
        },
        "limits": {
            "type": "object",
            "description": "Sandbox limits below the server's.",
            "additionalProperties": False,
            "properties": {
                "memory": {"anyOf": [{"type": "integer"}, {"type": "string"}]},
                "time": _DURATION,
            },
        },
        **limit_properties(_DURATION, ("queue",)),
        "breaker": breaker_schema(_DURATION),
        "importance": {"enum": list(words.IMPORTANCE)},
        "summary": _text("One line for people; expressions in ${{ }}."),
        "description": _text("What the node is for."),
    }
