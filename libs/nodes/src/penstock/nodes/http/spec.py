"""`http@1` to the engine."""

from collections.abc import Mapping
from typing import Any

from penstock.workflow.node_type import Effects, NodeType

METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

_SCALAR = {"type": ["string", "number", "boolean", "null"]}
_SCALARS = {"type": "object", "additionalProperties": {**_SCALAR}}


def effects_of(config: Mapping[str, Any]) -> Effects:
    """Safe methods change nothing; others carry an `Idempotency-Key`."""
    method = config.get("method", "GET")
    return "none" if isinstance(method, str) and method.upper() in SAFE_METHODS else "idempotent"


HTTP = NodeType(
    kind="http",
    major=1,
    title="HTTP request",
    description=(
        "Sends a request; the output is `{status, headers, body, url}` with the body read by its "
        "content type. Connection faults, time-outs, 5xx, 408, 425 and 429 are transient failures, "
        "other statuses that are not expected permanent ones."
    ),
    config_schema={
        "type": "object",
        "properties": {
            "method": {"enum": [*METHODS, *(method.lower() for method in METHODS)]},
            "url": {"type": "string", "minLength": 1},
            "headers": _SCALARS,
            "query": {
                "type": "object",
                "additionalProperties": {"anyOf": [_SCALAR, {"type": "array", "items": _SCALAR}]},
            },
            "body": {"type": "string"},
            "json": {},
            "form": _SCALARS,
            "auth": {
                "type": "object",
                "properties": {
                    "basic": {
                        "type": "object",
                        "properties": {
                            "username": {"type": "string"},
                            "password": {"type": "string"},
                        },
                        "required": ["username", "password"],
                        "additionalProperties": False,
                    },
                    "bearer": {"type": "string", "minLength": 1},
                },
                "minProperties": 1,
                "maxProperties": 1,
                "additionalProperties": False,
            },
            "timeout": {"type": ["string", "number"]},
            "follow_redirects": {"type": "boolean"},
            "expect": {
                "description": "Statuses that count as success: numbers or classes such as 2xx.",
                "type": ["array", "string", "integer"],
                "items": {"type": ["string", "integer"]},
            },
            "response": {"enum": ["auto", "json", "text", "bytes"]},
        },
        "required": ["url"],
        "additionalProperties": False,
    },
    runner="penstock.nodes.http.run:run",
    effects_of=effects_of,
    segment_friendly=False,
)
