"""The part of the files' JSON Schema that says where and when work runs."""

from typing import Any

from penstock.workflow import vocabulary as words
from penstock.workflow.policies import PRIORITY_MAX, PRIORITY_WORDS


def priority_schema() -> dict[str, Any]:
    """A priority: a number or a word for one."""
    return {
        "description": "How urgent: 0 (least) to 9, 5 if nothing is said; or a word.",
        "anyOf": [
            {"type": "integer", "minimum": 0, "maximum": PRIORITY_MAX},
            {"enum": list(PRIORITY_WORDS)},
        ],
    }


def placement_properties() -> dict[str, Any]:
    """The keys of a node that say which workers it can go to, and before whom."""
    return {
        "priority": priority_schema(),
        "labels": {
            "type": "object",
            "description": "Labels that a worker must have.",
            "propertyNames": {"pattern": f"^(?:{words.LABEL.pattern})$"},
            "additionalProperties": {
                "type": "string",
                "pattern": f"^(?:{words.LABEL.pattern})$",
            },
        },
        "affinity": {
            "type": "string",
            "maxLength": 1000,
            "description": "What goes to one worker: execution, none, or a key of your own.",
        },
        "breakpoint": {
            "description": "Held while debugging: before, after, or before if a condition is true.",
            "anyOf": [{"enum": ["before", "after"]}, {"type": "string", "pattern": r"\$\{\{"}],
        },
        "resources": {
            "type": "object",
            "description": "What an attempt takes of its worker: cpu, memory (MiB), others.",
            "propertyNames": {"pattern": f"^(?:{words.RESOURCE.pattern})$"},
            "additionalProperties": {"type": "number", "minimum": 0},
        },
    }
