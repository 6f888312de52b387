"""The JSON Schema of limits in workflow files: concurrency, rates, breakers."""

from typing import Any

from penstock.workflow import vocabulary as words

_KEY = {
    "type": "string",
    "maxLength": 1000,
    "description": "What renders to the same text shares the limit; `params`, `run.id`, the item.",
}


def limit_properties(duration: dict[str, Any], on_full: tuple[str, ...]) -> dict[str, Any]:
    """`concurrency` and `rate_limit`; `on_full` is what may happen to one too many."""
    limit = {"type": "integer", "minimum": 1, "maximum": words.LIMIT_MAX}
    slots = {"key": _KEY, "limit": limit, "on_full": {"enum": list(on_full)}}
    rate = {"key": _KEY, "limit": limit, "per": duration}
    return {
        "concurrency": {
            "description": "At most so many at once, over the whole cluster.",
            "anyOf": [limit, _mapping(slots, ["limit"])],
        },
        "rate_limit": {
            "description": "At most so many beginnings in any such time, such as `100/m`.",
            "anyOf": [
                {"type": "string", "pattern": r"^\s*\d+\s*/"},
                _mapping(rate, ["limit"]),
            ],
        },
    }


def breaker_schema(duration: dict[str, Any]) -> dict[str, Any]:
    """`breaker`."""
    count = {"type": "integer", "minimum": 1, "maximum": 10_000}
    properties = {
        "key": _KEY,
        "failure_threshold": {**count, "description": "Failures in a row that open it."},
        "success_threshold": {**count, "description": "Probes that must succeed to close it."},
        "timeout": duration,
        "on_open": {"enum": list(words.ON_OPEN)},
    }
    return {"description": "Stop trying what keeps failing.", **_mapping(properties, [])}


def _mapping(properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    return {
        "type": "object",
        "required": required,
        "additionalProperties": False,
        "properties": properties,
    }
