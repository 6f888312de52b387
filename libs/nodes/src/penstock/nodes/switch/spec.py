"""`switch@1` to the engine."""

from collections.abc import Mapping
from typing import Any

from penstock.workflow.node_type import NodeType


def actions_of(config: Mapping[str, Any]) -> tuple[str, ...]:
    """All action names that a run can choose, in the order of the cases."""
    cases = config.get("cases")
    names = [
        case["action"]
        for case in (cases if isinstance(cases, list) else [])
        if isinstance(case, Mapping) and isinstance(case.get("action"), str)
    ]
    if isinstance(config.get("default"), str):
        names.append(config["default"])
    return tuple(dict.fromkeys(names))


SWITCH = NodeType(
    kind="switch",
    major=1,
    title="Switch",
    description=(
        "Chooses actions by conditions, checked in order; `match: all` takes every one that holds. "
        "`default` is chosen when none does. The output is `value`, or else the node's payload."
    ),
    config_schema={
        "type": "object",
        "properties": {
            "cases": {
                "type": "array",
                "minItems": 1,
                "maxItems": 100,
                "items": {
                    "type": "object",
                    "properties": {
                        "when": {"type": ["string", "boolean"]},
                        "action": {"type": "string", "minLength": 1},
                    },
                    "required": ["when", "action"],
                    "additionalProperties": False,
                },
            },
            "default": {"type": "string", "minLength": 1},
            "match": {"enum": ["first", "all"]},
            "value": {},
        },
        "required": ["cases"],
        "additionalProperties": False,
    },
    runner="penstock.nodes.switch.run:run",
    actions_of=actions_of,
    raw_fields=("cases", "value", "default", "match"),
)
