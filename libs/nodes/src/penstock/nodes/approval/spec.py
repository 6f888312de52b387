"""`approval@1` to the engine."""

from collections.abc import Mapping
from typing import Any

from penstock.workflow.node_type import NodeType

ACTIONS = ("approved", "rejected")


def actions_of(config: Mapping[str, Any]) -> tuple[str, ...]:
    """What a person can decide."""
    return ACTIONS


APPROVAL = NodeType(
    kind="approval",
    major=1,
    title="Approval",
    description=(
        "Asks people and goes on when one of them has decided: a router with the actions approved "
        "and rejected. The output is `{decision, data, by, at}`. No worker is held meanwhile."
    ),
    config_schema={
        "type": "object",
        "properties": {
            "title": {"type": "string", "minLength": 1, "maxLength": 1000},
            "description": {"type": "string", "maxLength": 10000},
            "form": {"type": "object"},
            "assignees": {
                "type": ["array", "string"],
                "items": {"type": "string", "minLength": 1, "maxLength": 255},
                "maxItems": 50,
            },
            "data": {},
            "timeout": {"type": ["string", "number"]},
            "on_timeout": {"enum": ["fail", "approve", "reject", "skip"]},
        },
        "required": ["title"],
        "additionalProperties": False,
    },
    runner="penstock.nodes.approval.run:run",
    actions_of=actions_of,
    raw_fields=("form",),
)
